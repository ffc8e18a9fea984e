/*
 * What guests have in registers never mixes between those of one CPU, nor with the host: three
 * VCPUs of two VMs look after theirs, by turns, and so do their monitor and a thread between them.
 */
#include "agent.h"
#include "guest_host.h"
#include "monitor.h"
#include "suites.h"
#include "switch.h"

enum { KEEPER = 0 }; /* actor */

#define VCPUS  3u
#define ROUNDS 60u
#define SPIN   3000u
#define GROUPS                                                                                     \
    (STATE_FS_GS | STATE_CR | STATE_TPR | STATE_EFER | STATE_DR | STATE_SYSENTER | STATE_SYSCALL | \
     STATE_PAT)

#define CR4_DE      (1ull << 3)
#define CR4_PGE     (1ull << 7)
#define CR4_OSFXSR  (1ull << 9)
#define CR4_OSXSAVE (1ull << 18)
#define EFER_SCE    (1ull << 0)
#define EFER_NXE    (1ull << 11)
#define XCR0_AVX    7ull

static struct seen {
    struct monitor_vcpu *v;
    uint32_t msrs;
    uint64_t exits, other; /* of OUT, and others */
    uint64_t rows;         /* bit n: the page had another value of row n */
    uint64_t state;        /* so often was other state not its own */
    uint64_t clock;        /* its TSC was outside of the time it ran in */
    uint64_t host;         /* HOST_* that were not as they should be */
    uint64_t last;         /* TSC when the monitor had answered */
    uint64_t offset, ratio;
} seen[VCPUS];

static uint32_t where; /* CPU */
static const uint32_t *choice;
static bool changing; /* the guests get each other's choice */
static volatile uint64_t keeps, kept_wrong;
static volatile bool keeper_stop;

/* Those from CHANGING on change. */
#define CHANGING 4u
static const uint32_t choices[][VCPUS] = {
    {MSR_PASS_ALL, MSR_PASS_ALL, MSR_PASS_ALL},
    {0, 0, 0},
    {MSR_PASS_ALL, 0, MSR_PASS_SYSCALL | MSR_PASS_PAT},
    {MSR_PASS_SYSENTER, MSR_PASS_FS_GS_BASE, MSR_PASS_ALL},
    {MSR_PASS_ALL, 0, MSR_PASS_SYSCALL},
};

/* MSRs of the table: number, choice, bits that change. */
static const struct {
    uint32_t msr, pass;
    uint64_t flip;
} rows[SWITCH_ROWS] = {
    [ROW_STAR] = {0xc0000081, MSR_PASS_SYSCALL, 0x40000000ff},
    [ROW_LSTAR] = {0xc0000082, MSR_PASS_SYSCALL, SWITCH_TARGET},
    [ROW_CSTAR] = {0xc0000083, MSR_PASS_SYSCALL, 0x10},
    [ROW_SFMASK] = {0xc0000084, MSR_PASS_SYSCALL, SWITCH_FLAGS},
    [ROW_KERNEL] = {0xc0000102, MSR_PASS_SYSCALL, 8},
    [ROW_FS] = {0xc0000100, MSR_PASS_FS_GS_BASE, 8},
    [ROW_GS] = {0xc0000101, MSR_PASS_FS_GS_BASE, 8},
    [ROW_CS] = {0x174, MSR_PASS_SYSENTER, 0x100},
    [ROW_ESP] = {0x175, MSR_PASS_SYSENTER, 1},
    [ROW_EIP] = {0x176, MSR_PASS_SYSENTER, 2},
    [ROW_PAT] = {0x277, MSR_PASS_PAT, 1},
};

static uint64_t value(unsigned row, unsigned id, uint64_t area)
{
    static const uint64_t masks[VCPUS] = {0x40000, 0x200000, SWITCH_FLAGS};
    uint64_t words = area + SWITCH_WORDS + 0x100ull * id;

    switch (row) {
    case ROW_STAR:
        return (0x80 + 0x100ull * id) << 32 | id;
    case ROW_LSTAR:
        return area + SWITCH_TARGETS + 2ull * SWITCH_TARGET * id;
    case ROW_CSTAR:
        return 0xffff800000001000ull + id;
    case ROW_SFMASK:
        return masks[id];
    case ROW_KERNEL:
        return words + 0x10;
    case ROW_FS:
        return words + 0x40;
    case ROW_GS:
        return words + 0x80;
    case ROW_CS:
        return 8 + 16ull * id;
    case ROW_PAT:
        return 0x0007040600070006ull | (id == 2 ? 7ull : 4 + id) << 8;
    default:
        return 0x123400000 + 0x1000ull * row + 16ull * id;
    }
}

static volatile uint64_t *field(volatile struct vcpu_state *s, unsigned row)
{
    switch (row) {
    case ROW_FS:
        return &s->fs.base;
    case ROW_GS:
        return &s->gs.base;
    case ROW_PAT:
        return &s->pat;
    default:
        return row <= ROW_KERNEL ? &s->star + row : &s->sysenter_cs + (row - ROW_CS);
    }
}

static volatile uint64_t *word(const struct monitor_vcpu *v, uint64_t offset)
{
    return (volatile uint64_t *)monitor_at(v->monitor, SWITCH_AREA(v->index) + offset);
}

static unsigned id_of(const struct monitor_vcpu *v)
{
    return v->monitor->index + v->index;
}

/* Words with their own address; targets of LSTAR: MOV $address, %eax; JMP *%rdi. */
static void area_put(struct monitor_vcpu *v)
{
    uint64_t area = SWITCH_AREA(v->index);

    for (uint64_t at = 0; at < SWITCH_STACK; at += 8) {
        *word(v, at) = at >= SWITCH_WORDS && at < SWITCH_TARGETS ? area + at : 0;
    }
    for (uint64_t at = SWITCH_TARGETS; at < SWITCH_RETURN; at += SWITCH_TARGET) {
        *word(v, at) = 0xb8 | (area + at) << 8 | 0xe7ffull << 40;
    }
    for (unsigned row = 0; row < SWITCH_ROWS; row++) {
        *word(v, SWITCH_TABLE + SWITCH_ROW * row + 8) = rows[row].flip;
        *word(v, SWITCH_VALUE_OF(row)) = value(row, id_of(v), area);
    }
    *word(v, SWITCH_SPIN) = SPIN;
}

/* XCR0 of each: all up to AVX, x87 alone, and the host's, of which a guest without OSXSAVE knows
 * nothing. */
static void controls_put(struct monitor_vcpu *v, unsigned id)
{
    const struct boot_guest *limits = &world.machine->info->guest;
    const uint64_t cr4[VCPUS] = {CR4_OSXSAVE | CR4_OSFXSR, CR4_OSXSAVE | CR4_DE, CR4_PGE};
    const uint64_t xcr0[VCPUS] = {XCR0_AVX & limits->xcr0, 1, 0};
    bool has = limits->cr4 & CR4_OSXSAVE;

    v->page->cr2 = *word(v, SWITCH_CR2) = 0x5000 + id;
    v->page->cr4 |= cr4[id] & limits->cr4;
    *word(v, SWITCH_CR4) = v->page->cr4;
    v->page->cr8 = *word(v, SWITCH_CR8) = 4 + id;
    v->page->tpr_threshold = 0;
    *word(v, SWITCH_XCR0) = has ? xcr0[id] : 0;
    v->page->xcr0 = xcr0[id] | 1;
    *word(v, SWITCH_VALUE) = id << 20;
    v->page->efer |= EFER_SCE | (id == 0 ? limits->efer & EFER_NXE : 0);
    for (unsigned i = 0; i < 4; i++) {
        v->page->dr[i] = 0x10000 * (id + 1) + i;
    }
    v->page->dr7 = 0x400 | (id + 1) << 16;
}

static uint64_t rows_give(struct monitor_vcpu *v)
{
    for (unsigned row = 0; row < SWITCH_ROWS; row++) {
        *field(v->page, row) = *word(v, SWITCH_VALUE_OF(row));
    }
    return STATE_FS_GS | STATE_SYSCALL | STATE_SYSENTER | STATE_PAT;
}

/* It has other MSRs from now on, with what it has in them. */
static uint64_t choice_give(struct monitor_vcpu *v, struct seen *s, uint32_t msrs)
{
    s->msrs = v->page->msrs = msrs;
    v->page->intercepts = v->page->exceptions = 0;
    for (unsigned row = 0; row < SWITCH_ROWS; row++) {
        *word(v, SWITCH_TABLE + SWITCH_ROW * row) = msrs & rows[row].pass ? rows[row].msr : 0;
    }
    return STATE_CONTROLS;
}

static uint64_t begin(struct monitor_vcpu *v, struct seen *s)
{
    unsigned id = id_of(v);
    uint64_t groups = monitor_begin(v);

    area_put(v);
    controls_put(v, id);
    groups |= rows_give(v);
    v->page->r15 = SWITCH_AREA(v->index);
    v->page->rsp = SWITCH_AREA(v->index) + SWITCH_STACK;
    v->page->tsc_offset = s->offset;
    v->page->tsc_ratio = s->ratio;
    s->last = tsc_read();
    return groups | STATE_TPR | STATE_DR | STATE_TSC | STATE_XSAVE | choice_give(v, s, choice[id]);
}

static uint64_t guest_tsc(const struct seen *s, uint64_t tsc)
{
    return (uint64_t)((unsigned __int128)tsc * s->ratio >> 32) + s->offset;
}

/* What the page has is what the guest has noted that it put there. */
static void check_state(struct monitor_vcpu *v, struct seen *s, const struct vcpu_state *page)
{
    unsigned id = id_of(v);
    uint64_t clock = *word(v, SWITCH_TSC);

    for (unsigned row = 0; row < SWITCH_ROWS; row++) {
        bool same = *field(v->page, row) == *word(v, SWITCH_VALUE_OF(row));
        s->rows |= same ? 0 : 1ull << row;
    }
    for (unsigned i = 0; i < 4; i++) {
        s->state += page->dr[i] != 0x10000 * (id + 1) + i;
    }
    s->state += page->dr7 != (0x400 | (id + 1) << 16);
    s->state += page->cr2 != *word(v, SWITCH_CR2);
    s->state += page->cr4 != *word(v, SWITCH_CR4);
    s->state += page->cr8 != *word(v, SWITCH_CR8);
    s->state +=
        !!(page->efer & EFER_NXE) != (id == 0 && world.machine->info->guest.efer & EFER_NXE);
    s->clock += clock < guest_tsc(s, s->last) || clock > guest_tsc(s, tsc_read());
}

/* In turn: goes on at once, sleeps, changes what the guest cannot. */
static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct seen *s = &seen[id_of(v)];
    uint64_t groups = 0;

    if (e->reason == EXIT_STARTUP) {
        return begin(v, s);
    }
    if (e->reason != EXIT_IO) {
        s->other++;
        return monitor_answer(v, e);
    }
    check_state(v, s, &e->state);
    s->host |= host_check(v->exits % 16 == 0);
    if (++s->exits >= ROUNDS) {
        return s->exits == ROUNDS ? monitor_stop(v) : 0;
    }
    if (s->exits % 3 == 1) {
        for (unsigned row = 0; row < SWITCH_ROWS; row++) {
            if (!(s->msrs & rows[row].pass)) {
                *word(v, SWITCH_VALUE_OF(row)) ^= rows[row].flip;
            }
        }
        groups = rows_give(v);
    } else if (s->exits % 3 == 2) {
        host_bases_set(id_of(v));
        world_sleep(world.millisecond / 4);
        s->host |= host_bases_check(id_of(v));
    } else if (changing) {
        groups = choice_give(v, s, choice[(id_of(v) + s->exits / 3) % VCPUS]);
    }
    groups |= monitor_skip(v);
    s->last = tsc_read();
    return groups;
}

/* A thread of this domain that comes between, with segment bases of its own. */
static void keep(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    host_bases_set(VCPUS);
    while (!keeper_stop) {
        uint64_t wrong = host_check(keeps % 16 == 0) | host_bases_check(VCPUS);
        kept_wrong |= wrong;
        keeps++;
        world_sleep(world.millisecond / 4);
    }
}

static bool add(unsigned id)
{
    struct monitor *m = &monitors[id == 0 ? 0 : 1];
    struct monitor_vcpu *v = &m->vcpus[id == 0 ? 0 : id - 1];
    bool scales = world.machine->info->guest.features & GUEST_TSC_RATIO;

    if (!monitor_add(m, id == 0 ? 0 : id - 1, where, GROUPS)) {
        return false;
    }
    v->mode = tiny_switch.mode;
    v->answer = answer;
    seen[id] = (struct seen){.v = v,
                             .offset = 0x100000000000ull * id,
                             .ratio = (1ull << 32) + (scales ? 0x80000000ull * id : 0)};
    return true;
}

/* Time is short, so that they take turns where they do not sleep. */
static bool start(struct monitor_vcpu *v)
{
    struct schedule schedule = {.cpu = SELECTOR_CPUS + where,
                                .priority = PRIORITY_LOW,
                                .budget = world.millisecond / 4,
                                .period = world.millisecond};

    return time_create(monitor_time(v), SELECTOR_POOL, monitor_vcpu(v), &schedule).status ==
           STATUS_SUCCESS;
}

static void check_guest(unsigned id)
{
    const struct seen *s = &seen[id];

    tap_comment();
    print("guest %u of CPU %u with MSRs %#x%s: %lu rounds\n", id, where, choice[id],
          changing ? " first" : "", *word(s->v, SWITCH_COUNT));
    tap_equal(s->exits, ROUNDS, "all exits of a guest");
    tap_equal(s->other, 0, "and no others");
    tap_equal(*word(s->v, SWITCH_WRONG), 0, "it found its own in all registers");
    tap_equal(s->rows, 0, "so did its monitor, of MSRs");
    tap_equal(s->state, 0, "and of control and debug registers");
    tap_equal(s->clock, 0, "its TSC is its own");
    tap_equal(s->host, 0, "its monitor had the host's registers");
}

static void check_together(void)
{
    struct schedule higher = actor_schedule(PRIORITY_HIGH);
    bool good = true;

    monitor_load(&monitors[0], &tiny_switch);
    monitor_load(&monitors[1], &tiny_switch);
    keeps = kept_wrong = 0;
    keeper_stop = false;
    for (unsigned id = 0; id < VCPUS; id++) {
        good = good && add(id);
    }
    higher.cpu += where;
    good = good && (where ? actor_run_at(KEEPER, where, SELECTOR_PD, &higher, keep, NULL)
                          : actor_run(KEEPER, SELECTOR_PD, &higher, keep, NULL));
    for (unsigned id = 0; id < VCPUS; id++) {
        good = good && start(seen[id].v);
    }
    tap_ok(good && monitor_wait(&monitors[0]) && monitor_wait(&monitors[1]) &&
               monitor_wait(&monitors[1]),
           "three guests of two VMs run to their ends");
    keeper_stop = true;
    for (unsigned id = 0; id < VCPUS; id++) {
        check_guest(id);
    }
    tap_ok(keeps > 4, "a thread came between");
    tap_equal(kept_wrong, 0, "it had the host's registers, and its own");
    good = actor_end(KEEPER);
    for (unsigned id = 0; id < VCPUS; id++) {
        good = monitor_remove(seen[id].v) && good;
    }
    tap_ok(good, "all of them go");
}

void suite_guest_switch(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    host_note();
    if (monitor_open(0, TINY_BYTES) && monitor_open(1, TINY_BYTES)) {
        for (unsigned i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
            choice = choices[i];
            changing = i >= CHANGING;
            for (where = 0; where < m->info->cpus.count && where < 2; where++) {
                check_together();
            }
        }
    }
    monitor_close(&monitors[0]);
    monitor_close(&monitors[1]);
    host_bases_clear();
    world_balance(before);
}
