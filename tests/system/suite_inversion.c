/*
 * Nobody waits for those who matter less than he does: a caller lends a busy handler its time, and
 * a handler that lost its caller's time goes on with helpers' or with its own reserve.
 */
#include "suites.h"
#include "world.h"

enum {
    RESERVE = TEST_SELECTORS,
    SERVER = 0, /* actors */
    CLIENT,
    SPINNER,
    ENTERED = SEMAPHORE,
    DONE,
};

#define WORK_MILLISECONDS 4u
#define LIMIT             WORLD_LIMIT

static uint64_t turns; /* of the loop below, in a millisecond */
static volatile uint64_t spun, served;

/* A piece of work: the same instructions whoever compiled it, calls it or interrupts it. */
static void work(uint64_t count)
{
    __asm__ volatile("1: dec %0; jnz 1b" : "+r"(count) : : "cc");
}

static void calibrate(void)
{
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t begin = tsc_read();
        work(10000);
        uint64_t took = tsc_read() - begin;
        best = took < best ? took : best;
    }
    turns = 10000 * world.millisecond / best + 1;
}

static void serve(struct handler *self, struct message *m)
{
    (void)self;
    (void)semaphore_up(ENTERED);
    work(WORK_MILLISECONDS * turns);
    served = served + 1;
    m->length = 0;
}

static void call_once(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);

    (void)argument;
    (void)!portal_call(actor_portal(SERVER), &m, 0);
    (void)semaphore_up(DONE);
}

static void spin(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        spun = spun + 1;
    }
}

/* A client with that time calls the server; true once the server works for it. */
static bool client_open(const struct schedule *client)
{
    served = 0;
    return tap_ok(actor_serve(SERVER, SELECTOR_PD, serve, NULL) &&
                      actor_run(CLIENT, SELECTOR_PD, client, call_once, NULL),
                  "a client and its server") &&
           tap_equal(semaphore_down(ENTERED, 0, LIMIT), STATUS_SUCCESS, "the server works for it");
}

static void client_close(void)
{
    tap_ok(actor_end(CLIENT), "the client goes");
    tap_ok(actor_end(SERVER), "the server goes");
    (void)semaphore_down(ENTERED, DOWN_TRY | DOWN_ZERO, 0);
    (void)semaphore_down(DONE, DOWN_TRY | DOWN_ZERO, 0);
}

/* How long this thread's own call takes, behind the one that the server is busy with. */
static uint64_t call_delay(void)
{
    struct message m = world_message();
    uint64_t begin = tsc_read();
    enum status status = portal_call(actor_portal(SERVER), &m, LIMIT);
    uint64_t took = tsc_read() - begin;

    tap_equal(status, STATUS_SUCCESS, "a call of higher priority");
    tap_equal(served, 2, "both calls are served");
    tap_comment();
    print("it took %lu ticks, a call's work is %lu\n", took, WORK_MILLISECONDS * world.millisecond);
    return took;
}

static void check_delay(uint64_t took)
{
    uint64_t limit = 2ull * WORK_MILLISECONDS * world.millisecond;

    if (world.machine->exact) {
        tap_at_most(took, limit + limit / 10, "it waits for the work before it and no more");
    }
}

/* Low calls, medium would run for ever, high calls the same server. */
static void check_three(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW), medium = actor_schedule(PRIORITY_LOW + 8);

    spun = 0;
    if (!client_open(&low) ||
        !tap_ok(actor_run(SPINNER, SELECTOR_PD, &medium, spin, NULL), "a thread in between")) {
        return;
    }
    check_delay(call_delay());
    tap_equal(spun, 0, "and the thread in between did not run meanwhile");
    tap_ok(actor_end(SPINNER), "the thread in between goes");
    client_close();
}

/* Half a millisecond in each second: it is used up in the middle of the server's work. */
static struct schedule poor(uint8_t priority)
{
    struct schedule s = actor_schedule(priority);

    s.budget = world.millisecond / 2;
    return s;
}

static void check_poor_client(void)
{
    struct schedule client = poor(PRIORITY_HIGH);

    if (!client_open(&client)) {
        return;
    }
    if (world.machine->exact) {
        tap_equal(served, 0, "its time is used up before the work is done");
    }
    check_delay(call_delay());
    client_close();
}

static void check_reserve(void)
{
    struct schedule client = poor(PRIORITY_HIGH), reserve = actor_schedule(PRIORITY_LOW);

    reserve.reserve = true;
    reserve.budget = 2 * world.millisecond;
    reserve.period = 5 * world.millisecond;
    if (!client_open(&client)) {
        return;
    }
    client_close();
    served = 0;
    if (!tap_ok(actor_serve(SERVER, SELECTOR_PD, serve, NULL) &&
                    time_create(RESERVE, SELECTOR_POOL, actor_context(SERVER), &reserve).status ==
                        STATUS_SUCCESS &&
                    actor_run(CLIENT, SELECTOR_PD, &client, call_once, NULL),
                "a server with a reserve")) {
        return;
    }
    (void)semaphore_down(ENTERED, 0, LIMIT);
    bool early = served; /* the host let no timer come in between */
    if (world.machine->exact) {
        tap_ok(!early, "the client's time is used up before the work is done");
    }
    uint64_t begin = tsc_read(), end = LIMIT;
    while (!served && tsc_read() < end) {
        world_sleep(5 * world.millisecond);
    }
    uint64_t periods = (tsc_read() - begin) / reserve.period + 2;
    tap_equal(served, 1, "the server goes on with its reserve");
    uint64_t used = time_consumed(RESERVE).value;
    tap_ok(used > 0 || early, "which is charged");
    if (world.machine->exact) {
        tap_at_most(used, periods * (reserve.budget + EXACT_LATENESS), "and bounded");
        tap_at_most(time_consumed(actor_time(CLIENT)).value, client.budget + EXACT_LATENESS,
                    "the client is charged no more than it had");
    }
    tap_equal(object_destroy(RESERVE), STATUS_SUCCESS, "the reserve goes");
    client_close();
}

/* Without a reserve or anybody to help, the work waits for the client's next period. */
static void check_alone(void)
{
    struct schedule client = poor(PRIORITY_HIGH);

    client.period = 20 * world.millisecond;
    if (!client_open(&client)) {
        return;
    }
    tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "a poor client's call ends at last");
    tap_equal(served, 1, "served");
    uint64_t used = time_consumed(actor_time(CLIENT)).value;
    if (world.machine->exact) { /* elsewhere the same work takes the time that the host leaves */
        tap_ok(used >= WORK_MILLISECONDS * world.millisecond * 9 / 10, "on its own time");
    }
    client_close();
}

void suite_inversion(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    calibrate();
    check_three();
    check_poor_client();
    check_reserve();
    check_alone();
    world_balance(before);
}
