/* A guest's time: it runs as any thread of its VCPU's priority does, and on the budget of that. */
#include "agent.h"
#include "guest_control.h"
#include "suites.h"

#define GUEST  0u
#define SECOND 1u

static bool start(unsigned i, uint32_t cpu)
{
    return control_open(i, &tiny_spinner, cpu, 0) && control_start(i);
}

/*
 * A sleeper of higher priority wakes while the guest runs; again where the host has looked away for
 * all of its sleep.
 */
static uint64_t late;

static void sleep_and_wake(uint32_t semaphore)
{
    uint64_t count = *control_count(GUEST), limit = CONTROL_LIMIT, end;

    do {
        end = tsc_read() + 3 * world.millisecond;
        (void)semaphore_down(semaphore, 0, end);
        late = tsc_read() - end;
    } while (*control_count(GUEST) == count && end < limit);
}

static void wake_here(void)
{
    sleep_and_wake(CONTROL_DONE);
}

static void wake_there(void)
{
    sleep_and_wake(AGENT_SLEEP);
}

static void check_preemption(uint32_t cpu)
{
    if (start(GUEST, cpu) && control_goes_on(GUEST, "it runs")) {
        uint64_t count = *control_count(GUEST);
        uint64_t exits = control_vcpu(GUEST)->exits;
        control_there(cpu, cpu ? wake_there : wake_here);
        tap_ok(*control_count(GUEST) > count, "it runs while others sleep");
        if (world.machine->exact) {
            tap_at_most(late, EXACT_LATENESS, "who is more urgent runs at once");
        }
        tap_equal(control_vcpu(GUEST)->exits, exits, "and its monitor hears nothing of it");
    }
    control_close(GUEST);
}

/* Two guests of one priority, each with all the time. */
static void check_sharing(uint32_t cpu)
{
    if (start(GUEST, cpu) && start(SECOND, cpu)) {
        uint64_t begin = tsc_read();
        control_goes_on(GUEST, "one runs");
        control_goes_on(SECOND, "so does the other");
        control_goes_on(GUEST, "and the one");
        world_sleep_until(begin + 80 * world.millisecond);
        uint64_t one = time_consumed(monitor_time(control_vcpu(GUEST))).value;
        uint64_t two = time_consumed(monitor_time(control_vcpu(SECOND))).value;
        if (world.machine->exact) {
            tap_ok(one > 20 * world.millisecond && two > 20 * world.millisecond,
                   "by turns of some milliseconds");
        }
    }
    control_close(SECOND);
    control_close(GUEST);
}

static void check_budget(uint32_t cpu)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);

    if (!control_open(GUEST, &tiny_spinner, cpu, 0)) {
        return;
    }
    s.cpu = SELECTOR_CPUS + cpu;
    s.budget = world.millisecond;
    s.period = 5 * world.millisecond;
    uint64_t begin = tsc_read();
    struct answer a =
        time_create(monitor_time(control_vcpu(GUEST)), SELECTOR_POOL, control_selector(GUEST), &s);
    if (tap_equal(a.status, STATUS_SUCCESS, "a VCPU with a fifth of its CPU's time")) {
        control_goes_on(GUEST, "runs");
        world_sleep_until(begin + 50 * world.millisecond);
        control_goes_on(GUEST, "period by period");
        uint64_t used = time_consumed(monitor_time(control_vcpu(GUEST))).value;
        uint64_t periods = (tsc_read() - begin) / s.period + 2;
        if (world.machine->exact) {
            tap_at_most(used, periods * (s.budget + EXACT_LATENESS), "on its budget");
        }
    }
    control_close(GUEST);
}

static void check_cpu(uint32_t cpu)
{
    check_preemption(cpu);
    check_sharing(cpu);
    check_budget(cpu);
}

void suite_guest_turns(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    check_cpu(0);
    if (several) {
        check_cpu(1);
    }
    world_balance(before);
}
