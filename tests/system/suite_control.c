/* Others stop an execution context, look at its registers, change them and let it go on. */
#include "controlled.h"
#include "suites.h"
#include "world.h"

enum {
    GRANT = TEST_SELECTORS,
    MORTAL,                   /* a semaphore that does not stay */
    REMOTE = WORLD_RANGE + 8, /* an EC on the second CPU, which stays */
    VICTIM = 0,               /* actors */
    DOCTOR,
    SECOND,
    DONE = SEMAPHORE + 1,
    TOLD,
    HOLD,
};

#define LIMIT        (tsc_read() + 1000 * world.millisecond)
#define REMOTE_UTCB  (TEST_ADDRESS - PAGE)
#define NOWHERE      (TEST_ADDRESS + 5 * PAGE)
#define SET_VALUE(n) (0x7777000000000000ull + (n))
#define FS_SET       0x00007fffdeadb000ull
#define GS_SET       0xffff800000000000ull
#define FLAGS_WILD   (~0x100ull) /* all but TF */
#define FLAGS_ALL    0x244ed7ull /* of these, what a program may have, but RF: it is not pushed */
#define FLAGS_RF     0x10000ull
#define FLAGS_TF     0x100ull
#define DEBUG        1u
#define UNDEFINED    6u
#define PAGE_FAULT   14u

static struct controlled_registers found;
static volatile uint64_t counter, status_seen;

static volatile struct utcb_state *state(void)
{
    return (volatile struct utcb_state *)FIRST_UTCB_ADDRESS;
}

static uint32_t victim(void)
{
    return actor_context(VICTIM);
}

static bool victim_run(void (*run)(struct thread *self, void *argument))
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    return tap_ok(actor_run(VICTIM, SELECTOR_PD, &low, run, NULL), "a thread");
}

static void victim_end(void)
{
    tap_ok(actor_end(VICTIM), "the thread goes");
}

static bool supervise(void)
{
    return tap_equal(context_supervise(victim(), TOLD), STATUS_SUCCESS, "its supervisor");
}

static bool stopped(void)
{
    return tap_equal(semaphore_down(TOLD, 0, LIMIT), STATUS_SUCCESS, "the supervisor is told") &&
           tap_equal(context_read(victim()), STATUS_SUCCESS, "the state can be read") &&
           tap_equal(state()->activity, ACTIVITY_STOPPED, "the thread is stopped");
}

static bool resume(void)
{
    return tap_equal(context_resume(victim()), STATUS_SUCCESS, "the thread is resumed");
}

static bool finished(void)
{
    return tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "it comes to its end");
}

static void run_stop(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_stop(&found);
    (void)semaphore_up(DONE);
}

static void run_fault(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    counter = *(volatile uint64_t *)NOWHERE;
}

static void run_spin(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_spin(&counter);
}

static void run_down(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    status_seen = semaphore_down(HOLD, 0, 0);
    (void)semaphore_up(DONE);
}

static void run_recall_self(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    status_seen = context_recall(victim());
    counter = 1;
    (void)semaphore_up(DONE);
}

/* --- stop, read, set, resume -------------------------------------------------------------------*/

static void check_read(void)
{
    const volatile uint64_t *general = &state()->rax;
    unsigned wrong = 0;

    for (unsigned i = 0; i < 16; i++) {
        wrong += i != 7 && general[i] != CONTROLLED_VALUE(i);
    }
    tap_equal(wrong, 0, "general registers");
    tap_equal(state()->rip, (uint64_t)controlled_undefined, "RIP");
    tap_equal(state()->vector, UNDEFINED, "vector");
    tap_equal(state()->error, 0, "error code");
    tap_equal(state()->rflags & 0x3200, 0x200, "RFLAGS: interrupts on, no right to I/O");
    tap_equal(state()->fs_base | state()->gs_base, 0, "segment bases");
}

static void set_wild(void)
{
    volatile uint64_t *general = &state()->rax;

    for (unsigned i = 0; i < 16; i++) {
        general[i] = i == 7 ? general[i] : SET_VALUE(i);
    }
    state()->rip += 2;
    state()->rflags = FLAGS_WILD;
    state()->fs_base = FS_SET;
    state()->gs_base = GS_SET;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "the state can be set");
}

static void check_stop(void)
{
    unsigned wrong = 0;

    if (!victim_run(run_stop) || !supervise() || !stopped()) {
        return;
    }
    check_read();
    set_wild();
    (void)context_read(victim());
    tap_equal(state()->rflags, FLAGS_ALL | FLAGS_RF, "RFLAGS: what a program may have");
    tap_equal(semaphore_down(DONE, 0, tsc_read() + 5 * world.millisecond), STATUS_TIMEOUT,
              "it stays where it is");
    if (!resume() || !finished()) {
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        wrong += i != 7 && found.general[i] != SET_VALUE(i);
    }
    tap_equal(wrong, 0, "the thread finds what was set in its registers");
    tap_equal(found.flags & ~FLAGS_RF, FLAGS_ALL, "and in RFLAGS");
    tap_equal(found.fs_base, FS_SET, "FS base");
    tap_equal(found.gs_base, GS_SET, "GS base");
    victim_end();
}

static void check_address(void)
{
    if (!victim_run(run_fault) || !supervise() || !stopped()) {
        return;
    }
    tap_equal(state()->vector, PAGE_FAULT, "vector of a page fault");
    tap_equal(state()->error, 4, "error code");
    tap_equal(state()->address, NOWHERE, "address");
    if (resume()) {
        (void)stopped();
        tap_equal(state()->address, NOWHERE, "resumed, it does it again");
    }
    victim_end();
}

/* A context that has not begun starts with what is set. */
static void check_start(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    uint64_t id;

    counter = 0;
    tap_equal(
        context_create(victim(), SELECTOR_POOL, SELECTOR_PD, 1, 0, actor_utcb(VICTIM), 0).status,
        STATUS_SUCCESS, "a context");
    (void)context_read(victim());
    id = state()->id;
    tap_equal(state()->activity, ACTIVITY_WAITING, "it has not begun");
    tap_equal(state()->rip, 1, "RIP as created");
    state()->rip = (uint64_t)controlled_spin;
    state()->rdi = (uint64_t)&counter;
    state()->rbx = 5;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "its registers can be set");
    tap_equal(time_create(actor_time(VICTIM), SELECTOR_POOL, victim(), &low).status, STATUS_SUCCESS,
              "time for it");
    world_sleep(50 * world.millisecond);
    tap_ok(counter > 0, "it runs with them");
    (void)context_read(victim());
    tap_equal(state()->activity, ACTIVITY_READY, "it is preempted");
    tap_equal(state()->id, id, "it has the same id");
    tap_equal(state()->rbx, 0, "registers that no message has are zero");
    tap_ok(state()->rip >= (uint64_t)controlled_spin_begin &&
               state()->rip < (uint64_t)controlled_spin_end,
           "RIP is where it spins");
    victim_end();
}

/* --- supervisors -------------------------------------------------------------------------------*/

static void check_revoked(void)
{
    if (!victim_run(run_stop)) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, GRANT, TOLD, SM_RIGHT_UP);
    tap_equal(context_supervise(victim(), GRANT), STATUS_SUCCESS, "a supervisor");
    tap_equal(context_supervise(victim(), TOLD), STATUS_IN_USE, "one at a time");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    world_sleep(50 * world.millisecond);
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "revoked, it is not told");
    (void)context_read(victim());
    tap_equal(state()->activity, ACTIVITY_STOPPED, "the thread is stopped all the same");

    (void)semaphore_create(MORTAL, SELECTOR_POOL, 0);
    tap_equal(context_supervise(victim(), MORTAL), STATUS_SUCCESS, "the next supervisor");
    (void)context_resume(victim());
    tap_equal(semaphore_down(MORTAL, 0, LIMIT), STATUS_SUCCESS, "is told");
    tap_equal(object_destroy(MORTAL), STATUS_SUCCESS, "its semaphore goes");
    (void)context_resume(victim());
    world_sleep(50 * world.millisecond);
    tap_equal(context_supervise(victim(), TOLD), STATUS_SUCCESS, "the place is free");
    (void)context_resume(victim());
    (void)stopped();
    victim_end();
    (void)capability_delegate(SELECTOR_PD, GRANT, TOLD, SM_RIGHT_UP);
    tap_equal(capability_revoke(TOLD, 0), STATUS_SUCCESS, "nothing is left of a dead thread");
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "each stop is told once");
}

/* --- recall ------------------------------------------------------------------------------------*/

static volatile struct {
    uint64_t count, vector, rip, last, wrong;
    bool slow;
} seen;

/* Takes exceptions of the victim; ends stepping at controlled_step_end. */
static void treat(struct handler *self, struct message *m)
{
    volatile struct utcb_state *own = (volatile struct utcb_state *)actor_utcb(DOCTOR);

    (void)self;
    seen.count++;
    seen.vector = m->word[0];
    seen.rip = m->word[2];
    seen.wrong += context_read(victim()) != STATUS_SUCCESS || own->activity != ACTIVITY_EXCEPTION ||
                  own->rip != seen.rip || own->vector != seen.vector;
    if (seen.vector == DEBUG) {
        seen.wrong += seen.rip <= seen.last;
        seen.last = seen.rip;
        if (seen.rip >= (uint64_t)controlled_step_end) {
            own->rflags &= ~FLAGS_TF;
            seen.wrong += context_set(victim()) != STATUS_SUCCESS;
        }
    }
    if (seen.slow) {
        (void)semaphore_down(HOLD, 0, LIMIT);
    }
    m->length = 4;
}

static bool doctor_come(uint32_t vector)
{
    seen.count = seen.wrong = seen.last = 0;
    seen.slow = false;
    return tap_ok(actor_serve(DOCTOR, SELECTOR_PD, treat, NULL), "a handler") &&
           tap_equal(capability_delegate(SELECTOR_PD, EVENTS + vector, actor_portal(DOCTOR),
                                         PT_RIGHT_CALL)
                         .status,
                     STATUS_SUCCESS, "its portal") &&
           tap_equal(context_set_events(victim(), EVENTS), STATUS_SUCCESS, "the thread's events");
}

static void doctor_go(uint32_t vector)
{
    tap_equal(seen.wrong, 0, "the handler saw what it had to");
    (void)capability_revoke(EVENTS + vector, REVOKE_SELF);
    tap_ok(actor_end(DOCTOR), "the handler goes");
}

static void recall(uint32_t context)
{
    tap_equal(context_recall(context), STATUS_SUCCESS, "recall");
}

static void check_recall_running(void)
{
    counter = 0;
    if (!victim_run(run_spin) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    for (unsigned i = 0; i < 2000 && !counter; i++) {
        world_sleep(world.millisecond); /* until it spins */
    }
    recall(victim());
    tap_equal(seen.count, 0, "nothing happens before it would run");
    for (unsigned i = 0; i < 2000 && !seen.count; i++) {
        world_sleep(world.millisecond);
    }
    tap_equal(seen.count, 1, "then its handler is called, once");
    tap_equal(seen.vector, VECTOR_RECALL, "with the vector of a recall");
    tap_ok(seen.rip >= (uint64_t)controlled_spin_begin && seen.rip < (uint64_t)controlled_spin_end,
           "RIP is where it spun");
    uint64_t before = counter;
    world_sleep(50 * world.millisecond);
    tap_ok(counter > before, "it goes on");
    (void)capability_revoke(EVENTS + VECTOR_RECALL, REVOKE_SELF);
    if (supervise()) {
        recall(victim());
        (void)stopped();
        tap_equal(state()->vector, VECTOR_RECALL, "without a portal a recall stops it");
        before = counter;
        world_sleep(50 * world.millisecond);
        tap_equal(counter, before, "it does not run");
        (void)resume();
        world_sleep(50 * world.millisecond);
        tap_ok(counter > before, "resumed, it does");
    }
    victim_end();
    doctor_go(VECTOR_RECALL);
}

/* Lets the victim go on until it is in that activity; how long that takes is the host's affair. */
static void await_activity(uint64_t activity)
{
    for (unsigned i = 0; i < 2000; i++) {
        world_sleep(world.millisecond);
        (void)context_read(victim());
        if (state()->activity == activity) {
            return;
        }
    }
}

static void check_recall_blocked(void)
{
    if (!victim_run(run_down) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    status_seen = 99;
    await_activity(ACTIVITY_BLOCKED);
    tap_equal(state()->activity, ACTIVITY_BLOCKED, "it is blocked");
    tap_equal(context_set(victim()), STATUS_BUSY, "its registers are the kernel's meanwhile");
    recall(victim());
    world_sleep(50 * world.millisecond);
    tap_equal(seen.count, 0, "a blocked thread is recalled when it wakes");
    (void)semaphore_up(HOLD);
    (void)finished();
    tap_equal(seen.count, 1, "it was recalled");
    tap_equal(status_seen, STATUS_SUCCESS, "its system call returned what it had to");
    victim_end();
    doctor_go(VECTOR_RECALL);
}

static void check_recall_self(void)
{
    counter = 0;
    status_seen = 99;
    if (!victim_run(run_recall_self) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    (void)finished();
    tap_equal(seen.count, 1, "a thread recalls itself");
    tap_equal(status_seen, STATUS_SUCCESS, "its system call succeeded");
    victim_end();
    doctor_go(VECTOR_RECALL);
}

static void answer(struct handler *self, struct message *m)
{
    (void)self;
    m->word[0]++;
    m->length = 1;
}

/* The victim is a handler that waits for a call. */
static void check_recall_handler(void)
{
    struct message m = world_message();

    if (!tap_ok(actor_serve(VICTIM, SELECTOR_PD, answer, NULL), "a handler") ||
        !doctor_come(VECTOR_RECALL)) {
        return;
    }
    recall(victim());
    m.word[0] = 41;
    m.length = 1;
    tap_equal(portal_call(actor_portal(VICTIM), &m, 0), STATUS_SUCCESS, "a call to it");
    tap_equal(m.word[0], 42, "is answered");
    tap_equal(seen.count, 1, "after it was recalled");
    victim_end();
    doctor_go(VECTOR_RECALL);
}

/* --- exceptions --------------------------------------------------------------------------------*/

static void run_step(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_step(HOLD);
    (void)semaphore_up(DONE);
}

static void check_step(void)
{
    if (!victim_run(run_step) || !supervise() || !doctor_come(DEBUG) || !stopped()) {
        return;
    }
    seen.last = state()->rip;
    state()->rip += 2;
    state()->rflags |= FLAGS_TF;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "single step");
    (void)resume();
    world_sleep(50 * world.millisecond);
    (void)context_read(victim());
    tap_equal(state()->activity, ACTIVITY_BLOCKED, "steps lead into a system call that waits");
    (void)semaphore_up(HOLD);
    (void)finished();
    tap_ok(seen.count >= 8 && seen.count <= 15, "each instruction is a step");
    victim_end();
    doctor_go(DEBUG);
}

/* Two threads have exceptions at a time for one handler. */
static void check_busy(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    if (!victim_run(run_stop) || !doctor_come(UNDEFINED)) {
        return;
    }
    seen.slow = true;
    world_sleep(50 * world.millisecond);
    tap_equal(seen.count, 1, "the handler has an exception");
    tap_ok(actor_run(SECOND, SELECTOR_PD, &low, run_stop, NULL), "a second thread");
    (void)context_set_events(actor_context(SECOND), EVENTS);
    (void)context_supervise(actor_context(SECOND), TOLD);
    world_sleep(50 * world.millisecond);
    (void)context_read(actor_context(SECOND));
    tap_equal(state()->activity, ACTIVITY_EXCEPTION, "which has one too, and waits");
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "nobody is stopped");
    (void)semaphore_up(HOLD);
    world_sleep(50 * world.millisecond);
    tap_ok(seen.count >= 2, "the handler's next one");
    tap_ok(actor_end(SECOND), "the second thread goes");
    seen.slow = false;
    (void)semaphore_up(HOLD);
    tap_equal(context_supervise(victim(), TOLD), STATUS_SUCCESS, "a supervisor");
    (void)capability_revoke(EVENTS + UNDEFINED, REVOKE_SELF);
    tap_equal(semaphore_down(TOLD, 0, LIMIT), STATUS_SUCCESS, "without a portal it stops");
    seen.wrong = 0; /* the handler looked at one thread, and heard of two */
    victim_end();
    doctor_go(UNDEFINED);
}

/* Nobody has a vector that a program could not have run into: a handler that faults for itself. */
static void check_own_handler(void)
{
    struct message m = world_message();

    if (!tap_ok(actor_serve(VICTIM, SELECTOR_PD, answer, NULL), "a handler") || !supervise()) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, EVENTS + VECTOR_RECALL, actor_portal(VICTIM),
                              PT_RIGHT_CALL);
    (void)context_set_events(victim(), EVENTS);
    recall(victim());
    tap_equal(portal_call(actor_portal(VICTIM), &m, tsc_read() + 5 * world.millisecond),
              STATUS_TIMEOUT, "a call to who waits for itself");
    (void)stopped();
    (void)capability_revoke(EVENTS + VECTOR_RECALL, REVOKE_SELF);
    victim_end();
}

/* --- errors ------------------------------------------------------------------------------------*/

static void refused(uint32_t selector, uint64_t operation, uint64_t argument, enum status status,
                    const char *what)
{
    tap_equal(object_control(selector, operation, argument).status, status, what);
}

static void check_rights(void)
{
    (void)capability_delegate(SELECTOR_PD, GRANT, victim(), RIGHTS_ALL & ~EC_RIGHT_CONTROL);
    for (uint64_t operation = EC_EVENTS; operation <= EC_RESUME; operation++) {
        refused(GRANT, operation, 0, STATUS_NO_RIGHT, "without the right to control");
    }
    (void)capability_revoke(GRANT, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, GRANT, victim(), RIGHTS_ALL & ~EC_RIGHT_STATE);
    refused(GRANT, EC_READ, 0, STATUS_NO_RIGHT, "without the right to the state: read");
    refused(GRANT, EC_SET, 0, STATUS_NO_RIGHT, "set");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, GRANT, TOLD, SM_RIGHT_DOWN);
    refused(victim(), EC_SUPERVISOR, GRANT, STATUS_NO_RIGHT, "a semaphore that must not be upped");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    refused(victim(), EC_SUPERVISOR, GRANT, STATUS_BAD_CAPABILITY, "no semaphore");
    refused(victim(), EC_SUPERVISOR, SELECTOR_PD, STATUS_BAD_CAPABILITY, "not a semaphore");
    refused(victim(), EC_SUPERVISOR, SELECTORS, STATUS_BAD_CAPABILITY, "past the table");
}

static void check_arguments(void)
{
    refused(victim(), EC_SET + 1, 0, STATUS_BAD_PARAMETER, "no such operation");
    refused(victim(), 1ull << 32 | EC_READ, 0, STATUS_BAD_PARAMETER, "nor with a high bit");
    for (uint64_t operation = EC_RECALL; operation <= EC_SET; operation++) {
        refused(victim(), operation, 1, STATUS_BAD_PARAMETER, "an argument where there is none");
    }
    refused(victim(), EC_RESUME, 0, STATUS_BUSY, "resume what is not stopped");
    refused(SELECTOR_EC, EC_READ, 0, STATUS_BUSY, "read oneself");
    refused(SELECTOR_EC, EC_SET, 0, STATUS_BUSY, "set oneself");
    refused(SELECTOR_EC, EC_RESUME, 0, STATUS_BUSY, "resume oneself");
}

static void check_values(void)
{
    static const uint64_t bad[] = {0x7ffffffff000, 0x800000000000, 1ull << 63, UINT64_MAX};
    unsigned wrong = 0;

    (void)context_read(victim());
    uint64_t rip = state()->rip, fs = state()->fs_base;
    for (unsigned i = 0; i < 4; i++) {
        state()->rip = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
    }
    state()->rip = rip;
    for (unsigned i = 1; i < 3; i++) {
        state()->fs_base = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
        state()->fs_base = fs;
        state()->gs_base = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
        state()->gs_base = fs;
    }
    tap_equal(wrong, 0, "RIP beyond programs, and bases that are not canonical, are refused");
    state()->rax = 99;
    (void)context_read(victim());
    tap_ok(state()->rip == rip && state()->fs_base == fs, "and change nothing");
}

static void check_errors(const struct machine *m)
{
    counter = 0;
    if (!victim_run(run_spin)) {
        return;
    }
    world_sleep(50 * world.millisecond);
    check_rights();
    check_arguments();
    check_values();
    if (m->info->cpus.count > 1) {
        for (uint64_t operation = EC_RECALL; operation <= EC_SET; operation++) {
            refused(REMOTE, operation, 0, STATUS_WRONG_CPU, "of another CPU");
        }
    }
    victim_end();
}

/* Made once: only its own CPU could destroy it. */
static bool remote_open(const struct machine *m)
{
    if (m->info->cpus.count < 2 || capability_lookup(REMOTE).status == STATUS_SUCCESS) {
        return true;
    }
    return tap_equal(
        context_create(REMOTE, SELECTOR_POOL, SELECTOR_PD, 1, 0, REMOTE_UTCB, 1).status,
        STATUS_SUCCESS, "a context on the second CPU");
}

void suite_control(const struct machine *m)
{
    if (!world_open(m) || !remote_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_stop();
    check_address();
    check_start();
    check_revoked();
    check_recall_running();
    check_recall_blocked();
    check_recall_self();
    check_recall_handler();
    check_step();
    check_busy();
    check_own_handler();
    check_errors(m);
    world_balance(before);
}
