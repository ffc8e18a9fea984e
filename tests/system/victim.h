/*
 * A thread of low priority that others stop, look into and change, and a handler of its exceptions;
 * for the suites about that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controlled.h"
#include "world.h"

enum victim_actor { VICTIM, DOCTOR, SECOND };

enum victim_semaphore {
    DONE = SEMAPHORE + 1, /* the victim has come to its end */
    TOLD,                 /* its supervisor's */
    HOLD,                 /* it waits for this */
};

#define VICTIM_LIMIT WORLD_LIMIT

extern struct controlled_registers victim_found; /* by victim_stops */
extern volatile uint64_t victim_counter;         /* of victim_spins */

/* What context_read says of it. */
static inline volatile struct utcb_state *victim_state(void)
{
    return (volatile struct utcb_state *)FIRST_UTCB_ADDRESS;
}

/* Its context's selector. */
static inline uint32_t victim(void)
{
    return actor_context(VICTIM);
}

/* It runs a function; it goes, whatever it does. */
bool victim_run(void (*run)(struct thread *self, void *argument));
void victim_end(void);

/* Functions for it: raises #UD as controlled_stop does; counts for ever. */
void victim_stops(struct thread *self, void *argument);
void victim_spins(struct thread *self, void *argument);

bool victim_supervise(void);

/* Waits until its supervisor is told; then it has stopped. */
bool victim_stopped(void);
bool victim_resume(void);
bool victim_finished(void);

/*
 * Lets a thread go on until it is in that activity, or the victim until a number has grown: how
 * long that takes is the host's affair. False: it takes too long.
 */
bool context_await(uint32_t context, uint64_t activity);
bool victim_await(uint64_t activity);
bool victim_await_above(const volatile uint64_t *number, uint64_t value);
