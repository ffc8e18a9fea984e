/* Priorities, round robin, budgets, and what the kernel says of the time that was used. */
#include "suites.h"
#include "world.h"

enum {
    WEAK = TEST_SELECTORS,
    DONE = SEMAPHORE,
};

static volatile uint64_t spins[ACTORS];
static volatile uint64_t order[8];
static volatile unsigned ordered;

static void spin(struct thread *self, void *argument)
{
    (void)self;
    for (;;) {
        spins[(uint64_t)argument] = spins[(uint64_t)argument] + 1;
    }
}

static void note(struct thread *self, void *argument)
{
    (void)self;
    order[ordered] = (uint64_t)argument;
    ordered = ordered + 1;
    (void)semaphore_up(DONE);
}

static bool start(unsigned i, const struct schedule *s, void (*run)(struct thread *, void *))
{
    spins[i] = 0;
    return tap_ok(actor_run(i, SELECTOR_PD, s, run, (void *)(uint64_t)i), "a thread");
}

static uint64_t consumed(unsigned i)
{
    return time_consumed(actor_time(i)).value;
}

static void check_priorities(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW), lower = actor_schedule(PRIORITY_LOW - 1);
    struct schedule high = actor_schedule(PRIORITY_HIGH);

    ordered = 0;
    start(0, &lower, note);
    start(1, &low, note);
    tap_equal(ordered, 0, "threads of lower priority do not run");
    start(2, &high, note);
    tap_equal(ordered, 1, "one of higher priority runs at once");
    for (unsigned i = 0; i < 3; i++) {
        (void)semaphore_down(DONE, 0, tsc_read() + 1000 * world.millisecond);
    }
    tap_ok(ordered == 3 && order[0] == 2 && order[1] == 1 && order[2] == 0,
           "they run in the order of their priorities");
    tap_ok(actor_end(0) && actor_end(1) && actor_end(2), "the threads go");
}

static void check_round_robin(const struct machine *m)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    uint64_t begin, least, most;

    if (!start(0, &low, spin) || !start(1, &low, spin) || !start(2, &low, spin)) {
        return;
    }
    begin = tsc_read();
    world_sleep(180 * world.millisecond);
    uint64_t elapsed = tsc_read() - begin;
    uint64_t time[3] = {consumed(0), consumed(1), consumed(2)};
    least = most = time[0];
    for (unsigned i = 1; i < 3; i++) {
        least = time[i] < least ? time[i] : least;
        most = time[i] > most ? time[i] : most;
    }
    tap_comment();
    print("of %lu ticks they used %lu, %lu and %lu\n", elapsed, time[0], time[1], time[2]);
    tap_ok(spins[0] && spins[1] && spins[2], "threads of one priority take turns");
    if (m->exact) {
        tap_at_most(most - least, 11 * world.millisecond, "they differ by one turn at most");
    }
    tap_at_most(time[0] + time[1] + time[2], elapsed, "together they used no more than there was");
    if (m->exact) {
        tap_at_most(elapsed - (time[0] + time[1] + time[2]), elapsed / 50, "and almost all of it");
    }
    tap_ok(actor_end(0) && actor_end(1) && actor_end(2), "the threads go");
}

/* 1 ms in each 5 ms, at higher priority than everybody, while a lower one takes what is left. */
static void check_budget(const struct machine *m)
{
    const uint64_t periods = 100;
    struct schedule tight = actor_schedule(PRIORITY_HIGH), low = actor_schedule(PRIORITY_LOW);
    uint64_t begin;

    tight.budget = world.millisecond;
    tight.period = 5 * world.millisecond;
    if (!start(1, &low, spin)) {
        return;
    }
    begin = tsc_read();
    if (!start(0, &tight, spin)) {
        return;
    }
    if (m->exact) { /* a host that looks away may let the budget pass before its first turn */
        tap_ok(spins[0] > 0, "a thread with a budget runs at once");
    }
    world_sleep_until(begin + (periods - 1) * tight.period + tight.period / 2);
    uint64_t elapsed = tsc_read() - begin, used = consumed(0), rest = consumed(1);
    tap_comment();
    print("in %lu ticks the budget gave %lu, the rest was %lu\n", elapsed, used, rest);
    tap_ok(spins[0] > 0, "a thread with a budget runs");
    tap_at_most(used, elapsed, "it used no more time than there was");
    tap_ok(spins[1] > 0, "others have the rest");
    if (m->exact) {
        /* It runs beyond the budget until the timer comes. */
        tap_at_most(used, periods * (tight.budget + EXACT_LATENESS), "no more than its share");
        tap_ok(used >= (periods - 1) * tight.budget, "and no less");
        tap_at_most(used + rest, elapsed, "the accounts add up");
        tap_at_most(elapsed - used - rest, elapsed / 50, "to the time that passed");
    }
    tap_ok(actor_end(0) && actor_end(1), "the threads go");
}

/* A call's work is charged to the caller. */
static void work(struct handler *self, struct message *m)
{
    uint64_t end = tsc_read() + 2 * world.millisecond;

    (void)self;
    while (tsc_read() < end) {
    }
    m->length = 0;
}

static void check_donation(void)
{
    struct message m = world_message();
    uint64_t before, after;

    if (!tap_ok(actor_serve(3, SELECTOR_PD, work, NULL), "a handler")) {
        return;
    }
    before = time_consumed(SELECTOR_SC).value;
    tap_equal(portal_call(actor_portal(3), &m, 0), STATUS_SUCCESS, "a call that works for 2 ms");
    world_sleep(1); /* what was used is counted when another has its turn */
    after = time_consumed(SELECTOR_SC).value;
    tap_ok(after - before >= 2 * world.millisecond, "is charged to the caller");
    tap_ok(actor_end(3), "the handler goes");
}

static void check_errors(void)
{
    tap_equal(time_consumed(SELECTOR_CPUS).status, STATUS_BAD_CAPABILITY, "time of a CPU");
    (void)capability_delegate(SELECTOR_PD, WEAK, SELECTOR_SC, RIGHT_DESTROY);
    tap_equal(time_consumed(WEAK).status, STATUS_NO_RIGHT, "time without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(object_control(SELECTOR_SC, 9, 0).status, STATUS_BAD_PARAMETER, "no such operation");
}

/* Budgets longer or shorter than anything that is timed. */
static void check_extremes(void)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);
    static const uint64_t budgets[][2] = {
        {1, 1}, {1, UINT64_MAX}, {UINT64_MAX - 1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, {1, 2},
    };

    for (unsigned i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        s.budget = budgets[i][0];
        s.period = budgets[i][1];
        start(0, &s, spin);
        world_sleep(world.millisecond);
        tap_ok(actor_end(0), "a thread with an extreme budget comes and goes");
    }
}

void suite_scheduling(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_priorities();
    check_round_robin(m);
    check_budget(m);
    check_donation();
    check_errors();
    check_extremes();
    world_balance(before);
}
