/*
 * Calls that end otherwise than by their reply, at each point at which they can: deadlines, callers
 * and handlers that go, chains that get too long. What is left goes on, and comes to its end.
 */
#include "suites.h"
#include "world.h"

enum {
    OTHER = TEST_SELECTORS,
    CALLER = 0, /* actors: threads that call, then handlers */
    SECOND,
    FIRST_LINK,
    LINKS = ACTORS - FIRST_LINK,
    ENTERED = SEMAPHORE, /* standing semaphores */
    DONE,
    GATE, /* and following, below the one that world_sleep uses */
    GATE_TWO,
    GATE_THREE,
    NO_GATE = 0,
    NO_LINK = 99, /* also no status */
};

#define SOON        WORLD_LIMIT
#define MOMENT      (tsc_read() + 2 * world.millisecond)
#define REPLY       0x600dull
#define LIMIT_LINKS 15u /* of calls and helping, in a chain of 16 */

/* A handler: waits at its gate, then calls the next one, then replies. */
static volatile struct {
    uint32_t gate;
    uint32_t next;
    uint64_t deadline; /* of its call, in ticks from then; 0: none */
    uint64_t handled;
} links[LINKS];

static volatile uint64_t status_of[2]; /* of the two threads' calls, and of what they called */
static volatile bool spinning;

static uint32_t link_portal(unsigned i)
{
    return actor_portal(FIRST_LINK + i);
}

static void relay(struct handler *self, struct message *m)
{
    uint64_t i = (uint64_t)self->argument, deadline = links[i].deadline;
    struct message next = message_make(self->utcb);

    m->length = 1;
    m->word[0] = REPLY;
    if (links[i].gate != NO_GATE) {
        (void)semaphore_up(ENTERED);
        (void)semaphore_down(links[i].gate, 0, 0);
    }
    if (links[i].next != NO_LINK) {
        enum status status =
            portal_call(link_portal(links[i].next), &next, deadline ? tsc_read() + deadline : 0);
        m->word[0] = status == STATUS_SUCCESS ? next.word[0] : status;
    }
    links[i].handled++;
}

/* Handlers first to last, each of which calls the next one; the last one waits at the gate. */
static bool links_open(unsigned first, unsigned last, uint32_t gate, uint32_t domain)
{
    bool open = true;
    for (uint32_t s = ENTERED; first == 0 && s <= GATE_THREE; s++) {
        (void)semaphore_down(s, DOWN_TRY | DOWN_ZERO, 0);
    }
    for (unsigned i = first; i <= last; i++) {
        links[i].gate = i == last ? gate : NO_GATE;
        links[i].next = i == last ? NO_LINK : i + 1;
        links[i].deadline = links[i].handled = 0;
        open = open && actor_serve(FIRST_LINK + i, domain, relay, (void *)(uint64_t)i);
    }
    return tap_ok(open, "handlers");
}

static void links_close(unsigned first, unsigned last)
{
    bool closed = true;

    for (unsigned i = first; i <= last; i++) {
        closed = actor_end(FIRST_LINK + i) && closed;
    }
    tap_ok(closed, "the handlers go");
}

static void call_link(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);
    enum status status = portal_call(link_portal((unsigned)(uint64_t)argument), &m, 0);

    status_of[self == &actors[SECOND].thread] = status == STATUS_SUCCESS ? m.word[0] : status;
    (void)semaphore_up(DONE);
}

static bool caller_begin(unsigned actor, uint8_t priority, uint64_t link)
{
    struct schedule s = actor_schedule(priority);

    status_of[actor - CALLER] = NO_LINK;
    return tap_ok(actor_run(actor, SELECTOR_PD, &s, call_link, (void *)link), "a caller");
}

static bool entered(void)
{
    return tap_equal(semaphore_down(ENTERED, 0, SOON), STATUS_SUCCESS, "the call is at the gate");
}

static void done(void)
{
    tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "a caller goes on");
}

/* This thread's own call; the status, or what the handler replied. */
static uint64_t call(unsigned link, uint64_t deadline)
{
    struct message m = world_message();
    enum status status = portal_call(link_portal(link), &m, deadline);

    return status == STATUS_SUCCESS ? m.word[0] : status;
}

/* The same, with a deadline that leaves enough time to come to the gate, but not through it. */
static uint64_t call_cut(unsigned link)
{
    uint64_t status;

    for (uint64_t ticks = world.millisecond;; ticks *= 2) {
        status = call(link, tsc_read() + ticks);
        if (status != STATUS_TIMEOUT || semaphore_down(ENTERED, DOWN_TRY, 0) == STATUS_SUCCESS) {
            return status;
        }
    }
}

/* --- deadlines ---------------------------------------------------------------------------------*/

static void check_expired(void)
{
    if (!links_open(0, 0, NO_GATE, SELECTOR_PD)) {
        return;
    }
    tap_equal(call(0, 1), STATUS_TIMEOUT, "a deadline that has passed already");
    tap_equal(links[0].handled, 0, "the handler does not hear of it");
    tap_equal(call(0, SOON), REPLY, "one that is long enough");
    uint64_t end = tsc_read() + 5 * world.millisecond;
    (void)call(0, tsc_read() + world.millisecond);
    enum status status = semaphore_down(GATE, 0, end);
    tap_ok(status == STATUS_TIMEOUT && tsc_read() >= end, "one in time does not come back later");
    tap_equal(call(0, UINT64_MAX), REPLY, "one that never comes");
    links_close(0, 0);
}

/* Of the first call of a chain, while the last one is being handled. */
static void check_outermost(void)
{
    if (!links_open(0, 2, GATE, SELECTOR_PD)) {
        return;
    }
    tap_equal(call_cut(0), STATUS_TIMEOUT, "the first caller's deadline cuts a chain of three");
    tap_equal(call(1, MOMENT), STATUS_TIMEOUT, "a helper's deadline, in its middle");
    tap_equal(call(2, MOMENT), STATUS_TIMEOUT, "and at its end");
    (void)semaphore_up(GATE);
    (void)semaphore_up(GATE);
    tap_equal(call(0, SOON), REPLY, "helped to its end, the chain handles the next call");
    tap_ok(links[0].handled == 2 && links[1].handled == 2 && links[2].handled == 2,
           "each call once");
    links_close(0, 2);
}

/* Of a call in the middle of a chain: that handler goes on and replies. */
static void check_inner(void)
{
    if (!links_open(0, 2, GATE, SELECTOR_PD)) {
        return;
    }
    links[1].deadline = 2 * world.millisecond;
    tap_equal(call(0, SOON), STATUS_TIMEOUT, "an inner deadline's status comes back by replies");
    tap_ok(links[0].handled == 1 && links[1].handled == 1 && links[2].handled == 0,
           "the last handler is still at it");
    links[1].deadline = 0;
    (void)semaphore_up(GATE);
    (void)semaphore_up(GATE);
    tap_equal(call(0, SOON), REPLY, "the next call is handled");
    links_close(0, 2);
}

static void spin(struct handler *self, struct message *m)
{
    (void)self;
    while (spinning) {
    }
    m->length = 1;
    m->word[0] = REPLY;
}

/* While the handler runs, too. */
static void check_running(void)
{
    spinning = true;
    if (!tap_ok(actor_serve(FIRST_LINK, SELECTOR_PD, spin, NULL), "a handler that spins")) {
        return;
    }
    tap_equal(call(0, MOMENT), STATUS_TIMEOUT, "a deadline while the handler runs");
    tap_equal(call(0, MOMENT), STATUS_TIMEOUT, "and while a helper runs it");
    spinning = false;
    tap_equal(call(0, SOON), REPLY, "it comes to its end with a helper's time");
    links_close(0, 0);
}

/* --- who goes ----------------------------------------------------------------------------------*/

static void check_helper_destroyed(void)
{
    if (!links_open(0, 0, GATE, SELECTOR_PD) || !caller_begin(CALLER, PRIORITY_HIGH, 0) ||
        !entered() || !caller_begin(SECOND, PRIORITY_LOW, 0)) {
        return;
    }
    world_sleep(world.millisecond); /* it helps, or is about to */
    tap_ok(actor_end(SECOND), "a helper is destroyed");
    (void)semaphore_up(GATE);
    done();
    tap_equal(status_of[0], REPLY, "with its reply");
    tap_equal(links[0].handled, 1, "the helper's call never came");
    tap_ok(actor_end(CALLER), "the caller goes");
    links_close(0, 0);
}

static void check_first_destroyed(void)
{
    if (!links_open(0, 2, GATE, SELECTOR_PD) || !caller_begin(CALLER, PRIORITY_HIGH, 0) ||
        !entered()) {
        return;
    }
    tap_ok(actor_end(CALLER), "the first caller of a chain is destroyed");
    (void)semaphore_up(GATE);
    (void)semaphore_up(GATE);
    tap_equal(call(0, SOON), REPLY, "the chain comes to its end with a helper");
    tap_ok(links[0].handled == 2 && links[2].handled == 2, "and handled both calls");
    links_close(0, 2);
}

/* A handler in the middle: who called it gets an error, whom it called goes on. */
static void check_middle_destroyed(void)
{
    if (!links_open(0, 2, GATE, SELECTOR_PD) || !caller_begin(CALLER, PRIORITY_HIGH, 0) ||
        !entered()) {
        return;
    }
    tap_ok(actor_end(FIRST_LINK + 1), "the middle of a chain is destroyed");
    done();
    tap_equal(status_of[0], STATUS_ABORTED, "with ABORTED from the first handler's call");
    (void)semaphore_up(GATE);
    (void)semaphore_up(GATE);
    tap_equal(call(2, SOON), REPLY, "the last handler handles the next call");
    tap_equal(links[2].handled, 2, "after the one that was lost");
    tap_ok(actor_end(CALLER), "the caller goes");
    links_close(0, 0);
    links_close(2, 2);
}

/* A handler with a caller and a helper; its portal stays. */
static void check_busy_destroyed(void)
{
    if (!links_open(0, 0, GATE, SELECTOR_PD) || !caller_begin(CALLER, PRIORITY_HIGH, 0) ||
        !entered() || !caller_begin(SECOND, PRIORITY_HIGH, 0)) {
        return;
    }
    tap_equal(object_destroy(actor_context(FIRST_LINK)), STATUS_SUCCESS,
              "a busy handler is destroyed");
    done();
    done();
    tap_equal(status_of[0], STATUS_ABORTED, "its caller gets ABORTED");
    tap_equal(status_of[1], STATUS_ABORTED, "so does its helper");
    tap_equal(call(0, SOON), STATUS_ABORTED, "and who calls later");
    tap_equal(object_destroy(link_portal(0)), STATUS_SUCCESS, "its portal goes");
    tap_ok(actor_end(CALLER) && actor_end(SECOND), "the callers go");
}

static void check_domain_destroyed(void)
{
    if (!domain_open(OTHER) || !links_open(0, 1, GATE, OTHER)) {
        return;
    }
    tap_equal(call(0, SOON), STATUS_BAD_CAPABILITY, "a domain calls with its own capabilities");
    (void)domain_give(OTHER, link_portal(1));
    if (!caller_begin(CALLER, PRIORITY_HIGH, 0) || !entered()) {
        return;
    }
    domain_close(OTHER);
    done();
    tap_equal(status_of[0], STATUS_ABORTED, "the domain of all its handlers goes");
    tap_equal(object_destroy(link_portal(0)) | object_destroy(link_portal(1)), STATUS_SUCCESS,
              "their portals go");
    tap_ok(actor_end(CALLER), "the caller goes");
}

static void stop_here(struct handler *self, struct message *m)
{
    (void)self;
    (void)m;
    __asm__ volatile("ud2");
}

/* A handler that stops keeps its caller until somebody ends it, or a deadline does. */
static void check_stopped(void)
{
    (void)semaphore_down(ENTERED, DOWN_TRY | DOWN_ZERO, 0);
    if (!tap_ok(actor_serve(FIRST_LINK, SELECTOR_PD, stop_here, NULL), "a handler that faults") ||
        !tap_equal(context_supervise(actor_context(FIRST_LINK), ENTERED), STATUS_SUCCESS,
                   "its supervisor")) {
        return;
    }
    tap_equal(call_cut(0), STATUS_TIMEOUT, "its caller's deadline passes after it stopped");
    tap_equal(call(0, 0), STATUS_ABORTED, "the next call is refused");
    links_close(0, 0);
    if (!tap_ok(actor_serve(FIRST_LINK, SELECTOR_PD, stop_here, NULL), "another one") ||
        !tap_equal(context_supervise(actor_context(FIRST_LINK), ENTERED), STATUS_SUCCESS,
                   "its supervisor") ||
        !caller_begin(CALLER, PRIORITY_LOW, 0)) {
        return;
    }
    tap_equal(semaphore_down(ENTERED, 0, SOON), STATUS_SUCCESS, "the supervisor is told");
    tap_equal(status_of[0], NO_LINK, "its caller waits");
    links_close(0, 0);
    done();
    tap_equal(status_of[0], STATUS_ABORTED, "until it is destroyed");
    tap_ok(actor_end(CALLER), "the caller goes");
}

/* --- chains that grow --------------------------------------------------------------------------*/

/*
 * Two chains of calls: the first one's last handler, at its gate, is let on to call the second
 * one's first, which is busy, so it helps. `second` handlers are in the second one, and then one
 * more if it is let through its gate.
 */
static void check_grow(unsigned first, unsigned second, bool grows)
{
    unsigned last = first + second - 1;
    bool fits = first + second + grows <= LIMIT_LINKS;

    if (!links_open(0, first - 1, GATE, SELECTOR_PD) ||
        !links_open(first, last, GATE_TWO, SELECTOR_PD) ||
        !links_open(last + 1, last + 1, GATE_THREE, SELECTOR_PD)) {
        return;
    }
    links[first - 1].next = first;
    links[last].next = grows ? last + 1 : NO_LINK;
    if (!caller_begin(CALLER, PRIORITY_HIGH, 0) || !entered() ||
        !caller_begin(SECOND, PRIORITY_HIGH, first) || !entered()) {
        return;
    }
    (void)semaphore_up(GATE);
    if (!grows) {
        tap_equal(status_of[0], fits ? NO_LINK : STATUS_DEPTH, "the first one helps the second");
    }
    (void)semaphore_up(GATE_TWO);
    if (grows) {
        (void)entered();
        tap_equal(status_of[0], fits ? NO_LINK : STATUS_DEPTH,
                  fits ? "it may grow while it is blocked" : "it may not grow any more");
        (void)semaphore_up(GATE_THREE);
    }
    if (fits) { /* the second one is called again, by the first */
        (void)semaphore_up(GATE_TWO);
        (void)semaphore_up(GATE_THREE);
    }
    done();
    done();
    tap_equal(status_of[0], fits ? REPLY : STATUS_DEPTH, "the first caller");
    tap_equal(status_of[1], REPLY, "the second caller");
    tap_ok(actor_end(CALLER) && actor_end(SECOND), "the callers go");
    links_close(0, last + 1);
}

void suite_calls(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_expired();
    check_outermost();
    check_inner();
    check_running();
    check_helper_destroyed();
    check_first_destroyed();
    check_middle_destroyed();
    check_busy_destroyed();
    check_domain_destroyed();
    check_stopped();
    check_grow(7, 8, false);
    check_grow(6, 8, true);
    check_grow(8, 8, false);
    check_grow(7, 8, true);
    world_balance(before);
}
