/* See agent.h. */
#include "agent.h"

#include <stddef.h>

enum {
    AGENT_GO = WORLD_RANGE + 3, /* semaphores that stay */
    AGENT_DONE,
};

volatile uint64_t agent_says;
volatile bool agent_stop;

static void (*volatile job)(void);
static bool open;

static void agent_serve(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(AGENT_GO, 0, 0);
        job();
        (void)semaphore_up(AGENT_DONE);
    }
}

void agent_begin(void (*run)(void))
{
    job = run;
    agent_says = 0;
    agent_stop = false;
    (void)semaphore_up(AGENT_GO);
}

bool agent_wait(void)
{
    return semaphore_down(AGENT_DONE, 0, AGENT_LIMIT) == STATUS_SUCCESS;
}

bool agent_end(void)
{
    agent_stop = true;
    return tap_ok(agent_wait(), "the other CPU is done");
}

void agent_meet(volatile uint64_t *mine, const volatile uint64_t *other, uint64_t round)
{
    uint64_t end = AGENT_LIMIT;

    *mine = round;
    while (*other < round && !agent_stop && tsc_read() < end) {
    }
}

bool agent_do(void (*run)(void))
{
    agent_begin(run);
    return agent_end();
}

bool agent_open(void)
{
    struct schedule s = actor_schedule(FIRST_PRIORITY);

    if (open) {
        return true;
    }
    s.cpu = SELECTOR_CPUS + 1;
    for (uint32_t sm = AGENT_GO; sm <= AGENT_SLEEP; sm++) {
        (void)semaphore_create(sm, SELECTOR_POOL, 0);
    }
    open = actor_run_at(AGENT, 1, SELECTOR_PD, &s, agent_serve, NULL);
    return tap_ok(open, "a thread on the second CPU");
}
