/*
 * Events that a monitor injects: each type, where the guest can take it at once, where it has to
 * wait for it, and where its delivery leaves the guest.
 */
#include "guest_events.h"
#include "suites.h"

#define STEP 0xf0u

/* What is injected at the guest's OUT, which is two bytes long. */
static const struct injection {
    const char *what;
    uint32_t info, error, length; /* as in the page */
    unsigned skip;                /* bytes of the OUT that are stepped over before */
    unsigned returns;             /* where the handler returns to, from the OUT on */
} injections[] = {
    {"external interrupt", EVENT_EXTERNAL | 0x40, 0, 0, 2, 2},
    {"external interrupt of the last vector", EVENT_EXTERNAL | 0xff, 0, 0, 2, 2},
    {"NMI", EVENT_NMI | 2, 0, 0, 2, 2},
    {"exception", EVENT_EXCEPTION | 6, 0, 0, 0, 0},
    {"exception with error code", EVENT_EXCEPTION | EVENT_ERROR | 13, 0x1238, 0, 0, 0},
    {"page fault", EVENT_EXCEPTION | EVENT_ERROR | 14, 2, 0, 0, 0},
    {"exception whose error code is not said", EVENT_EXCEPTION | 13, 0x77, 0, 0, 0},
    {"INT n", EVENT_INT | 0x50, 0, 2, 0, 2},
    {"INT3", EVENT_INT3 | 3, 0, 1, 2, 3},
};

#define INJECTIONS (sizeof(injections) / sizeof(injections[0]))
#define ADDRESS    0x123000ull /* of the page fault */

static const struct injection *current;

static uint64_t inject(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;
    uint32_t groups = STATE_INJECTION;

    if (e->reason != EXIT_IO || (e->qualification & EXIT_IO_PORT) != STEP || events.count) {
        return events_answer(v, e);
    }
    s->injection.info = current->info | EVENT_VALID;
    s->injection.error = current->error;
    s->injection_length = current->length;
    if ((current->info & (EVENT_TYPE | EVENT_VECTOR)) == (EVENT_EXCEPTION | 14)) {
        s->cr2 = ADDRESS;
        groups |= STATE_CR;
    }
    if (current->skip) {
        s->rip += current->skip;
        groups |= STATE_RIP;
    }
    return groups;
}

static void check_injection(struct monitor *m, const struct tiny *guest)
{
    const struct monitor_vcpu *v = &m->vcpus[0];
    const struct monitor_exit *step = &v->log[1], *handler = &v->log[2];
    bool error = current->info & EVENT_ERROR && guest->mode != TINY_REAL;
    uint64_t vector = current->info & EVENT_VECTOR;
    uint64_t last = current->returns ? 3 : 4; /* back at the OUT once more, or not */

    events.count = 0;
    bool good = monitor_run(m, guest, MONITOR_GROUPS, inject) && v->exits == last + 1 &&
                events.count == 1 && events.frame.vector == vector &&
                events.frame.rip == step->rip + current->returns &&
                events.frame.error == (error ? current->error : 0) &&
                (events.frame.flags & RFLAGS_IF) && !(handler->state.rflags & RFLAGS_IF) &&
                events.frame.cs == step->state.cs.selector && v->log[last].reason == EXIT_HLT &&
                (v->log[last].state.rflags & RFLAGS_IF) && v->log[last].state.rsp == TINY_STACK;
    if (vector == 14) {
        good = good && handler->state.cr2 == ADDRESS;
    }
    if (!tap_ok(good, current->what)) {
        events_print(v);
    }
}

/* VMX refuses an interrupt while they are off, and SVM does not: a monitor asks for a window. */
static uint64_t inject_off(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    return e->reason == EXIT_FAILED ? 0 : inject(v, e);
}

static void check_off(struct monitor *m, uint32_t kind)
{
    const struct monitor_vcpu *v = &m->vcpus[0];
    const struct monitor_exit *then = &v->log[2];

    current = &injections[0];
    events.count = 0;
    bool good = monitor_run(m, &tiny_window64, MONITOR_GROUPS, inject_off) && v->exits == 4 &&
                v->log[3].reason == EXIT_HLT;
    if (kind == GUEST_VMX) {
        good = good && then->reason == EXIT_FAILED && then->qualification == FAILURE_STATE &&
               then->rip == v->log[1].rip + 2 && events.count == 0;
    } else {
        good = good && events.count == 1 && events.frame.vector == 0x40 &&
               !(events.frame.flags & RFLAGS_IF);
    }
    if (!tap_ok(good, "an interrupt while the guest has them off")) {
        events_print(v);
    }
}

static uint64_t pend_debug(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason != EXIT_IO || (e->qualification & EXIT_IO_PORT) != STEP) {
        return events_answer(v, e);
    }
    v->page->pending_debug = DR6_BS;
    return monitor_skip(v) | STATE_INTERRUPTS;
}

static void check_debug(struct monitor *m, const struct tiny *guest)
{
    const struct monitor_vcpu *v = &m->vcpus[0];

    events.count = 0;
    bool good = monitor_run(m, guest, MONITOR_GROUPS, pend_debug) && v->exits == 4 &&
                events.count == 1 && events.frame.vector == 1 &&
                events.frame.rip == v->log[1].rip + 2 && (v->log[2].state.dr6 & DR6_BS);
    if (!tap_ok(good, "a pending debug trap")) {
        events_print(v);
    }
}

static void check_simple(struct monitor *m)
{
    static const struct tiny *const guests[] = {&tiny_events16, &tiny_events32, &tiny_events64};

    for (unsigned i = 0; i < 3; i++) {
        tap_comment();
        print("guest %s\n", guests[i]->name);
        for (unsigned n = 0; n < INJECTIONS; n++) {
            current = &injections[n];
            check_injection(m, guests[i]);
        }
        check_debug(m, guests[i]);
    }
}

/* Asks for a window at the OUT, or where memory was missing; injects when it is open. */
static uint64_t wait_window(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t groups = 0;

    switch (e->reason) {
    case EXIT_INTERRUPT_WINDOW:
        v->page->injection.info = EVENT_EXTERNAL | EVENT_VALID | 0x40;
        return STATE_INJECTION;
    case EXIT_IO:
        if ((e->qualification & EXIT_IO_PORT) != STEP) {
            return events_answer(v, e);
        }
        groups = monitor_skip(v);
        break;
    case EXIT_GPA:
        (void)events_map(v, e->address);
        break;
    default:
        return events_answer(v, e);
    }
    v->page->windows = WINDOW_INTERRUPT;
    return groups | STATE_WINDOWS;
}

/* The window opens so many bytes behind the exit at which it was asked for. */
static void check_window(struct monitor *m, const struct tiny *guest, uint64_t distance,
                         uint32_t shadow)
{
    const struct monitor_vcpu *v = &m->vcpus[0];
    const struct monitor_exit *asked = &v->log[1], *window = &v->log[2];
    const uint32_t any = SHADOW_STI | SHADOW_MOV_SS;

    events.count = 0;
    bool good = monitor_run(m, guest, MONITOR_GROUPS, wait_window) && v->exits == 5 &&
                window->reason == EXIT_INTERRUPT_WINDOW && window->rip == asked->rip + distance &&
                (window->state.shadow & any) == 0 && window->state.windows == 0 &&
                events.count == 1 && events.frame.vector == 0x40 &&
                events.frame.rip == window->rip && !(asked->state.shadow & any) == !shadow;
    if (!tap_ok(good, guest->name)) {
        events_print(v);
    }
    events_unmap(m);
}

static void check_windows(struct monitor *m)
{
    tap_comment();
    print("windows\n");
    check_window(m, &tiny_window16, 2 + 3, 0);
    check_window(m, &tiny_window64, 2 + 3, 0);
    check_window(m, &tiny_shadow_sti, 7, SHADOW_STI);
    check_window(m, &tiny_shadow_ss, 7, SHADOW_MOV_SS);
    check_window(m, &tiny_events64, 2, 0);
}

/* An NMI, then a window for the next one in its handler: it opens behind IRET. */
static uint64_t wait_nmi(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    bool first = events.count == 0;

    if (e->reason == EXIT_NMI_WINDOW ||
        (e->reason == EXIT_IO && (e->qualification & EXIT_IO_PORT) == STEP)) {
        v->page->injection.info = EVENT_NMI | EVENT_VALID | 2;
        return STATE_INJECTION | (e->reason == EXIT_IO ? monitor_skip(v) : 0);
    }
    uint64_t groups = events_answer(v, e);
    if (e->reason == EXIT_IO && first) {
        v->page->windows = WINDOW_NMI;
        groups |= STATE_WINDOWS;
    }
    return groups;
}

static void check_nmi(struct monitor *m, const struct tiny *guest)
{
    const struct monitor_vcpu *v = &m->vcpus[0];
    const struct monitor_exit *step = &v->log[1], *handler = &v->log[2], *window = &v->log[3];

    events.count = 0;
    bool good = monitor_run(m, guest, MONITOR_GROUPS, wait_nmi) && v->exits == 6 &&
                (handler->state.shadow & SHADOW_NMI) && window->reason == EXIT_NMI_WINDOW &&
                window->rip == step->rip + 2 && !(window->state.shadow & SHADOW_NMI) &&
                events.count == 2 && events.frame.vector == 2 &&
                events.frame.rip == step->rip + 2 && v->log[5].reason == EXIT_HLT &&
                !(v->log[5].state.shadow & SHADOW_NMI);
    if (!tap_ok(good, "an NMI waits until the first one's handler returns")) {
        events_print(v);
    }
}

void suite_guest_injection(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    struct monitor *monitor = &monitors[0];

    if (monitor_open_part(0, EVENTS_BYTES, TINY_BYTES)) {
        check_simple(monitor);
        check_off(monitor, m->info->guest.kind);
        check_windows(monitor);
        check_nmi(monitor, &tiny_events16);
        check_nmi(monitor, &tiny_events32);
        check_nmi(monitor, &tiny_events64);
        check_deliveries(monitor, m->info->guest.kind);
    }
    monitor_close(monitor);
    world_balance(before);
}
