/* See victim.h. */
#include "victim.h"

#include <stddef.h>

#define LIMIT VICTIM_LIMIT
#define NAPS  20000u /* of a millisecond */

struct controlled_registers victim_found;
volatile uint64_t victim_counter;

bool victim_run(void (*run)(struct thread *self, void *argument))
{
    struct schedule low = actor_schedule(PRIORITY_LOW);

    return tap_ok(actor_run(VICTIM, SELECTOR_PD, &low, run, NULL), "a thread");
}

void victim_end(void)
{
    tap_ok(actor_end(VICTIM), "the thread goes");
}

bool victim_supervise(void)
{
    return tap_equal(context_supervise(victim(), TOLD), STATUS_SUCCESS, "its supervisor");
}

bool victim_stopped(void)
{
    return tap_equal(semaphore_down(TOLD, 0, LIMIT), STATUS_SUCCESS, "the supervisor is told") &&
           tap_equal(context_read(victim()), STATUS_SUCCESS, "the state can be read") &&
           tap_equal(victim_state()->activity, ACTIVITY_STOPPED, "the thread is stopped");
}

bool victim_resume(void)
{
    return tap_equal(context_resume(victim()), STATUS_SUCCESS, "the thread is resumed");
}

bool victim_finished(void)
{
    return tap_equal(semaphore_down(DONE, 0, LIMIT), STATUS_SUCCESS, "it comes to its end");
}

void victim_stops(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_stop(&victim_found);
    (void)semaphore_up(DONE);
}

void victim_spins(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    controlled_spin(&victim_counter);
}

bool context_await(uint32_t context, uint64_t activity)
{
    for (unsigned i = 0; i < NAPS; i++) {
        world_sleep(world.millisecond);
        if (context_read(context) == STATUS_SUCCESS && victim_state()->activity == activity) {
            return true;
        }
    }
    return false;
}

bool victim_await(uint64_t activity)
{
    return context_await(victim(), activity);
}

bool victim_await_above(const volatile uint64_t *number, uint64_t value)
{
    for (unsigned i = 0; i < NAPS && *number <= value; i++) {
        world_sleep(world.millisecond);
    }
    return *number > value;
}
