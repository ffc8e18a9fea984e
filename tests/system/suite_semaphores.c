/* Semaphores, deadlines, and the runtime's lock on top of them. */
#include "mutex.h"
#include "suites.h"
#include "world.h"

enum {
    SM = TEST_SELECTORS,
    WEAK,
    GO = SEMAPHORE, /* standing semaphores */
    DONE,
};

#define WAITERS  4u
#define PATIENCE WORLD_LIMIT

static struct {
    uint64_t order[WAITERS];
    enum status status[WAITERS];
    unsigned count;
} woken;

static void check_count(void)
{
    tap_equal(semaphore_create(SM, SELECTOR_POOL, 2).status, STATUS_SUCCESS, "a semaphore of 2");
    tap_equal(semaphore_down(SM, 0, 0), STATUS_SUCCESS, "down from 2");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_SUCCESS, "try from 1");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "try from 0");
    tap_equal(semaphore_up(SM), STATUS_SUCCESS, "up");
    tap_equal(semaphore_up(SM), STATUS_SUCCESS, "up");
    tap_equal(semaphore_down(SM, DOWN_ZERO, 0), STATUS_SUCCESS, "take all");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "nothing is left");
    tap_equal(object_destroy(SM), STATUS_SUCCESS, "the semaphore goes");
    (void)semaphore_create(SM, SELECTOR_POOL, UINT64_MAX);
    tap_equal(semaphore_up(SM), STATUS_SUCCESS, "up at the maximum");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_SUCCESS, "it did not wrap around");
    (void)object_destroy(SM);
}

static void check_errors(void)
{
    tap_equal(semaphore_up(SM), STATUS_BAD_CAPABILITY, "up: empty selector");
    tap_equal(semaphore_up(SELECTOR_PD), STATUS_BAD_CAPABILITY, "up: a PD");
    tap_equal(semaphore_up(SELECTORS), STATUS_BAD_CAPABILITY, "up: past the table");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_BAD_CAPABILITY, "down: empty selector");
    tap_equal(semaphore_down(SELECTOR_PD, DOWN_TRY, 0), STATUS_BAD_CAPABILITY, "down: a PD");
    (void)semaphore_create(SM, SELECTOR_POOL, 1);
    tap_equal(semaphore_down(SM, 4, 0), STATUS_BAD_PARAMETER, "down: reserved flag");
    (void)capability_delegate(SELECTOR_PD, WEAK, SM, SM_RIGHT_UP);
    tap_equal(semaphore_down(WEAK, DOWN_TRY, 0), STATUS_NO_RIGHT, "down: without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, WEAK, SM, SM_RIGHT_DOWN);
    tap_equal(semaphore_up(WEAK), STATUS_NO_RIGHT, "up: without the right");
    tap_equal(semaphore_down(WEAK, DOWN_TRY, 0), STATUS_SUCCESS, "the count is as it was");
    (void)object_destroy(SM);
}

static void check_deadline(const struct machine *m)
{
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    uint64_t deadline = tsc_read() + 5 * world.millisecond;
    enum status status = semaphore_down(SM, 0, deadline);
    uint64_t after = tsc_read();
    tap_equal(status, STATUS_TIMEOUT, "a deadline passes");
    tap_ok(after >= deadline, "not before its time");
    if (m->exact) {
        tap_at_most(after - deadline, EXACT_LATENESS, "and hardly later");
    }
    tap_equal(semaphore_down(SM, 0, 1), STATUS_TIMEOUT, "a deadline that has passed already");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "the count is still 0");
    (void)semaphore_up(SM);
    tap_equal(semaphore_down(SM, 0, 1), STATUS_SUCCESS, "what is there is taken at any deadline");
    (void)object_destroy(SM);
}

static void sleep_once(struct thread *self, void *argument)
{
    uint64_t deadline = tsc_read() + world.millisecond;

    (void)self;
    (void)argument;
    if (semaphore_down(SM, 0, deadline) == STATUS_TIMEOUT && tsc_read() >= deadline) {
        (void)semaphore_up(DONE);
    }
}

/* Each of the other CPUs has a timer that fires. */
static void check_timers(const struct machine *m)
{
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    for (uint32_t cpu = 1; cpu < m->info->cpus.count; cpu++) {
        struct schedule s = actor_schedule(PRIORITY_LOW);
        s.cpu = SELECTOR_CPUS + cpu;
        bool came = actor_run_at(0, cpu, SELECTOR_PD, &s, sleep_once, NULL) &&
                    !semaphore_down(DONE, 0, PATIENCE);
        tap_ok(actor_end(0) && came, "a deadline passes on another CPU");
    }
    (void)object_destroy(SM);
}

/* argument: which waiter. */
static void wait_for(struct thread *self, void *argument)
{
    uint64_t i = (uint64_t)argument;

    (void)self;
    (void)semaphore_down(GO, 0, 0);
    enum status status = semaphore_down(SM, 0, 0);
    woken.status[woken.count] = status;
    woken.order[woken.count++] = i;
    (void)semaphore_up(DONE);
}

static bool waiters_start(void (*run)(struct thread *self, void *argument))
{
    bool started = true;

    (void)semaphore_down(DONE, DOWN_TRY | DOWN_ZERO, 0);
    woken.count = 0;
    for (uint64_t i = 0; i < WAITERS; i++) {
        struct schedule high = actor_schedule(PRIORITY_HIGH);
        started = started && actor_run((unsigned)i, SELECTOR_PD, &high, run, (void *)i);
    }
    return tap_ok(started, "threads of higher priority");
}

static bool waiters_end(void)
{
    bool ended = true;

    for (unsigned i = 0; i < WAITERS; i++) {
        ended = actor_end(i) && ended;
    }
    return tap_ok(ended, "the threads go");
}

static bool order_is(const uint64_t expected[WAITERS])
{
    bool same = woken.count == WAITERS;

    for (unsigned i = 0; i < woken.count; i++) {
        same = same && woken.order[i] == expected[i];
    }
    return same;
}

static void check_order(void)
{
    static const uint64_t expected[WAITERS] = {0, 1, 2, 3};

    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    if (!waiters_start(wait_for)) {
        return;
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        (void)semaphore_up(GO); /* it runs at once, and waits in SM */
    }
    tap_equal(woken.count, 0, "all wait");
    (void)semaphore_up(SM);
    tap_equal(woken.count, 1, "up runs a waiter of higher priority at once");
    for (unsigned i = 1; i < WAITERS; i++) {
        (void)semaphore_up(SM);
    }
    tap_ok(order_is(expected), "waiters come out in the order in which they came");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "no up was counted twice");
    waiters_end();
    (void)object_destroy(SM);
}

static void check_destroy(void)
{
    bool aborted = true;

    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    if (!waiters_start(wait_for)) {
        return;
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        (void)semaphore_up(GO);
    }
    tap_equal(object_destroy(SM), STATUS_SUCCESS, "destroy a semaphore that others wait for");
    tap_equal(woken.count, WAITERS, "all are woken");
    for (unsigned i = 0; i < WAITERS; i++) {
        aborted = aborted && woken.status[i] == STATUS_ABORTED;
    }
    tap_ok(aborted, "with ABORTED");
    waiters_end();
}

/*
 * Many threads wait with deadlines that come in another order than they do; two are the same. What
 * a thread does after its deadline can be put off by a host that looks away, so where time is not
 * exact a wrong order is tried again.
 */
#define DEADLINES      64u
#define DEADLINE_STACK 1024u
#define TRIES          20u

enum { SLEEPER = TEST_SELECTORS + 128 }; /* two selectors for each */

static struct sleeper {
    struct thread thread;
    uint64_t deadline;
    uint8_t stack[DEADLINE_STACK] __attribute__((aligned(16)));
} sleepers[DEADLINES];

static struct {
    volatile unsigned waiting, count;
    volatile bool early, wrong;
    uint64_t order[DEADLINES];
} passed;

static void sleep_until(struct thread *self, void *argument)
{
    uint64_t i = (uint64_t)argument, deadline = sleepers[i].deadline;

    (void)self;
    passed.waiting = passed.waiting + 1;
    enum status status = semaphore_down(SM, 0, deadline);
    passed.early = passed.early || tsc_read() < deadline;
    passed.wrong = passed.wrong || status != STATUS_TIMEOUT;
    passed.order[passed.count] = i;
    passed.count = passed.count + 1;
    (void)semaphore_up(DONE);
}

/* Starts them, each with a deadline after `first`; false: one could not be made. */
static bool sleepers_start(uint64_t first)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    bool started = true;

    for (uint32_t i = 0; started && i < DEADLINES; i++) {
        struct sleeper *s = &sleepers[i];
        struct place place = {.pool = SELECTOR_POOL,
                              .domain = SELECTOR_PD,
                              .stack_end = s->stack + DEADLINE_STACK,
                              .utcb = TEST_ADDRESS + i * PAGE};
        s->deadline = first + i * 29 % DEADLINES * (world.millisecond / 16);
        if (i == DEADLINES - 1) {
            s->deadline = sleepers[0].deadline; /* comes behind its equal */
        }
        s->thread = (struct thread){.context = SLEEPER + 2 * i,
                                    .time = SLEEPER + 2 * i + 1,
                                    .run = sleep_until,
                                    .argument = (void *)(uint64_t)i};
        started = thread_start(&s->thread, &place, &high).status == STATUS_SUCCESS;
    }
    return started;
}

static bool sleepers_end(void)
{
    bool ended = true;

    for (unsigned i = 0; i < DEADLINES; i++) {
        ended = thread_end(&sleepers[i].thread) == STATUS_SUCCESS && ended;
    }
    return ended;
}

static bool sleepers_in_order(void)
{
    bool good = passed.count == DEADLINES;

    for (unsigned i = 1; good && i < DEADLINES; i++) {
        uint64_t before = passed.order[i - 1], after = passed.order[i];
        uint64_t gap = sleepers[after].deadline - sleepers[before].deadline;
        good = (int64_t)gap > 0 || (gap == 0 && before < after);
    }
    return good;
}

/* Until all of them waited before the first deadline came. True: in order. */
static bool deadlines_try(uint64_t *ahead)
{
    bool late = true, good = false;

    while (late) {
        uint64_t first = tsc_read() + *ahead;
        passed.waiting = passed.count = 0;
        if (!sleepers_start(first)) {
            return tap_ok(false, "many threads");
        }
        late = tsc_read() >= first;
        for (unsigned i = 0; i < DEADLINES; i++) {
            (void)semaphore_down(DONE, 0, PATIENCE);
        }
        good = passed.waiting == DEADLINES && sleepers_in_order();
        if (!sleepers_end()) {
            return tap_ok(false, "many threads go");
        }
        *ahead *= late ? 2 : 1;
    }
    return good;
}

static void check_deadlines(const struct machine *m)
{
    uint64_t ahead = 16 * world.millisecond;
    bool good = false;

    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    (void)semaphore_down(DONE, DOWN_TRY | DOWN_ZERO, 0);
    passed.early = passed.wrong = false;
    for (unsigned i = 0; !good && i < (m->exact ? 1 : TRIES); i++) {
        good = deadlines_try(&ahead);
    }
    tap_ok(good, "64 deadlines pass in their order");
    tap_ok(!passed.early, "none before its time");
    tap_ok(!passed.wrong, "with TIMEOUT");
    (void)object_destroy(SM);
}

/* After a wake-up nothing is left of the deadline that it came before. */
static void check_stale(void)
{
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    (void)semaphore_down(DONE, DOWN_TRY | DOWN_ZERO, 0);
    woken.count = 0;
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    if (!tap_ok(actor_run(0, SELECTOR_PD, &high, wait_for, NULL), "a thread")) {
        return;
    }
    (void)semaphore_up(GO);
    (void)semaphore_up(SM);
    (void)semaphore_down(DONE, 0, tsc_read() + 3 * world.millisecond); /* it is up already */
    uint64_t deadline = tsc_read() + 6 * world.millisecond;
    tap_equal(semaphore_down(DONE, 0, deadline), STATUS_TIMEOUT, "the next wait times out");
    tap_ok(tsc_read() >= deadline, "at its own deadline");
    tap_ok(actor_end(0), "the thread goes");
    (void)object_destroy(SM);
}

static struct mutex mutex;
static volatile uint64_t protected[2];
static bool torn;

static void increment(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (unsigned i = 0; i < 200; i++) {
        torn = mutex_take(&mutex) != STATUS_SUCCESS || torn;
        torn = torn || protected[0] != protected[1];
        protected[0]++;
        world_sleep(i % 50 ? 0 : world.millisecond / 10);
        protected[1]++;
        mutex_give(&mutex);
    }
    (void)semaphore_up(DONE);
}

static void check_mutex(void)
{
    (void)semaphore_create(SM, SELECTOR_POOL, 0);
    mutex = mutex_make(SM);
    tap_ok(mutex_try(&mutex) && !mutex_try(&mutex), "a lock is held once");
    mutex_give(&mutex);
    if (!waiters_start(increment)) {
        return;
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        (void)semaphore_down(DONE, 0, PATIENCE);
    }
    tap_ok(!torn, "nobody sees what a lock protects half done");
    tap_equal(protected[0], WAITERS * 200ull, "nothing is lost");
    tap_equal(semaphore_down(SM, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "the lock is free");
    waiters_end();
    (void)object_destroy(SM);
}

void suite_semaphores(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_count();
    check_errors();
    check_deadline(m);
    check_timers(m);
    check_order();
    check_destroy();
    check_deadlines(m);
    check_stale();
    check_mutex();
    world_balance(before);
}
