/*
 * Nothing leaks from one domain to another by way of registers: one side fills all of them with
 * marks and enters the kernel, the other side looks at all of them when it comes out.
 */
#include "canary_check.h"
#include "suites.h"
#include "world.h"

enum {
    OTHER = TEST_SELECTORS,
    CALLERS,  /* another one, of callers: neither has ports, as this program has */
    NEAR = 0, /* actors */
    FAR,
    GO = SEMAPHORE, /* standing semaphores */
    DONE,
};

#define OWNER_NEAR 1u
#define OWNER_FAR  2u
#define NOWHERE    (TEST_ADDRESS + 0x5ec2e7000)
#define SOON       WORLD_LIMIT

#define BIT(reg) (1ull << CANARY_##reg)
#define WORDS    (BIT(RAX) | BIT(RSI) | BIT(RDX) | BIT(R8) | BIT(R9))
#define RECEIVED (WORDS | BIT(RDI)) /* by a handler */

static struct canary near, far;
static uint64_t wrong_far, wrong_near; /* over some calls */

/* A SYSCALL with these arguments. */
static void call_set(struct canary *c, uint64_t rax, uint64_t rdi, uint64_t rsi, uint64_t rdx)
{
    c->in[CANARY_RAX] = rax;
    c->in[CANARY_RDI] = rdi;
    c->in[CANARY_RSI] = rsi;
    c->in[CANARY_RDX] = rdx;
    c->in[CANARY_R10] = 0;
}

/* A CALL or REPLY of four words. */
static void message_set(struct canary *c, uint64_t number, uint64_t portal)
{
    call_set(c, number | 4ull << 8, portal, 11, 12);
    c->in[CANARY_R8] = 13;
    c->in[CANARY_R9] = 14;
}

/* An EC of the other domain that begins at canary_serve, with RSP at its struct. */
static bool far_create(void)
{
    canary_fill(&far, OWNER_FAR);
    actors[FAR].serves = false;
    return context_create(actor_context(FAR), SELECTOR_POOL, OTHER, (uint64_t)canary_serve,
                          (uint64_t)far.in, actor_utcb(FAR), 0)
               .status == STATUS_SUCCESS;
}

static bool far_serve(void)
{
    bool made = far_create();

    message_set(&far, SYSCALL_REPLY, 0);
    actors[FAR].serves = true;
    return made &&
           portal_create(actor_portal(FAR), SELECTOR_POOL, actor_context(FAR), 0x77).status ==
               STATUS_SUCCESS;
}

/* Of the other domain: nothing of the near one. */
static uint64_t far_wrong(uint64_t message, bool fresh)
{
    return canary_general(&far, message) + canary_bases(&far, fresh) +
           canary_vectors_wrong(&far, true);
}

static uint64_t near_wrong(uint64_t message)
{
    return canary_general(&near, message) + canary_bases(&near, false);
}

static bool is_message(const struct canary *c)
{
    return c->out[CANARY_RSI] == 11 && c->out[CANARY_RDX] == 12 && c->out[CANARY_R8] == 13 &&
           c->out[CANARY_R9] == 14;
}

static bool near_end(void)
{
    return tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "it comes to its end") &&
           tap_ok(actor_end(NEAR), "it goes");
}

/* Call and reply: to a handler that begins with it, and to one that waited. Argument: the part. */
static void run_calls(struct thread *self, void *argument)
{
    (void)self;
    for (unsigned i = 0; i < 3; i++) {
        canary_fill(&near, OWNER_NEAR);
        canary_vectors(&near, (enum canary_part)(uint64_t)argument);
        message_set(&near, SYSCALL_CALL, actor_portal(FAR));
        canary_once(&near);
        wrong_far += !is_message(&far) + far_wrong(RECEIVED, i == 0);
        wrong_near += !is_message(&near) + near_wrong(WORDS);
        wrong_near += canary_vectors_wrong(&near, true);
    }
    (void)semaphore_up(DONE);
}

static void check_call(uint32_t domain, enum canary_part part, const char *what)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    wrong_far = wrong_near = 0;
    if (!tap_ok(far_serve() && (domain == SELECTOR_PD || domain_give(domain, actor_portal(FAR))),
                what)) {
        return;
    }
    tap_ok(actor_run(NEAR, domain, &low, run_calls, (void *)(uint64_t)part) && near_end(),
           "a thread that calls");
    tap_equal(wrong_far, 0, "a call takes nothing along but the message");
    tap_equal(wrong_near, 0, "nor does the reply");
    tap_ok(actor_end(FAR), "the handler goes");
}

static void check_calls(uint32_t domain)
{
    static const char *const parts[CANARY_PARTS] = {
        "marks everywhere", "marks in the x87 control word", "marks in x87 registers",
        "marks in MXCSR",   "marks in XMM registers",        "marks beyond XMM registers",
    };

    for (enum canary_part part = 0; part < CANARY_PARTS; part++) {
        check_call(domain, part, parts[part]);
    }
}

static void run_canary(struct thread *self, void *argument)
{
    (void)self;
    canary_once(argument);
    (void)semaphore_up(DONE);
}

/* The thread of the other domain goes through the kernel once, with marks everywhere. */
static bool far_begin(uint8_t priority)
{
    struct schedule s = actor_schedule(priority);

    return tap_ok(actor_run(FAR, OTHER, &s, run_canary, &far), "a thread in the other domain");
}

/* The near thread, below this one; the caller has filled its registers. */
static bool near_begin(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    return tap_ok(actor_run(NEAR, SELECTOR_PD, &low, run_canary, &near), "a thread with marks");
}

/* Everything is as it was. */
static void check_near_kept(const char *what)
{
    tap_equal(canary_kept(&near) + canary_bases(&near, false) + canary_vectors_wrong(&near, false),
              0, what);
}

static void run_fault(struct thread *self, void *argument)
{
    (void)self;
    (void)*(volatile uint64_t *)argument;
}

/* CR2 holds the address of a fault of this domain. */
static void fault_somewhere(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    if (tap_ok(actor_run(NEAR, SELECTOR_PD, &low, run_fault, (void *)NOWHERE), "a thread")) {
        (void)context_supervise(actor_context(NEAR), DONE);
        tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "which has a page fault");
        (void)actor_end(NEAR);
    }
}

/* The handler in the other domain, and back. */
static void check_exception(void)
{
    fault_somewhere();
    if (!tap_ok(far_serve(), "a handler of exceptions there")) {
        return;
    }
    canary_fill(&near, OWNER_NEAR);
    near.event = CANARY_BREAKPOINT;
    (void)capability_delegate(SELECTOR_PD, EVENTS + 3, actor_portal(FAR), PT_RIGHT_CALL);
    if (near_begin()) {
        (void)context_set_events(actor_context(NEAR), EVENTS);
        (void)near_end();
        tap_equal(far_wrong(RECEIVED, true), 0, "an exception takes nothing to its handler");
        tap_equal(far.out[CANARY_RSI], 3, "but its message");
        tap_equal(far.out[CANARY_R9], 0, "without the address of another fault");
        check_near_kept("and leaves all registers as they were");
    }
    (void)capability_revoke(EVENTS + 3, REVOKE_SELF);
    tap_ok(actor_end(FAR), "the handler goes");
}

/* Up of a semaphore that a more urgent thread of the other domain waits for. */
static void check_wake(void)
{
    canary_fill(&far, OWNER_FAR);
    call_set(&far, SYSCALL_DOWN, GO, 0, 0);
    canary_fill(&near, OWNER_NEAR);
    call_set(&near, SYSCALL_UP, GO, 0, 0);
    if (!far_begin(PRIORITY_HIGH)) {
        return;
    }
    canary_once(&near);
    tap_equal(semaphore_down(DONE, DOWN_TRY, 0), STATUS_SUCCESS, "an up wakes it at once");
    tap_equal(canary_general(&far, 0), 0, "it finds nothing of who did it");
    tap_equal(canary_bases(&far, false) + canary_vectors_wrong(&far, true), 0, "nor elsewhere");
    tap_equal(near_wrong(BIT(RAX)), 0, "nor does that find anything of it");
    tap_equal(canary_vectors_wrong(&near, false), 0, "its vector state is as it was");
    tap_ok(actor_end(FAR), "the thread goes");
}

/* A new thread runs at once, out of the system call that gives it time. */
static void check_start(void)
{
    if (!tap_ok(far_create(), "a context in the other domain")) {
        return;
    }
    call_set(&far, SYSCALL_DOWN, GO, 0, 0);
    canary_fill(&near, OWNER_NEAR);
    call_set(&near, SYSCALL_CREATE, OBJECT_SC | actor_time(FAR) << 8, SELECTOR_POOL,
             actor_context(FAR) | (uint64_t)SELECTOR_CPUS << 32);
    near.in[CANARY_R8] = PRIORITY_HIGH;
    near.in[CANARY_R9] = near.in[CANARY_R10] = world.millisecond;
    canary_once(&near);
    tap_equal(near.out[CANARY_RAX], STATUS_SUCCESS, "it gets time");
    tap_equal(far_wrong(0, true), 0, "a new thread begins with nothing");
    tap_equal(near_wrong(BIT(RAX)) + canary_vectors_wrong(&near, false), 0,
              "its maker goes on with its own");
    tap_ok(actor_end(FAR), "the thread goes");
}

/* A deadline of the other domain's thread preempts one that has marks everywhere. */
static void check_preemption(void)
{
    canary_fill(&near, OWNER_NEAR);
    near.event = CANARY_SPIN;
    canary_fill(&far, OWNER_FAR);
    call_set(&far, SYSCALL_DOWN, GO, 0, tsc_read() + 5 * world.millisecond);
    if (!near_begin() || !far_begin(PRIORITY_HIGH)) {
        return;
    }
    tap_equal(semaphore_down(DONE, 0, SOON), STATUS_SUCCESS, "a deadline preempts it");
    near.stop = 1;
    (void)near_end();
    check_near_kept("it does not notice");
    tap_equal(far.out[CANARY_RAX], STATUS_TIMEOUT, "the other one comes out of its system call");
    tap_equal(canary_general(&far, BIT(RAX)) + canary_bases(&far, false) +
                  canary_vectors_wrong(&far, true),
              0, "without anything of the first one");
    tap_ok(actor_end(FAR), "that one goes");
}

void suite_secrets(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!domain_open(OTHER)) {
        return;
    }
    check_calls(SELECTOR_PD);
    if (domain_open(CALLERS)) {
        check_calls(CALLERS);
        domain_close(CALLERS);
    }
    check_exception();
    check_wake();
    check_start();
    check_preemption();
    domain_close(OTHER);
    world_balance(before);
}
