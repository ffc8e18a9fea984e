/* Priorities, round robin, budgets, and what the kernel says of the time that was used. */
#include "suites.h"
#include "world.h"

enum {
    WEAK = TEST_SELECTORS,
    RESERVE,
    DONE = SEMAPHORE,
};

#define PATIENCE WORLD_LIMIT

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

/* Sleeps, and goes on until all of the first `count` threads have run: a host may look away. */
static void sleep_until_all_ran(uint64_t deadline, unsigned count)
{
    uint64_t end = PATIENCE;
    bool all = false;

    while (!all) {
        world_sleep_until(deadline);
        deadline = tsc_read() + world.millisecond;
        all = tsc_read() >= end;
        for (unsigned i = 0; i < count; i++) {
            all = i ? all && spins[i] : all || spins[i];
        }
    }
}

/*
 * What the kernel says of the CPU's time while this thread and threads 0 to count - 1 shared it,
 * one of them always ready. Times are charged when another has its turn; that was last after this
 * thread's deadline, and before it has looked at the clock.
 */
struct accounts {
    unsigned count;
    uint64_t woken[2]; /* no later and no earlier than the time up to which all was charged */
    uint64_t used[ACTORS], own;
};

static void accounts_read(struct accounts *a, unsigned count, uint64_t deadline)
{
    a->count = count;
    a->woken[0] = deadline;
    world_sleep_until(deadline);
    a->own = time_consumed(SELECTOR_SC).value;
    for (unsigned i = 0; i < count; i++) {
        a->used[i] = consumed(i);
    }
    a->woken[1] = tsc_read();
}

static void accounts_check(const struct accounts *a, const struct accounts *b)
{
    uint64_t sum = b->own - a->own;

    for (unsigned i = 0; i < a->count; i++) {
        sum += b->used[i] - a->used[i];
    }
    tap_at_most(sum, b->woken[1] - a->woken[0], "the accounts add up to no more than the time");
    tap_at_most(b->woken[0] - a->woken[1], sum, "and to no less");
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
        (void)semaphore_down(DONE, 0, PATIENCE);
    }
    tap_ok(ordered == 3 && order[0] == 2 && order[1] == 1 && order[2] == 0,
           "they run in the order of their priorities");
    tap_ok(actor_end(0) && actor_end(1) && actor_end(2), "the threads go");
}

static void check_round_robin(const struct machine *m)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    struct accounts before, after;
    uint64_t least = UINT64_MAX, most = 0;

    if (!start(0, &low, spin) || !start(1, &low, spin) || !start(2, &low, spin)) {
        return;
    }
    accounts_read(&before, 3, tsc_read() + world.millisecond);
    sleep_until_all_ran(before.woken[0] + 180 * world.millisecond, 3);
    accounts_read(&after, 3, tsc_read() + world.millisecond);
    for (unsigned i = 0; i < 3; i++) {
        least = after.used[i] < least ? after.used[i] : least;
        most = after.used[i] > most ? after.used[i] : most;
    }
    tap_comment();
    print("they used %lu, %lu and %lu\n", after.used[0], after.used[1], after.used[2]);
    tap_ok(spins[0] && spins[1] && spins[2], "threads of one priority take turns");
    if (m->exact) {
        tap_at_most(most - least, 11 * world.millisecond, "they differ by one turn at most");
    }
    accounts_check(&before, &after);
    tap_ok(actor_end(0) && actor_end(1) && actor_end(2), "the threads go");
}

/* This thread wakes more often than a turn lasts: who was interrupted goes on with his turn. */
static void check_interrupted_turns(const struct machine *m)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    if (!start(0, &low, spin) || !start(1, &low, spin)) {
        return;
    }
    unsigned wakes = 0, most = m->exact ? 40 : 4000; /* elsewhere the host may look away */
    while (wakes < 40 || (wakes < most && (!spins[0] || !spins[1]))) {
        world_sleep(3 * world.millisecond);
        wakes++;
    }
    uint64_t a = consumed(0), b = consumed(1);
    tap_ok(spins[0] && spins[1], "threads take turns however often they are interrupted");
    if (m->exact) {
        tap_at_most(a > b ? a - b : b - a, 11 * world.millisecond, "turns that last as ever");
    }
    tap_ok(actor_end(0) && actor_end(1), "the threads go");
}

/* 1 ms in each 5 ms, at higher priority than everybody, while a lower one takes what is left. */
static void check_budget(const struct machine *m)
{
    const uint64_t periods = 100;
    struct schedule tight = actor_schedule(PRIORITY_HIGH), low = actor_schedule(PRIORITY_LOW);
    struct accounts before, after;

    tight.budget = world.millisecond;
    tight.period = 5 * world.millisecond;
    uint64_t begin = tsc_read();
    if (!start(0, &tight, spin) || !start(1, &low, spin)) {
        return;
    }
    if (m->exact) { /* a host that looks away may let the budget pass before its first turn */
        tap_ok(spins[0] > 0, "a thread with a budget runs at once");
    }
    accounts_read(&before, 2, tsc_read() + world.millisecond);
    sleep_until_all_ran(begin + (periods - 1) * tight.period + tight.period / 2, 2);
    uint64_t used = consumed(0);
    accounts_read(&after, 2, tsc_read() + world.millisecond);
    tap_comment();
    print("the budget gave %lu, the rest was %lu\n", after.used[0], after.used[1]);
    tap_ok(spins[0] > 0, "a thread with a budget runs");
    tap_ok(spins[1] > 0, "others have the rest");
    if (m->exact) {
        /* It runs beyond the budget until the timer comes. */
        tap_at_most(used, periods * (tight.budget + EXACT_LATENESS), "no more than its share");
        tap_ok(used >= (periods - 1) * tight.budget, "and no less");
    }
    accounts_check(&before, &after);
    tap_ok(actor_end(0) && actor_end(1), "the threads go");
}

/* A call's work is charged to the caller, turn by turn. */
#define WORK (25 * world.millisecond) /* more than two turns */

static void work(struct handler *self, struct message *m)
{
    uint64_t end = tsc_read() + WORK;

    (void)self;
    while (tsc_read() < end) {
    }
    m->length = 0;
}

static void check_donation(void)
{
    struct schedule reserve = actor_schedule(PRIORITY_HIGH);
    struct message m = world_message();
    uint64_t before, after;

    reserve.reserve = true;
    if (!tap_ok(actor_serve(3, SELECTOR_PD, work, NULL) &&
                    time_create(RESERVE, SELECTOR_POOL, actor_context(3), &reserve).status ==
                        STATUS_SUCCESS,
                "a handler with a reserve")) {
        return;
    }
    before = time_consumed(SELECTOR_SC).value;
    tap_equal(portal_call(actor_portal(3), &m, 0), STATUS_SUCCESS, "a call that works for 25 ms");
    world_sleep(1); /* what was used is counted when another has its turn */
    after = time_consumed(SELECTOR_SC).value;
    tap_ok(after - before >= WORK, "is charged to the caller");
    tap_equal(time_consumed(RESERVE).value, 0, "and not to the handler's reserve");
    tap_equal(object_destroy(RESERVE), STATUS_SUCCESS, "the reserve goes");
    tap_ok(actor_end(3), "the handler goes");
}

static void check_errors(void)
{
    tap_equal(time_consumed(SELECTOR_TRACE).status, STATUS_BAD_CAPABILITY, "time of a MEM");
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
    check_interrupted_turns(m);
    check_budget(m);
    check_donation();
    check_errors();
    check_extremes();
    world_balance(before);
}
