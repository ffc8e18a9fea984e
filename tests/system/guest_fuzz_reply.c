/* Replies of a monitor that is mad, and mostly plausible (guest_fuzz.h). */
#include "guest_fuzz.h"

#include <stddef.h>

#define SLICE       (20000 + world.millisecond / 16) /* until the deadline */
#define CODE_BYTES  192u                             /* of the guests here */
#define LEGACY      512u                             /* of the XSAVE image; its header follows */
#define IMAGE_BYTES 576u
#define PAT_INIT    0x0007040600070406ull

struct guest_fuzzer guest_fuzzers[GUEST_FUZZERS];

static const struct tiny *const guests[TINY_MODES] = {
    [TINY_REAL] = &tiny_fuzz_real,   [TINY_PROTECTED] = &tiny_fuzz_protected,
    [TINY_PAGED] = &tiny_fuzz_paged, [TINY_PAE] = &tiny_fuzz_pae,
    [TINY_LONG] = &tiny_fuzz_long,
};

/* Where the fields of a group are, in words of 32 bits. */
struct part {
    uint32_t group;
    uint32_t first, words;
};

#define AT(field)   offsetof(struct vcpu_state, field)
#define SIZE(field) sizeof(((struct vcpu_state *)0)->field)
#define PART(group, from, to)                                   \
    {                                                           \
        group, AT(from) / 4, (AT(to) + SIZE(to) - AT(from)) / 4 \
    }

static const struct part parts[] = {
    PART(STATE_RIP, rip, rip),
    PART(STATE_RFLAGS, rflags, rflags),
    PART(STATE_RSP, rsp, rsp),
    PART(STATE_CS_SS, cs, ss),
    PART(STATE_DS_ES, ds, ds),
    PART(STATE_DS_ES, es, es),
    PART(STATE_FS_GS, fs, gs),
    PART(STATE_LDTR_TR, ldtr, tr),
    PART(STATE_GDTR_IDTR, gdtr, idtr),
    PART(STATE_CR, cr0, cr4),
    PART(STATE_CR, pdpte, pdpte),
    PART(STATE_TPR, cr8, cr8),
    PART(STATE_TPR, tpr_threshold, tpr_threshold),
    PART(STATE_EFER, efer, efer),
    PART(STATE_DR, dr, dr7),
    PART(STATE_SYSENTER, sysenter_cs, sysenter_eip),
    PART(STATE_SYSCALL, star, kernel_gs_base),
    PART(STATE_PAT, pat, pat),
    PART(STATE_INJECTION, injection, injection_length),
    PART(STATE_INTERRUPTS, shadow, pending_debug),
    PART(STATE_WINDOWS, windows, windows),
    PART(STATE_CONTROLS, exceptions, msrs),
    PART(STATE_TIME, deadline, deadline),
    PART(STATE_TSC, tsc_offset, tsc_ratio),
    PART(STATE_XSAVE, xcr0, xss),
    {STATE_XSAVE, VCPU_IMAGE_OFFSET / 4, IMAGE_BYTES / 4},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* xorshift64* */
uint64_t guest_random64(struct guest_fuzzer *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * 0x2545f4914f6cdd1dull;
}

uint64_t guest_random(struct guest_fuzzer *f, uint64_t limit)
{
    return (guest_random64(f) >> 16) % limit;
}

static void odd(struct guest_fuzzer *f, const char *what, uint64_t value)
{
    if (f->odd++ == 0) {
        f->odd_what = what;
        f->odd_value = value;
    }
}

/* Exits that need no instruction of the guest. */
static bool comes_by_itself(uint64_t reason)
{
    return reason == EXIT_STARTUP || reason == EXIT_RECALL || reason == EXIT_TIMER ||
           reason == EXIT_INTERRUPT_WINDOW || reason == EXIT_NMI_WINDOW || reason == EXIT_FAILED;
}

bool guest_fuzz_count(struct guest_fuzzer *f, const struct monitor_exit *e, uint64_t *groups)
{
    volatile struct vcpu_state *s = f->vcpu->page;

    if (guest_fuzz_xcr0() != f->xcr0) {
        odd(f, "XCR0 of the host", guest_fuzz_xcr0());
    }
    if (e->reason < EXIT_COUNT && e->words == 4) {
        f->reasons[e->reason]++;
        f->entered += !comes_by_itself(e->reason);
    } else {
        odd(f, "exit", e->reason);
    }
    if (e->reason == EXIT_FAILED && e->qualification > 0 && e->qualification < FAILURES) {
        f->failures[e->qualification]++;
        f->said[e->qualification] = e->address;
    } else if (e->reason == EXIT_FAILED) {
        odd(f, "reason of a failed entry", e->qualification);
    }
    if (f->replies < f->limit) {
        f->replies++;
        return true;
    }
    s->activity = VCPU_HALTED;
    s->shadow = 0;
    s->pending_debug = s->deadline = 0;
    s->injection.info = s->windows = 0;
    *groups = STATE_INTERRUPTS | STATE_TIME | STATE_INJECTION | STATE_WINDOWS;
    return false;
}

uint64_t guest_fuzz_limit(struct guest_fuzzer *f)
{
    f->vcpu->page->deadline = tsc_read() + SLICE;
    return STATE_TIME;
}

static void image_clear(volatile struct vcpu_state *s)
{
    volatile uint8_t *image = (volatile uint8_t *)s + VCPU_IMAGE_OFFSET;
    volatile uint64_t *words = (volatile uint64_t *)image;

    for (unsigned i = 0; i < IMAGE_BYTES / 8; i++) {
        words[i] = 0;
    }
    *(volatile uint16_t *)image = 0x37f;
    *(volatile uint32_t *)(image + 24) = 0x1f80;
}

uint64_t guest_fuzz_fresh(struct guest_fuzzer *f)
{
    struct monitor_vcpu *v = f->vcpu;
    volatile struct vcpu_state *s = v->page;

    if (guest_chance(f, 8)) {
        v->mode = (uint32_t)guest_random(f, TINY_MODES);
        monitor_load(v->monitor, guests[v->mode]);
    }
    (void)monitor_begin(v);
    s->injection.info = s->windows = s->shadow = s->activity = 0;
    s->pending_debug = s->tsc_offset = s->tsc_ratio = 0;
    s->exceptions = s->tpr_threshold = 0;
    s->intercepts = (uint32_t)guest_random(f, INTERCEPT_ALL + 1);
    s->msrs = (uint32_t)guest_random(f, MSR_PASS_ALL + 1);
    s->cr8 = s->dr[0] = s->dr[1] = s->dr[2] = s->dr[3] = 0;
    s->dr6 = 0xffff0ff0;
    s->dr7 = 0x400;
    s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
    s->star = s->lstar = s->cstar = s->sfmask = s->kernel_gs_base = 0;
    s->pat = PAT_INIT;
    s->xcr0 = 1 + 2 * guest_random(f, 2);
    s->xss = 0;
    image_clear(s);
    return (STATE_ALL & ~STATE_TIME) | guest_fuzz_limit(f);
}

uint64_t guest_fuzz_skip(struct guest_fuzzer *f)
{
    volatile struct vcpu_state *s = f->vcpu->page;
    unsigned length = monitor_length(f->vcpu->monitor, s->rip & (TINY_BYTES - 1), f->vcpu->mode);

    if (guest_chance(f, 8)) {
        s->rip = TINY_CODE + guest_random(f, CODE_BYTES);
    } else {
        s->rip += length ? length : 1 + guest_random(f, 4);
    }
    return STATE_RIP;
}

/* A value that is worth a try, for 32 bits that had another one. */
static uint32_t value(struct guest_fuzzer *f, uint32_t old)
{
    switch (guest_random(f, 5)) {
    case 0:
        return (uint32_t)guest_random64(f);
    case 1:
        return guest_chance(f, 2) ? 0 : UINT32_MAX;
    case 2:
        return (uint32_t)guest_random(f, 256);
    default:
        return old ^ 1u << guest_random(f, 32);
    }
}

static uint64_t mutate(struct guest_fuzzer *f)
{
    volatile uint32_t *words = (volatile uint32_t *)f->vcpu->page;
    uint64_t groups = 0, changes = 1 + guest_random(f, 3);

    for (uint64_t i = 0; i < changes; i++) {
        const struct part *p = &parts[guest_random(f, PARTS)];
        uint64_t at = p->first + guest_random(f, p->words);
        words[at] = value(f, words[at]);
        groups |= p->group;
    }
    return groups;
}

static uint64_t wild(struct guest_fuzzer *f)
{
    volatile uint32_t *words = (volatile uint32_t *)f->vcpu->page;

    for (unsigned i = 0; i < PARTS; i++) {
        for (uint32_t w = 0; w < parts[i].words && !guest_chance(f, 8); w++) {
            words[parts[i].first + w] = (uint32_t)guest_random64(f);
        }
    }
    return guest_random64(f) & STATE_ALL;
}

/* What goes together, and now and then with what a guest cannot take now. */
static uint64_t inject(struct guest_fuzzer *f)
{
    static const uint8_t types[] = {EVENT_EXTERNAL >> 8, EVENT_NMI >> 8,  EVENT_EXCEPTION >> 8,
                                    EVENT_INT >> 8,      EVENT_INT1 >> 8, EVENT_INT3 >> 8};
    volatile struct vcpu_state *s = f->vcpu->page;
    uint32_t type = (uint32_t)types[guest_random(f, sizeof(types))] << 8;
    uint32_t vector = (uint32_t)guest_random(f, type == EVENT_EXCEPTION ? 32 : 256);

    vector = type == EVENT_NMI ? 2 : type == EVENT_INT1 ? 1 : type == EVENT_INT3 ? 3 : vector;
    s->injection.info = EVENT_VALID | type | vector | (guest_chance(f, 2) ? EVENT_ERROR : 0);
    s->injection.error = (uint32_t)guest_random64(f);
    s->injection_length = (uint32_t)guest_random(f, 16);
    return STATE_INJECTION;
}

/* On with the guest, and something that it can have besides. */
static uint64_t plausible(struct guest_fuzzer *f, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = f->vcpu->page;
    uint64_t groups = comes_by_itself(e->reason) ? 0 : guest_fuzz_skip(f);

    (&s->rax)[guest_random(f, 4)] = guest_random64(f);
    if (guest_chance(f, 4)) {
        groups |= inject(f);
    }
    if (guest_chance(f, 4)) {
        s->windows = (uint32_t)guest_random(f, 4);
        groups |= STATE_WINDOWS;
    }
    if (guest_chance(f, 8)) {
        s->exceptions = (uint32_t)guest_random64(f);
        s->intercepts = (uint32_t)guest_random64(f);
        s->msrs = (uint32_t)guest_random64(f);
        groups |= STATE_CONTROLS;
    }
    if (guest_chance(f, 8) || s->activity != VCPU_ACTIVE) {
        s->shadow = guest_chance(f, 4) ? SHADOW_NMI : 0;
        s->activity = guest_chance(f, 4) ? VCPU_HALTED : VCPU_ACTIVE;
        s->pending_debug = 0;
        groups |= STATE_INTERRUPTS;
    }
    if (guest_chance(f, 8)) {
        s->cr8 = guest_random(f, 16);
        s->tpr_threshold = (uint32_t)guest_random(f, 16);
        groups |= STATE_TPR;
    }
    return groups;
}

/* A reply that is none: it comes back. */
static void refuse(struct guest_fuzzer *f)
{
    struct system_registers r = {.rax = SYSCALL_REPLY | 1 << MESSAGE_SHIFT,
                                 .rsi = guest_random64(f) | 1ull << (22 + guest_random(f, 42))};

    system_switching(&r);
    if ((r.rax & MESSAGE_STATUS) == STATUS_BAD_PARAMETER) {
        f->refused++;
    } else {
        odd(f, "status of a reply that is none", r.rax);
    }
}

static uint64_t choose(struct guest_fuzzer *f, const struct monitor_exit *e)
{
    bool lost =
        e->reason == EXIT_STARTUP || e->reason == EXIT_FAILED || e->reason == EXIT_TRIPLE_FAULT;

    if (lost ? !guest_chance(f, 8) : guest_chance(f, 16)) {
        return guest_fuzz_fresh(f);
    }
    switch (guest_random(f, 8)) {
    case 0:
        return wild(f);
    case 1:
        return guest_fuzz_fresh(f) | mutate(f);
    case 2:
        return mutate(f);
    default:
        return plausible(f, e);
    }
}

uint64_t guest_fuzz_reply(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct guest_fuzzer *f = &guest_fuzzers[v->index];
    uint64_t groups;

    if (!guest_fuzz_count(f, e, &groups)) {
        return groups;
    }
    if (guest_chance(f, 64)) {
        refuse(f);
    }
    if (guest_chance(f, 64) &&
        monitor_bind(v, (uint32_t)guest_random(f, EXIT_COUNT),
                     (uint32_t)guest_random64(f) & STATE_ALL) != STATUS_SUCCESS) {
        odd(f, "portal bound anew", e->reason);
    }
    groups = choose(f, e);
    return guest_chance(f, 32) ? groups : groups | guest_fuzz_limit(f);
}
