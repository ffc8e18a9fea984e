/* Others stop an execution context, look at its registers, change them and let it go on. */
#include "suites.h"
#include "victim.h"

enum {
    GRANT = TEST_SELECTORS,
    MORTAL,                   /* a semaphore that does not stay */
    REMOTE = WORLD_RANGE + 8, /* an EC on the second CPU, which stays */
};

#define LIMIT        VICTIM_LIMIT
#define REMOTE_UTCB  (TEST_ADDRESS - PAGE)
#define NOWHERE      (TEST_ADDRESS + 5 * PAGE)
#define SET_VALUE(n) (0x7777000000000000ull + (n))
#define FS_SET       0x00007fffdeadb000ull
#define GS_SET       0xffff800000000000ull
#define FLAGS_WILD   (~0x100ull) /* all but TF */
#define FLAGS_ALL    0x244ed7ull /* of these, what a program may have, but RF: it is not pushed */
#define FLAGS_RF     0x10000ull
#define UNDEFINED    6u
#define PAGE_FAULT   14u

static void run_fault(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    victim_counter = *(volatile uint64_t *)NOWHERE;
}

/* --- stop, read, set, resume -------------------------------------------------------------------*/

static void check_read(void)
{
    const volatile uint64_t *general = &victim_state()->rax;
    unsigned wrong = 0;

    for (unsigned i = 0; i < 16; i++) {
        wrong += i != 7 && general[i] != CONTROLLED_VALUE(i);
    }
    tap_equal(wrong, 0, "general registers");
    tap_equal(victim_state()->rip, (uint64_t)controlled_undefined, "RIP");
    tap_equal(victim_state()->vector, UNDEFINED, "vector");
    tap_equal(victim_state()->error, 0, "error code");
    tap_equal(victim_state()->rflags & 0x3200, 0x200, "RFLAGS: interrupts on, no right to I/O");
    tap_equal(victim_state()->fs_base | victim_state()->gs_base, 0, "segment bases");
}

static void set_wild(void)
{
    volatile uint64_t *general = &victim_state()->rax;

    for (unsigned i = 0; i < 16; i++) {
        general[i] = i == 7 ? general[i] : SET_VALUE(i);
    }
    victim_state()->rip += 2;
    victim_state()->rflags = FLAGS_WILD;
    victim_state()->fs_base = FS_SET;
    victim_state()->gs_base = GS_SET;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "the state can be set");
}

static void check_stop(void)
{
    unsigned wrong = 0;

    if (!victim_run(victim_stops) || !victim_supervise() || !victim_stopped()) {
        return;
    }
    check_read();
    set_wild();
    (void)context_read(victim());
    tap_equal(victim_state()->rflags, FLAGS_ALL | FLAGS_RF, "RFLAGS: what a program may have");
    tap_equal(semaphore_down(DONE, 0, tsc_read() + 5 * world.millisecond), STATUS_TIMEOUT,
              "it stays where it is");
    if (!victim_resume() || !victim_finished()) {
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        wrong += i != 7 && victim_found.general[i] != SET_VALUE(i);
    }
    tap_equal(wrong, 0, "the thread finds what was set in its registers");
    tap_equal(victim_found.flags & ~FLAGS_RF, FLAGS_ALL, "and in RFLAGS");
    tap_equal(victim_found.fs_base, FS_SET, "FS base");
    tap_equal(victim_found.gs_base, GS_SET, "GS base");
    victim_end();
}

static void check_address(void)
{
    if (!victim_run(run_fault) || !victim_supervise() || !victim_stopped()) {
        return;
    }
    tap_equal(victim_state()->vector, PAGE_FAULT, "vector of a page fault");
    tap_equal(victim_state()->error, 4, "error code");
    tap_equal(victim_state()->address, NOWHERE, "address");
    if (victim_resume()) {
        (void)victim_stopped();
        tap_equal(victim_state()->address, NOWHERE, "resumed, it does it again");
    }
    victim_end();
}

/* A context that has not begun starts with what is set. */
static void check_start(void)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    uint64_t id;

    victim_counter = 0;
    tap_equal(
        context_create(victim(), SELECTOR_POOL, SELECTOR_PD, 1, 0, actor_utcb(VICTIM), 0).status,
        STATUS_SUCCESS, "a context");
    (void)context_read(victim());
    id = victim_state()->id;
    tap_equal(victim_state()->activity, ACTIVITY_WAITING, "it has not begun");
    tap_equal(victim_state()->rip, 1, "RIP as created");
    victim_state()->rip = (uint64_t)controlled_spin;
    victim_state()->rdi = (uint64_t)&victim_counter;
    victim_state()->rbx = 5;
    tap_equal(context_set(victim()), STATUS_SUCCESS, "its registers can be set");
    tap_equal(time_create(actor_time(VICTIM), SELECTOR_POOL, victim(), &low).status, STATUS_SUCCESS,
              "time for it");
    tap_ok(victim_await_above(&victim_counter, 0), "it runs with them");
    (void)context_read(victim());
    tap_equal(victim_state()->activity, ACTIVITY_READY, "it is preempted");
    tap_equal(victim_state()->id, id, "it has the same id");
    tap_equal(victim_state()->rbx, 0, "registers that no message has are zero");
    tap_ok(victim_state()->rip >= (uint64_t)controlled_spin_begin &&
               victim_state()->rip < (uint64_t)controlled_spin_end,
           "RIP is where it spins");
    victim_end();
}

/* --- supervisors -------------------------------------------------------------------------------*/

static void check_revoked(void)
{
    if (!victim_run(victim_stops)) {
        return;
    }
    (void)capability_delegate(SELECTOR_PD, GRANT, TOLD, SM_RIGHT_UP);
    tap_equal(context_supervise(victim(), GRANT), STATUS_SUCCESS, "a supervisor");
    tap_equal(context_supervise(victim(), TOLD), STATUS_IN_USE, "one at a time");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    tap_ok(victim_await(ACTIVITY_STOPPED), "a thread with a revoked one stops");
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "that is not told");

    (void)semaphore_create(MORTAL, SELECTOR_POOL, 0);
    tap_equal(context_supervise(victim(), MORTAL), STATUS_SUCCESS, "the next supervisor");
    (void)context_resume(victim());
    tap_equal(semaphore_down(MORTAL, 0, LIMIT), STATUS_SUCCESS, "is told");
    tap_equal(object_destroy(MORTAL), STATUS_SUCCESS, "its semaphore goes");
    (void)context_resume(victim());
    tap_ok(victim_await(ACTIVITY_STOPPED), "the thread stops again");
    tap_equal(context_supervise(victim(), TOLD), STATUS_SUCCESS, "the place is free");
    (void)context_resume(victim());
    (void)victim_stopped();
    victim_end();
    (void)capability_delegate(SELECTOR_PD, GRANT, TOLD, SM_RIGHT_UP);
    tap_equal(capability_revoke(TOLD, 0), STATUS_SUCCESS, "nothing is left of a dead thread");
    tap_equal(semaphore_down(TOLD, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "each stop is told once");
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
    uint64_t rip = victim_state()->rip, fs = victim_state()->fs_base;
    for (unsigned i = 0; i < 4; i++) {
        victim_state()->rip = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
    }
    victim_state()->rip = rip;
    for (unsigned i = 1; i < 3; i++) {
        victim_state()->fs_base = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
        victim_state()->fs_base = fs;
        victim_state()->gs_base = bad[i];
        wrong += context_set(victim()) != STATUS_BAD_PARAMETER;
        victim_state()->gs_base = fs;
    }
    tap_equal(wrong, 0, "RIP beyond programs, and bases that are not canonical, are refused");
    victim_state()->rax = 99;
    (void)context_read(victim());
    tap_ok(victim_state()->rip == rip && victim_state()->fs_base == fs, "and change nothing");
}

static void check_errors(const struct machine *m)
{
    victim_counter = 0;
    if (!victim_run(victim_spins)) {
        return;
    }
    tap_ok(victim_await_above(&victim_counter, 0), "it runs");
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
    check_errors(m);
    world_balance(before);
}
