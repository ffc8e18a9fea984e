/* See guest_control.h. */
#include "guest_control.h"

#include "agent.h"

#define IDLER (ACTORS - 2) /* actor */

struct control controls[MONITORS];

uint64_t control_answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct control *c = &controls[v->monitor->index];

    if (c->hold == e->reason) {
        (void)semaphore_up(CONTROL_HELD);
        (void)semaphore_down(CONTROL_LET, 0, CONTROL_LIMIT);
    }
    uint64_t groups = c->answer ? c->answer(v, e) : monitor_answer(v, e);
    c->seen[e->reason]++;
    return groups;
}

bool control_open(unsigned i, const struct tiny *guest, uint32_t cpu, uint32_t groups)
{
    struct monitor_vcpu *v = control_vcpu(i);

    controls[i] = (struct control){.hold = CONTROL_NONE};
    for (uint32_t s = CONTROL_LET; s <= CONTROL_DONE; s++) {
        (void)semaphore_down(s, DOWN_TRY | DOWN_ZERO, 0);
    }
    (void)semaphore_down(monitor_done(&monitors[i]), DOWN_TRY | DOWN_ZERO, 0);
    if (!monitor_open(i, TINY_BYTES) || !monitor_add(&monitors[i], 0, cpu, groups)) {
        return tap_ok(false, "a VCPU");
    }
    v->mode = guest->mode;
    v->answer = control_answer;
    monitor_load(&monitors[i], guest);
    return true;
}

bool control_start(unsigned i)
{
    return tap_ok(monitor_start(control_vcpu(i), PRIORITY_LOW), "a guest starts");
}

void control_close(unsigned i)
{
    tap_ok(monitor_remove(control_vcpu(i)), "the VCPU goes");
    monitor_close(&monitors[i]);
}

bool control_await(const volatile uint64_t *number, uint64_t value)
{
    uint64_t end = CONTROL_LIMIT;

    while (*number <= value && tsc_read() < end) {
        world_sleep(world.millisecond / 5);
    }
    return *number > value;
}

bool control_goes_on(unsigned i, const char *what)
{
    uint64_t now = *control_count(i);

    return tap_ok(control_await(control_count(i), now), what);
}

bool control_stands_still(unsigned i, const char *what)
{
    uint64_t now = *control_count(i);

    world_sleep(2 * world.millisecond);
    return tap_equal(*control_count(i), now, what);
}

bool control_held(const char *what)
{
    return tap_equal(semaphore_down(CONTROL_HELD, 0, CONTROL_LIMIT), STATUS_SUCCESS, what);
}

void control_let(unsigned i)
{
    controls[i].hold = CONTROL_NONE;
    (void)semaphore_up(CONTROL_LET);
}

static void tell_idle(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    (void)semaphore_up(CONTROL_IDLE);
}

void control_settle(uint32_t cpu)
{
    struct schedule s = actor_schedule(PRIORITY_LOW - 1);

    s.cpu = SELECTOR_CPUS + cpu;
    bool idle = actor_run_at(IDLER, cpu, SELECTOR_PD, &s, tell_idle, NULL) &&
                semaphore_down(CONTROL_IDLE, 0, CONTROL_LIMIT) == STATUS_SUCCESS;
    if (!actor_end(IDLER) || !idle) {
        tap_ok(false, "the guest and its handler settle");
    }
}

void control_there(uint32_t cpu, void (*run)(void))
{
    if (cpu == 0) {
        run();
    } else {
        (void)agent_do(run);
    }
}
