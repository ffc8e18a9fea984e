/* See evil.h. */
#include "evil.h"

#include "good.h"

#define FLAG_TF  0x100u
#define PATIENCE (5 * world.millisecond) /* with one step */
#define TURNS    32u                     /* likewise */
#define MARK_FS  0x00005a5af5f5f5f5ull
#define MARK_GS  0x00005a5a65656565ull

/* Descriptors besides the usual ones. */
#define USER_CODE64 0x0020fb000000ffffull
#define USER_CODE32 0x00cffb000000ffffull
#define USER_DATA   0x00cff3000000ffffull
#define MISSING     0x00cf13000000ffffull
#define SMALL       0x00409300000000ffull
#define TSS_RSP0    4u
#define TSS_IST1    36u

struct evil evil;

static const struct tiny *current;

static uint64_t components_read(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void evil_host_mark(void)
{
    evil.components = components_read();
    __asm__ volatile("wrfsbase %0; wrgsbase %1" : : "r"(MARK_FS), "r"(MARK_GS));
}

bool evil_host_is_whole(void)
{
    uint64_t fs, gs;

    __asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
    return fs == MARK_FS && gs == MARK_GS && components_read() == evil.components;
}

static void put64(struct monitor *m, uint64_t gpa, uint64_t value)
{
    *(volatile uint64_t *)monitor_at(m, gpa) = value;
}

/* Segments for programs, one that is missing, a small one, and stacks. */
static void more_load(struct monitor *m)
{
    bool wide = current->mode == TINY_LONG;

    put64(m, TINY_GDT + 0x50, wide ? USER_CODE64 : USER_CODE32);
    put64(m, TINY_GDT + 0x58, USER_DATA);
    put64(m, TINY_GDT + 0x60, MISSING);
    put64(m, TINY_GDT + 0x68, SMALL);
    *(volatile uint32_t *)monitor_at(m, TINY_TSS + TSS_RSP0) = TINY_STACK;
    *(volatile uint32_t *)monitor_at(m, TINY_TSS + 8) = wide ? 0 : TINY_DATA32;
    *(volatile uint32_t *)monitor_at(m, TINY_TSS + TSS_IST1) = wide ? TINY_STACK - 0x400 : 0;
}

uint64_t evil_begin(struct monitor_vcpu *v)
{
    volatile struct vcpu_state *s = v->page;
    uint64_t general[16];

    evil.begun++;
    evil.turns = 0;
    monitor_load(v->monitor, current);
    more_load(v->monitor);
    for (unsigned i = 0; i < 16; i++) {
        general[i] = (&s->rax)[i];
    }
    uint64_t groups = monitor_begin(v);
    for (unsigned i = 0; i < 16; i++) {
        (&s->rax)[i] = general[i];
    }
    s->rsp = TINY_STACK;
    s->cr8 = s->tpr_threshold = 0;
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = 0;
    }
    s->dr6 = 0xffff0ff0;
    s->dr7 = 0x400;
    s->shadow = s->activity = 0;
    s->pending_debug = 0;
    s->windows = WINDOW_NMI | WINDOW_INTERRUPT;
    s->exceptions = evil.exceptions;
    s->intercepts = evil.intercepts;
    s->msrs = evil.msrs;
    return groups | STATE_TPR | STATE_DR | STATE_INTERRUPTS | STATE_WINDOWS | STATE_CONTROLS;
}

/* In another mode the code is something else, and may lose its way. */
static void find_way(struct monitor_vcpu *v)
{
    volatile struct vcpu_state *s = v->page;

    if (s->rsi < TINY_CODE || s->rsi >= TINY_CODE + current->bytes) {
        s->rsi = evil.way;
    }
    evil.turns = s->rsi == evil.way ? evil.turns + 1 : 0;
    evil.way = s->rsi;
}

static uint64_t next(struct monitor_vcpu *v)
{
    v->page->rip = v->page->rsi;
    return STATE_RIP;
}

static uint64_t anew(struct monitor_vcpu *v)
{
    uint64_t groups = evil_begin(v);

    return groups | next(v);
}

static bool has_error(uint64_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

/* In a handler: it is to return to the next step, without its single steps. */
static uint64_t handled(struct monitor_vcpu *v, uint64_t vector)
{
    volatile struct vcpu_state *s = v->page;
    uint64_t size = v->mode == TINY_LONG ? 8 : v->mode == TINY_REAL ? 2 : 4;
    uint64_t frame = s->rsp + (has_error(vector) && size > 2 ? size : 0);

    evil.vectors[vector]++;
    if (frame > v->monitor->bytes - 64 || s->ss.base != 0) {
        return anew(v);
    }
    volatile uint8_t *at = monitor_at(v->monitor, frame);
    if (size == 4 && at[4] != TINY_CODE32) {
        return anew(v); /* to where the steps mean something else */
    }
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(s->rsi >> 8 * i);
    }
    if (size == 2) {
        at[2] = at[3] = 0; /* CS */
    }
    at[2 * size + 1] &= (uint8_t) ~(FLAG_TF >> 8);
    s->rsp = frame;
    s->rip += 2;
    return STATE_RIP | STATE_RSP;
}

/* What the steps mean depends on their code segment; 64-bit guests are programs, too, at times. */
static bool has_strayed(const struct monitor_vcpu *v)
{
    uint16_t selector = v->page->cs.selector;

    return v->mode == TINY_REAL ? selector != 0 : v->mode != TINY_LONG && selector != TINY_CODE32;
}

static uint64_t answer_io(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t port = e->qualification & EXIT_IO_PORT;
    uint64_t cs = v->mode == TINY_REAL ? v->page->cs.base : 0;

    if (cs == 0 && e->rip >= TINY_HANDLERS && e->rip < TINY_HANDLERS + 256 * TINY_HANDLER) {
        return handled(v, port & 255);
    }
    if (port == TINY_FINISH && e->rip >= TINY_CODE && e->rip < TINY_CODE + current->bytes) {
        evil.ended = true;
        return monitor_stop(v);
    }
    return has_strayed(v) ? anew(v) : next(v);
}

/* Registers get what is in RAX, as far as the kernel lets them. */
static uint64_t answer_cr(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;

    switch (e->qualification & 0xff) {
    case 0:
        s->cr0 = s->rax;
        break;
    case 3:
        s->cr3 = s->rax;
        break;
    case 4:
        s->cr4 = s->rax;
        break;
    default:
        s->cr8 = s->rax;
        return next(v) | STATE_TPR;
    }
    return next(v) | STATE_CR;
}

static uint64_t answer_dr(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;
    uint64_t n = e->qualification & 7;

    if (n < 4) {
        s->dr[n] = s->rax;
    } else if (n & 1) {
        s->dr7 = s->rax;
    } else {
        s->dr6 = s->rax;
    }
    return next(v) | STATE_DR;
}

static uint64_t answer_msr(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t value = (v->page->rdx << 32) | (v->page->rax & UINT32_MAX);

    if (e->qualification == (0xc0000080 | EXIT_MSR_WRITE)) {
        v->page->efer = value;
        return next(v) | STATE_EFER;
    }
    return next(v);
}

static uint64_t reply_to(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    switch (e->reason) {
    case EXIT_STARTUP:
        return evil_begin(v);
    case EXIT_RECALL:
    case EXIT_INTERRUPT_WINDOW:
    case EXIT_NMI_WINDOW:
    case EXIT_TPR:
        return 0;
    case EXIT_IO:
        return answer_io(v, e);
    case EXIT_CR:
        return answer_cr(v, e);
    case EXIT_DR:
        return answer_dr(v, e);
    case EXIT_MSR:
        return answer_msr(v, e);
    case EXIT_XSETBV:
        v->page->xcr0 = (v->page->rdx << 32) | (v->page->rax & UINT32_MAX);
        return next(v) | STATE_XSAVE;
    case EXIT_FAILED:
        evil.failures += e->qualification != FAILURE_STATE;
        return anew(v);
    case EXIT_TIMER:
    case EXIT_TRIPLE_FAULT:
    case EXIT_GPA:
    case EXIT_TASK_SWITCH:
        return anew(v);
    case EXIT_EXCEPTION:
        if (has_strayed(v)) {
            return anew(v);
        }
        v->page->rflags &= ~(uint64_t)FLAG_TF;
        return next(v) | STATE_RFLAGS;
    default:
        return next(v);
    }
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_STARTUP) {
        evil_host_mark();
    } else if (evil.exits + 1 >= evil.limit) {
        evil.exits++;
        return monitor_stop(v);
    }
    evil.marred += !evil_host_is_whole();
    evil.reasons[e->reason < EXIT_COUNT ? e->reason : EXIT_FAILED]++;
    evil.exits++;
    find_way(v);
    uint64_t groups = evil.turns > TURNS && !evil.patient ? anew(v) : reply_to(v, e);
    v->page->deadline = evil.ended || evil.patient ? 0 : tsc_read() + PATIENCE;
    return groups | STATE_TIME;
}

static bool groups_bind(struct monitor_vcpu *v)
{
    return monitor_bind(v, EXIT_CR, STATE_CR | STATE_TPR) == STATUS_SUCCESS &&
           monitor_bind(v, EXIT_DR, STATE_DR) == STATUS_SUCCESS &&
           monitor_bind(v, EXIT_IO, STATE_CS_SS) == STATUS_SUCCESS &&
           monitor_bind(v, EXIT_EXCEPTION, STATE_CS_SS) == STATUS_SUCCESS &&
           monitor_bind(v, EXIT_XSETBV, STATE_XSAVE) == STATUS_SUCCESS;
}

static void report(const struct tiny *guest)
{
    tap_comment();
    print("%s: %lu exits, %lu times from the start; by reason", guest->name, evil.exits,
          evil.begun);
    for (unsigned i = 0; i < EXIT_COUNT; i++) {
        if (evil.reasons[i]) {
            print(" %u:%lu", i, evil.reasons[i]);
        }
    }
    print("\n");
}

bool evil_start(struct monitor *m, const struct tiny *guest, uint32_t cpu,
                const struct evil *choice)
{
    struct monitor_vcpu *v = &m->vcpus[0];

    evil = *choice;
    current = guest;
    if (!monitor_add(m, 0, cpu, 0) || !groups_bind(v)) {
        return false;
    }
    v->mode = guest->mode;
    v->answer = answer;
    return good_start(v, PRIORITY_LOW);
}

bool evil_stop(struct monitor *m)
{
    bool good = monitor_remove(&m->vcpus[0]);

    report(current);
    return good && evil.marred == 0 && evil.failures == 0;
}

bool evil_try(struct monitor *m, const struct tiny *guest, const struct evil *choice,
              const char *what)
{
    bool ended = evil_start(m, guest, 0, choice) && monitor_wait(m) && evil.ended;

    if (!ended) {
        tap_comment();
        print("guest %s did not come to its end, at %#lx:\n", guest->name, evil.way);
        monitor_print(&m->vcpus[0]);
    }
    return tap_ok(evil_stop(m) && ended, what);
}
