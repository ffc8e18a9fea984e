/*
 * A thread on the second CPU that does what it is told, for suites about two CPUs at once. It stays
 * when they are done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

#define AGENT_LIMIT WORLD_LIMIT

#define AGENT_SLEEP (WORLD_RANGE + 5) /* a semaphore that it may wait for */
#define AGENT       (ACTORS - 1)      /* the actor that it is */

extern volatile uint64_t agent_says; /* what its work has to say; 0 when it begins */
extern volatile bool agent_stop;     /* it is to come to an end */

/* Makes it the first time. False, and a failed test: it cannot. */
bool agent_open(void);

/* Lets it run a function meanwhile. */
void agent_begin(void (*run)(void));

/* Waits until it is done; with a test, and after telling it to stop. */
bool agent_wait(void);
bool agent_end(void);

/* Begin and end. */
bool agent_do(void (*run)(void));

/* Two CPUs that both call this with the same round go on at the same moment. */
void agent_meet(volatile uint64_t *mine, const volatile uint64_t *other, uint64_t round);
