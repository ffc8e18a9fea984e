/*
 * Exceptions that others cause or wait for: recalls of a thread in whatever it does, single steps,
 * handlers that are busy or have an exception of their own.
 */
#include "suites.h"
#include "victim.h"

#define LIMIT     VICTIM_LIMIT
#define FLAGS_TF  0x100ull
#define DEBUG     1u
#define UNDEFINED 6u
#define THEIRS    0x5a5a000ull /* FS bases */
#define OURS      0x1234000ull

static volatile uint64_t status_seen;

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
    victim_counter = 1;
    (void)semaphore_up(DONE);
}

static volatile struct {
    uint64_t count, vector, rip, last, wrong;
    bool slow;
} seen;

/* Takes exceptions of the victim; ends stepping at controlled_step_end. */
static void treat(struct handler *self, struct message *m)
{
    volatile struct utcb_state *own = (volatile struct utcb_state *)actor_utcb(DOCTOR);

    (void)self;
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
    seen.count++; /* who waits for that finds the rest */
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
    victim_counter = 0;
    if (!victim_run(victim_spins) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    (void)victim_await_above(&victim_counter, 0);
    tap_equal(context_read(victim()), STATUS_SUCCESS, "its state");
    victim_state()->fs_base = THEIRS;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "it gets an FS base");
    __asm__ volatile("wrfsbase %0" : : "r"(OURS));
    recall(victim());
    tap_equal(seen.count, 0, "nothing happens before it would run");
    (void)victim_await_above(&seen.count, 0);
    tap_equal(seen.count, 1, "then its handler is called, once");
    tap_equal(seen.vector, VECTOR_RECALL, "with the vector of a recall");
    tap_equal(context_read(victim()), STATUS_SUCCESS, "its state");
    tap_equal(victim_state()->fs_base, THEIRS, "it keeps its FS base");
    uint64_t own;
    __asm__ volatile("rdfsbase %0" : "=r"(own));
    tap_equal(own, OURS, "and who ran before it has his");
    __asm__ volatile("wrfsbase %0" : : "r"(0ull));
    tap_ok(seen.rip >= (uint64_t)controlled_spin_begin && seen.rip < (uint64_t)controlled_spin_end,
           "RIP is where it spun");
    uint64_t before = victim_counter;
    tap_ok(victim_await_above(&victim_counter, before), "it goes on");
    (void)capability_revoke(EVENTS + VECTOR_RECALL, REVOKE_SELF);
    if (victim_supervise()) {
        recall(victim());
        (void)victim_stopped();
        tap_equal(victim_state()->vector, VECTOR_RECALL, "without a portal a recall stops it");
        before = victim_counter;
        world_sleep(5 * world.millisecond);
        tap_equal(victim_counter, before, "it does not run");
        (void)victim_resume();
        tap_ok(victim_await_above(&victim_counter, before), "resumed, it does");
    }
    victim_end();
    doctor_go(VECTOR_RECALL);
}

static void check_recall_blocked(void)
{
    if (!victim_run(run_down) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    status_seen = 99;
    tap_ok(victim_await(ACTIVITY_BLOCKED), "it is blocked");
    tap_equal(context_set(victim()), STATUS_BUSY, "its registers are the kernel's meanwhile");
    recall(victim());
    world_sleep(5 * world.millisecond);
    tap_equal(seen.count, 0, "a blocked thread is recalled when it wakes");
    (void)semaphore_up(HOLD);
    (void)victim_finished();
    tap_equal(seen.count, 1, "it was recalled");
    tap_equal(status_seen, STATUS_SUCCESS, "its system call returned what it had to");
    victim_end();
    doctor_go(VECTOR_RECALL);
}

static void check_recall_self(void)
{
    victim_counter = 0;
    status_seen = 99;
    if (!victim_run(run_recall_self) || !doctor_come(VECTOR_RECALL)) {
        return;
    }
    (void)victim_finished();
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

static void run_step(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_step(HOLD);
    (void)semaphore_up(DONE);
}

static void check_step(void)
{
    if (!victim_run(run_step) || !victim_supervise() || !doctor_come(DEBUG) || !victim_stopped()) {
        return;
    }
    seen.last = victim_state()->rip;
    victim_state()->rip += 2;
    victim_state()->rflags |= FLAGS_TF;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "single step");
    (void)victim_resume();
    tap_ok(victim_await(ACTIVITY_BLOCKED), "steps lead into a system call that waits");
    (void)semaphore_up(HOLD);
    (void)victim_finished();
    tap_ok(seen.count >= 8 && seen.count <= 15, "each instruction is a step");
    victim_end();
    doctor_go(DEBUG);
}

/* Two threads have exceptions at a time for one handler. */
static void check_busy(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    if (!victim_run(victim_stops) || !doctor_come(UNDEFINED)) {
        return;
    }
    seen.slow = true;
    tap_ok(victim_await_above(&seen.count, 0), "the handler has an exception");
    tap_ok(actor_run(SECOND, SELECTOR_PD, &low, victim_stops, NULL), "a second thread");
    (void)context_set_events(actor_context(SECOND), EVENTS);
    (void)context_supervise(actor_context(SECOND), TOLD);
    tap_ok(context_await(actor_context(SECOND), ACTIVITY_EXCEPTION),
           "which has one too, and waits");
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "nobody is stopped");
    (void)semaphore_up(HOLD);
    tap_ok(victim_await_above(&seen.count, 1), "the handler's next one");
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

    if (!tap_ok(actor_serve(VICTIM, SELECTOR_PD, answer, NULL), "a handler") ||
        !victim_supervise()) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, EVENTS + VECTOR_RECALL, actor_portal(VICTIM),
                              PT_RIGHT_CALL);
    (void)context_set_events(victim(), EVENTS);
    recall(victim());
    tap_equal(portal_call(actor_portal(VICTIM), &m, tsc_read() + 200 * world.millisecond),
              STATUS_TIMEOUT, "a call to who waits for itself");
    (void)victim_stopped();
    (void)capability_revoke(EVENTS + VECTOR_RECALL, REVOKE_SELF);
    victim_end();
}

void suite_recall(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    check_recall_running();
    check_recall_blocked();
    check_recall_self();
    check_recall_handler();
    check_step();
    check_busy();
    check_own_handler();
    world_balance(before);
}
