/*
 * Events whose delivery finds the stack or the IDT not mapped: an EXIT_GPA that says which event it
 * was, which is injected again when the page is there.
 */
#include "guest_events.h"

#define STEP 0xf0u

/* What the guest's events are, in their order; the first two are injected. */
static const struct delivery {
    uint32_t info, error;
    unsigned returns; /* the handler returns so many bytes behind the instruction */
} deliveries[] = {
    {EVENT_EXTERNAL | 0x40, 0, 2}, {EVENT_NMI | 2, 0, 2},
    {EVENT_EXCEPTION | 6, 0, 0},   {EVENT_INT | 0x50, 0, 2},
    {EVENT_INT3 | 3, 0, 1},        {EVENT_EXCEPTION | EVENT_ERROR | 13, 0xfc, 0},
    {EVENT_INT | 0x51, 0, 2},      {EVENT_EXCEPTION | 6, 0, 0},
};

static struct {
    unsigned steps, missing, tables, wrong;
    uint32_t kind;
} seen;

/* On SVM a software interrupt has one type, whatever instruction it is of. */
static bool is_event(const struct vcpu_event *event, const struct delivery *d)
{
    uint32_t info = event->info & ~EVENT_VALID;
    bool same = info == d->info || (seen.kind == GUEST_SVM && d->info == (EVENT_INT3 | 3) &&
                                    (info == (EVENT_INT | 3) || info == (EVENT_EXCEPTION | 3)));

    return same && (event->info & EVENT_VALID) &&
           (!(d->info & EVENT_ERROR) || event->error == d->error);
}

static void note(bool good, const char *what, const struct monitor_exit *e)
{
    if (!good) {
        tap_comment();
        print("event %u: %s: reason %lu, qualification %#lx, address %#lx, interrupted %#x %#x\n",
              events.count, what, e->reason, e->qualification, e->address,
              e->state.interrupted.info, e->state.interrupted.error);
        seen.wrong++;
    }
}

/* The event again, with the length of its instruction where it has one. */
static uint64_t again(struct monitor_vcpu *v, const struct monitor_exit *e,
                      const struct delivery *d)
{
    volatile struct vcpu_state *s = v->page;
    bool table = e->address >= EVENTS_TABLE;
    uint64_t how = table ? EXIT_GPA_READ : EXIT_GPA_WRITE;

    seen.missing++;
    seen.tables += table;
    note(is_event(&e->state.interrupted, d), "it is what was interrupted", e);
    note((e->qualification & (how | EXIT_GPA_MAPPED | EXIT_GPA_EXECUTE)) == how, "how", e);
    note(events_map(v, e->address) == STATUS_SUCCESS, "where", e);
    s->injection.info = e->state.interrupted.info;
    s->injection.error = e->state.interrupted.error;
    s->injection_length = d->returns;
    return STATE_INJECTION;
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    const unsigned all = sizeof(deliveries) / sizeof(deliveries[0]);
    const struct delivery *d = &deliveries[events.count < all ? events.count : all - 1];

    if (e->reason == EXIT_GPA) {
        return again(v, e, d);
    }
    if (e->reason == EXIT_IO && (e->qualification & EXIT_IO_PORT) == STEP) {
        seen.steps++;
        v->page->injection.info = d->info | EVENT_VALID;
        return monitor_skip(v) | STATE_INJECTION;
    }
    if (e->reason != EXIT_IO || e->rip < TINY_HANDLERS) {
        return monitor_answer(v, e);
    }
    uint64_t rsi = v->page->rsi, groups = events_answer(v, e);
    uint64_t before = rsi - (d->info == (EVENT_INT3 | 3) ? 1 : 2);
    note(events.frame.vector == (d->info & EVENT_VECTOR), "its handler", e);
    note(events.frame.error == (v->mode == TINY_REAL ? 0 : d->error), "its error code", e);
    note(events.frame.rip == before + d->returns, "where it returns to", e);
    if (d->returns == 0) {
        events_return(v, rsi);
    }
    return groups;
}

static void check_guest(struct monitor *m, const struct tiny *guest, unsigned count)
{
    const struct monitor_vcpu *v = &m->vcpus[0];

    events.count = 0;
    seen.steps = seen.missing = seen.tables = seen.wrong = 0;
    bool good = monitor_run(m, guest, MONITOR_GROUPS, answer) && seen.wrong == 0 &&
                seen.steps == 2 && events.count == count && seen.missing == count &&
                seen.tables == (guest->mode != TINY_REAL) &&
                v->log[v->exits - 1].reason == EXIT_HLT;
    if (!tap_ok(good, guest->name)) {
        events_print(v);
    }
    events_unmap(m);
}

void check_deliveries(struct monitor *m, uint32_t kind)
{
    seen.kind = kind;
    tap_comment();
    print("interrupted deliveries\n");
    check_guest(m, &tiny_deliver16, 5);
    check_guest(m, &tiny_deliver32, 8);
    check_guest(m, &tiny_deliver64, 8);
}
