/* Portal calls between threads: messages, errors, chains, helping and deadlines. */
#include "suites.h"
#include "world.h"

enum {
    OTHER = TEST_SELECTORS,
    WEAK,
    REMOTE = WORLD_RANGE + 1, /* stays: it is not on this CPU */
    REMOTE_PORTAL,
    GO = SEMAPHORE, /* standing semaphores */
    DONE,
    ENTERED,
    ECHO = 0, /* actors */
    SLOW,
    CALLER,
};

#define CHAIN_CALLS 15u /* calls in a chain of 16 */
#define UNTOUCHED   0xa5a5a5a5a5a5a5a5ull
#define LIMIT       WORLD_LIMIT

/* Replies each word plus one, and before the first one the portal's id. */
static void echo(struct handler *self, struct message *m)
{
    (void)self;
    for (uint64_t i = 0; i < m->length; i++) {
        if (i < MESSAGE_REGISTERS) {
            m->word[i]++;
        } else {
            m->utcb->word[i]++;
        }
    }
    if (m->length) {
        m->word[0] += m->portal;
    }
}

/* Calls with so many words; how many of the reply, or behind it in the UTCB, are wrong. */
static uint64_t call_words(uint32_t portal, uint64_t id, uint64_t words)
{
    struct message m = world_message();
    uint64_t wrong = 0, behind = words < MESSAGE_REGISTERS ? MESSAGE_REGISTERS : words;

    for (uint64_t i = behind; i < MESSAGE_WORDS; i++) {
        m.utcb->word[i] = UNTOUCHED;
    }

    for (uint64_t i = 0; i < words; i++) {
        wrong += !message_put(&m, i * 0x9e3779b97f4a7c15);
    }
    wrong += portal_call(portal, &m, 0) != STATUS_SUCCESS;
    wrong += m.length != words;
    for (uint64_t i = 0; i < words; i++) {
        wrong += message_get(&m, i) != i * 0x9e3779b97f4a7c15 + 1 + (i == 0 ? id : 0);
    }
    for (uint64_t i = behind; i < MESSAGE_WORDS; i++) {
        wrong += m.utcb->word[i] != UNTOUCHED;
    }
    return wrong;
}

static void check_messages(uint32_t domain, const char *what)
{
    uint64_t wrong = 0;

    if (!tap_ok(actor_serve(ECHO, domain, echo, NULL), "a handler")) {
        return;
    }
    for (uint64_t words = 0; words <= MESSAGE_WORDS; words++) {
        wrong += call_words(actor_portal(ECHO), actor_id(ECHO), words);
    }
    tap_equal(wrong, 0, what);
    for (unsigned i = 0; i < 1000; i++) {
        wrong += call_words(actor_portal(ECHO), actor_id(ECHO), 4);
    }
    tap_equal(wrong, 0, "1000 more calls");
    tap_ok(actor_end(ECHO), "the handler goes");
}

static enum status call_plain(uint32_t portal, uint64_t length, uint64_t deadline)
{
    struct message m = world_message();

    m.length = length;
    return portal_call(portal, &m, deadline);
}

static void check_errors(const struct machine *m)
{
    tap_equal(call_plain(OTHER, 0, 0), STATUS_BAD_CAPABILITY, "call: empty selector");
    tap_equal(call_plain(SELECTOR_PD, 0, 0), STATUS_BAD_CAPABILITY, "call: a PD");
    tap_equal(call_plain(SELECTORS, 0, 0), STATUS_BAD_CAPABILITY, "call: past the table");
    (void)actor_serve(ECHO, SELECTOR_PD, echo, NULL);
    tap_equal(call_plain(actor_context(ECHO), 0, 0), STATUS_BAD_CAPABILITY, "call: an EC");
    tap_equal(call_plain(actor_portal(ECHO), 489, 0), STATUS_BAD_PARAMETER, "call: 489 words");
    tap_equal(call_plain(actor_portal(ECHO), 1ull << 40, 0), STATUS_BAD_PARAMETER,
              "call: a reserved bit of the length");
    (void)capability_delegate(SELECTOR_PD, WEAK, actor_portal(ECHO), PT_RIGHT_CONTROL);
    tap_equal(call_plain(WEAK, 0, 0), STATUS_NO_RIGHT, "call: without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(call_words(actor_portal(ECHO), actor_id(ECHO), 4), 0, "the handler is still there");
    tap_ok(actor_end(ECHO), "the handler goes");
    tap_equal(call_plain(actor_portal(ECHO), 0, 0), STATUS_BAD_CAPABILITY, "call: portal gone");

    if (m->info->cpus.count > 1) {
        (void)context_create(REMOTE, SELECTOR_POOL, SELECTOR_PD, 0, 0, actor_utcb(ACTORS), 1);
        (void)portal_create(REMOTE_PORTAL, SELECTOR_POOL, REMOTE, 0);
        tap_equal(call_plain(REMOTE_PORTAL, 0, 0), STATUS_WRONG_CPU, "call: a handler elsewhere");
        tap_equal(object_destroy(REMOTE), STATUS_SUCCESS, "it is destroyed from here");
        tap_equal(call_plain(REMOTE_PORTAL, 0, 0), STATUS_ABORTED, "call: a handler that is gone");
        tap_equal(object_destroy(REMOTE_PORTAL), STATUS_SUCCESS, "its portal goes");
    }
}

/* Argument: selector of the next portal. Replies how many calls succeeded, and the last status. */
static void call_next(struct handler *self, struct message *m)
{
    struct message next = message_make(self->utcb);
    enum status status = portal_call((uint32_t)(uint64_t)self->argument, &next, 0);

    m->length = 2;
    m->word[0] = status == STATUS_SUCCESS ? next.word[0] + 1 : 0;
    m->word[1] = status == STATUS_SUCCESS ? next.word[1] : status;
}

static void check_chain(unsigned actors_in_it, uint32_t last, const char *what)
{
    struct message m = world_message();
    bool made = true, ended = true;

    for (unsigned i = 0; i < actors_in_it; i++) {
        uint64_t next = i + 1 < actors_in_it ? actor_portal(i + 1) : last;
        made = made && actor_serve(i, SELECTOR_PD, call_next, (void *)next);
    }
    if (!tap_ok(made, "a chain of handlers")) {
        return;
    }
    for (unsigned n = 0; n < 3; n++) {
        m.length = 0;
        if (portal_call(actor_portal(0), &m, LIMIT) != STATUS_SUCCESS) {
            m.length = 0;
        }
    }
    tap_comment();
    print("%s: length %lu, %lu calls, status %lu\n", what, m.length, m.word[0], m.word[1]);
    if (actors_in_it > CHAIN_CALLS) {
        tap_equal(m.word[0] + 1, CHAIN_CALLS, "15 calls stand in a chain");
    }
    tap_ok(m.length == 2 && m.word[1] == STATUS_DEPTH, what);
    for (unsigned i = 0; i < actors_in_it; i++) {
        ended = actor_end(i) && ended;
    }
    tap_ok(ended, "the handlers go");
}

/* A handler that waits within its call until it is told to go on. */
static volatile uint64_t handled;

static void handle_slowly(struct handler *self, struct message *m)
{
    (void)self;
    (void)semaphore_up(ENTERED);
    (void)semaphore_down(GO, 0, 0);
    handled = handled + 1;
    m->length = 1;
    m->word[0] = 0x600d;
}

static volatile enum status caller_status;
static volatile uint64_t caller_word;

static void call_slow(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);

    (void)argument;
    caller_status = STATUS_BAD_CALL;
    caller_status = portal_call(actor_portal(SLOW), &m, 0);
    caller_word = m.word[0];
    (void)semaphore_up(DONE);
}

static bool slow_open(void)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);

    handled = 0;
    return tap_ok(actor_serve(SLOW, SELECTOR_PD, handle_slowly, NULL) &&
                      actor_run(CALLER, SELECTOR_PD, &high, call_slow, NULL),
                  "a handler that is busy with somebody's call") &&
           tap_equal(semaphore_down(ENTERED, 0, LIMIT), STATUS_SUCCESS, "it has begun");
}

static void check_deadline(void)
{
    uint64_t deadline;

    handled = 0;
    if (!tap_ok(actor_serve(SLOW, SELECTOR_PD, handle_slowly, NULL), "a handler that blocks")) {
        return;
    }
    deadline = tsc_read() + 3 * world.millisecond;
    enum status status = call_plain(actor_portal(SLOW), 0, deadline);
    uint64_t late = tsc_read() - deadline;
    tap_equal(status, STATUS_TIMEOUT, "a deadline cuts a call");
    if (world.machine->exact) {
        tap_at_most(late, EXACT_LATENESS, "not before its time, and hardly later");
    }
    tap_equal(handled, 0, "the handler has not finished");
    deadline = tsc_read() + 3 * world.millisecond;
    tap_equal(call_plain(actor_portal(SLOW), 0, deadline), STATUS_TIMEOUT,
              "a deadline ends helping a busy handler");
    (void)semaphore_up(GO);
    (void)semaphore_up(GO);
    struct message m = world_message();
    tap_equal(portal_call(actor_portal(SLOW), &m, LIMIT), STATUS_SUCCESS, "the next call");
    tap_equal(m.word[0], 0x600d, "is handled");
    tap_equal(handled, 2, "after the first one, whose reply is lost, was finished");
    tap_ok(actor_end(SLOW), "the handler goes");
}

static void go_low(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    world_sleep(2 * world.millisecond);
    (void)semaphore_up(GO);
    (void)semaphore_up(GO);
}

/* Two callers, one handler: the second one's time carries the first one's call on. */
static void check_helping(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    struct message m = world_message();

    if (!slow_open() ||
        !tap_ok(actor_run(ECHO, SELECTOR_PD, &low, go_low, NULL), "somebody who ends the wait")) {
        return;
    }
    tap_equal(portal_call(actor_portal(SLOW), &m, LIMIT), STATUS_SUCCESS,
              "a call of a busy handler");
    tap_equal(m.word[0], 0x600d, "is handled");
    tap_equal(handled, 2, "after the call that was there first");
    tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "the first caller goes on");
    tap_ok(caller_status == STATUS_SUCCESS && caller_word == 0x600d, "with its reply");
    tap_ok(actor_end(ECHO) && actor_end(CALLER) && actor_end(SLOW), "all go");
}

static void check_destroyed_handler(void)
{
    if (!slow_open()) {
        return;
    }
    tap_ok(actor_end(SLOW), "a handler is destroyed in the middle of a call");
    tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "its caller goes on");
    tap_equal(caller_status, STATUS_ABORTED, "with ABORTED");
    tap_ok(actor_end(CALLER), "the caller goes");
}

static void check_destroyed_caller(void)
{
    struct message m = world_message();

    if (!slow_open()) {
        return;
    }
    tap_ok(actor_end(CALLER), "a caller is destroyed in the middle of its call");
    (void)semaphore_up(GO);
    (void)semaphore_up(GO);
    tap_equal(portal_call(actor_portal(SLOW), &m, LIMIT), STATUS_SUCCESS, "the next call");
    tap_equal(handled, 2, "is handled after the lost one");
    tap_equal(semaphore_down(DONE, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "the lost caller did not run");
    tap_ok(actor_end(SLOW), "the handler goes");
}

void suite_ipc(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_messages(SELECTOR_PD, "messages of 0 to 488 words within a domain");
    if (domain_open(OTHER)) {
        check_messages(OTHER, "messages of 0 to 488 words between domains");
        domain_close(OTHER);
    }
    check_chain(17, actor_portal(16), "a long chain of calls ends with DEPTH");
    check_chain(1, actor_portal(0), "a handler that calls itself gets DEPTH");
    check_chain(2, actor_portal(0), "two handlers that call each other get DEPTH");
    check_helping();
    check_deadline();
    check_destroyed_handler();
    check_destroyed_caller();
    check_errors(m);
    if (m->info->cpus.count == 1) {
        world_balance(before);
    }
}
