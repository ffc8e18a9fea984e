/*
 * Ports handed out one by one. A thread of a second domain reads a port; what it must not read
 * raises #GP, whose handler in this domain notes it and opens the port, so that it can go on.
 */
#include "ranges.h"
#include "suites.h"
#include "uart.h"
#include "world.h"

enum {
    ONE = TEST_SELECTORS, /* a range of one port */
    OTHER,                /* the second domain */
    GRANT,                /* of all ports */
    PART,                 /* of the range of one port */
    NEXT,                 /* a third domain */
    DOCTOR = 0,           /* actors */
    VICTIM,
    SERVANT,
    DONE = SEMAPHORE,
};

#define PROTECTION 13
#define SOON       WORLD_LIMIT
#define PORTS      3u

static volatile struct {
    uint16_t port; /* that is being read, in this domain */
    uint32_t domain;
    bool faulted;
    uint64_t count, vector;
    enum status status;
} seen;

static bool open_for[PORTS]; /* was it read without an exception? */
static volatile uint8_t value;

static void treat(struct handler *self, struct message *m)
{
    (void)self;
    seen.faulted = true;
    seen.count++;
    seen.vector = m->word[0];
    seen.status = ports_open(SELECTOR_PORTS, seen.domain, seen.port, 1);
    m->length = 0;
}

/* Reads the scratch register of COM1 and its neighbours. */
static void ports_read(void)
{
    for (uint16_t i = 0; i < PORTS; i++) {
        seen.port = (uint16_t)(UART_SCRATCH - 1 + i);
        seen.faulted = false;
        value = port_read8(seen.port);
        open_for[i] = !seen.faulted;
    }
}

static void probe(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    ports_read();
    (void)semaphore_up(DONE);
}

/* Not in its first call: the kernel takes a longer way to a domain that the CPU does not know. */
static void probe_again(struct handler *self, struct message *m)
{
    (void)self;
    if (m->word[0]) {
        ports_read();
    }
    m->length = 0;
}

/* Only the port that its caller has: after the exception of another one the kernel looks anew. */
static void probe_one(struct handler *self, struct message *m)
{
    (void)self;
    if (m->word[0]) {
        seen.port = UART_SCRATCH;
        value = port_read8(UART_SCRATCH);
    }
    m->length = 0;
}

/* Opens a port in its own domain and uses it at once. */
static void open_own(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    seen.port = UART_SCRATCH;
    seen.status = ports_open(ONE, OTHER, 0, 1);
    value = port_read8(UART_SCRATCH);
    (void)semaphore_up(DONE);
}

/* The same, and calls a domain without ports: before, so that the CPU knows it, and afterwards. */
static void open_and_call(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);

    (void)argument;
    (void)message_put(&m, 0);
    seen.status = portal_call(actor_portal(SERVANT), &m, 0);
    seen.status |= ports_open(ONE, OTHER, 0, 1);
    value = port_read8(UART_SCRATCH);
    (void)message_put(&m, 1);
    seen.status |= portal_call(actor_portal(SERVANT), &m, 0);
    (void)semaphore_up(DONE);
}

static bool run(void (*what)(struct thread *self, void *argument))
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    seen.count = 0;
    return tap_ok(actor_run(VICTIM, OTHER, &low, what, NULL), "a thread in the domain") &&
           tap_equal(context_set_events(actor_context(VICTIM), EVENTS), STATUS_SUCCESS,
                     "its events") &&
           tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "it comes to its end") &&
           tap_ok(actor_end(VICTIM), "it goes");
}

static void check_own(void)
{
    tap_ok(domain_give(OTHER, OTHER) && domain_give(OTHER, ONE), "it may open a port itself");
    if (run(open_own)) {
        tap_equal(seen.status, STATUS_SUCCESS, "it opens one");
        tap_equal(seen.count, 0, "which it has at once");
    }
    tap_equal(ports_open(ONE, OTHER, 0, 1), STATUS_IN_USE, "a port is open once");
    tap_equal(ports_close(ONE, OTHER, 0), STATUS_SUCCESS, "close it");
    tap_equal(ports_close(ONE, OTHER, 0), STATUS_BAD_PARAMETER, "it is closed");
}

/* In a domain that has no port yet. */
static void check_none(void)
{
    if (run(probe)) {
        tap_ok(!open_for[0] && !open_for[1] && !open_for[2], "a new domain has no ports");
        tap_equal(seen.count, PORTS, "one exception for each");
    }
    for (uint16_t i = 0; i < PORTS; i++) {
        tap_equal(ports_close(SELECTOR_PORTS, OTHER, UART_SCRATCH - 1u + i), STATUS_SUCCESS,
                  "close what the handler opened");
    }
}

/* Called from this domain, which has these ports. */
static void check_called(void)
{
    seen.count = 0;
    if (!tap_ok(actor_serve(VICTIM, OTHER, probe_again, NULL), "a handler in a new domain")) {
        return;
    }
    tap_equal(context_set_events(actor_context(VICTIM), EVENTS), STATUS_SUCCESS, "its events");
    for (uint64_t again = 0; again < 2; again++) {
        struct message m = world_message();
        (void)message_put(&m, again);
        tap_equal(portal_call(actor_portal(VICTIM), &m, 0), STATUS_SUCCESS, "it is called");
    }
    tap_ok(!open_for[0] && !open_for[1] && !open_for[2], "it has none of its caller's ports");
    tap_equal(seen.count, PORTS, "one exception for each");
    tap_ok(actor_end(VICTIM), "it goes");
}

static void neighbours_close(void)
{
    tap_equal(ports_close(SELECTOR_PORTS, OTHER, UART_SCRATCH - 1u), STATUS_SUCCESS,
              "the one below was opened by the handler");
    tap_equal(ports_close(SELECTOR_PORTS, OTHER, UART_SCRATCH + 1u), STATUS_SUCCESS,
              "the one above too");
}

static void check_exact(void)
{
    tap_equal(ports_open(ONE, OTHER, 0, 1), STATUS_SUCCESS, "open one port");
    port_write8(UART_SCRATCH, 0x5a);
    if (run(probe)) {
        tap_ok(!open_for[0], "the one below raises an exception");
        tap_ok(open_for[1], "the port itself does not");
        tap_ok(!open_for[2], "the one above does");
        tap_equal(seen.vector, PROTECTION, "general protection");
        tap_equal(seen.status, STATUS_SUCCESS, "its handler opens it");
    }
    neighbours_close();
    tap_equal(object_destroy(ONE), STATUS_SUCCESS, "the range goes");
    if (run(probe)) {
        tap_equal(seen.count, PORTS, "and with it the port");
    }
    neighbours_close();
}

static void check_errors(void)
{
    tap_equal(range_create(OBJECT_PORTS, ONE, SELECTOR_PORTS, 0xfff8, 1), STATUS_BAD_PARAMETER,
              "the last eight ports are nobody's");
    tap_equal(range_create(OBJECT_PORTS, ONE, SELECTOR_PORTS, UART_SCRATCH, 1), STATUS_SUCCESS,
              "a range of one port");
    tap_equal(ports_open(ONE, OTHER, 1, 1), STATUS_BAD_PARAMETER, "open a port past it");
    tap_equal(ports_open(ONE, OTHER, 0, 2), STATUS_BAD_PARAMETER, "open more than it has");
    tap_equal(ports_open(ONE, OTHER, 0, 0), STATUS_BAD_PARAMETER, "open none");
    tap_equal(ports_open(ONE, ONE, 0, 1), STATUS_BAD_CAPABILITY, "open it in what is no domain");
    tap_equal(ports_close(ONE, OTHER, 0), STATUS_BAD_PARAMETER, "close what is not open");
    tap_equal(ports_open(SELECTOR_PORTS, SELECTOR_PD, UART_BASE + 3u, 2), STATUS_IN_USE,
              "open what is open already");
}

/* Called from a domain that has got its first port just before. */
static void check_got(void)
{
    if (!domain_open(NEXT)) {
        return;
    }
    (void)capability_delegate(NEXT, EVENTS + PROTECTION, actor_portal(DOCTOR), PT_RIGHT_CALL);
    seen.domain = NEXT;
    tap_ok(actor_serve(SERVANT, NEXT, probe_one, NULL) &&
               !context_set_events(actor_context(SERVANT), EVENTS) &&
               domain_give(OTHER, actor_portal(SERVANT)) && domain_give(OTHER, OTHER) &&
               range_create(OBJECT_PORTS, ONE, SELECTOR_PORTS, UART_SCRATCH, 1) == STATUS_SUCCESS &&
               domain_give(OTHER, ONE),
           "a handler in a third domain");
    if (run(open_and_call)) {
        tap_equal(seen.status, STATUS_SUCCESS, "a port is opened, and the handler called");
        tap_equal(seen.count, 1, "which has not its caller's port");
    }
    seen.domain = OTHER;
    tap_ok(actor_end(SERVANT), "the handler goes");
    tap_equal(object_destroy(ONE), STATUS_SUCCESS, "the range goes");
    domain_close(NEXT);
}

static void in_domain(void (*check)(void))
{
    if (!domain_open(OTHER)) {
        return;
    }
    (void)capability_delegate(OTHER, EVENTS + PROTECTION, actor_portal(DOCTOR), PT_RIGHT_CALL);
    check();
    domain_close(OTHER);
}

/* A range of one port, cut from a grant of all of them, a part of that, and the port open by it. */
static bool parts_make(void)
{
    return capability_delegate(SELECTOR_PD, GRANT, SELECTOR_PORTS, RIGHTS_ALL).status ==
               STATUS_SUCCESS &&
           range_create(OBJECT_PORTS, ONE, GRANT, UART_SCRATCH, 1) == STATUS_SUCCESS &&
           range_create(OBJECT_PORTS, PART, ONE, 0, 1) == STATUS_SUCCESS &&
           domain_give(OTHER, PART) && ports_open(PART, OTHER, 0, 1) == STATUS_SUCCESS;
}

static void parts_gone(void)
{
    tap_equal(capability_lookup(ONE).status, STATUS_BAD_CAPABILITY, "the part has gone");
    tap_equal(capability_lookup(PART).status, STATUS_BAD_CAPABILITY, "and the part of it");
    if (run(probe)) {
        tap_equal(seen.count, PORTS, "and the port is closed");
    }
    for (uint16_t i = 0; i < PORTS; i++) {
        (void)ports_close(SELECTOR_PORTS, OTHER, UART_SCRATCH - 1u + i);
    }
}

/* What was cut from a capability goes with it. */
static void check_parts(void)
{
    uint64_t before = world_free();

    (void)ports_close(SELECTOR_PORTS, OTHER, UART_SCRATCH); /* opened by the handler */
    if (!tap_ok(parts_make(), "parts of a grant")) {
        return;
    }
    tap_equal(capability_revoke(GRANT, 0), STATUS_SUCCESS, "the grant is revoked");
    tap_equal(capability_lookup(GRANT).type, OBJECT_PORTS, "and stays");
    parts_gone();
    (void)capability_revoke(GRANT, REVOKE_SELF);
    tap_ok(parts_make(), "parts of a grant");
    tap_equal(object_destroy(ONE), STATUS_SUCCESS, "a range goes with its parts");
    parts_gone();
    tap_equal(capability_revoke(GRANT, REVOKE_SELF), STATUS_SUCCESS, "the grant goes");
    tap_ok(parts_make(), "parts of a grant");
    tap_equal(capability_revoke(GRANT, REVOKE_SELF), STATUS_SUCCESS, "it is revoked with itself");
    parts_gone();
    tap_equal(object_destroy(SELECTOR_PORTS), STATUS_IN_USE, "what was there at boot stays");
    tap_ok(world_free() + 3 >= before, "no frames but those of slots and ports are missing");
}

static void check_one(void)
{
    check_errors();
    check_own();
    check_exact();
    check_parts();
}

void suite_port_ranges(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (tap_ok(actor_serve(DOCTOR, SELECTOR_PD, treat, NULL), "a handler")) {
        seen.domain = OTHER;
        in_domain(check_none);
        in_domain(check_called);
        in_domain(check_got);
        in_domain(check_one);
        tap_ok(actor_end(DOCTOR), "the handler goes");
    }
    world_balance(before);
}
