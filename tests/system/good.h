/*
 * Those beside whom hostile guests run, and who must not notice: a guest that computes in its own
 * memory, as urgent as they, and a domain that has nothing to do with any (fuzz_witness.c).
 */
#pragma once

#include "monitor.h"

#define GOOD_TURN (world.millisecond / 2) /* of guests that share the CPU */

/* On CPU 0, with monitor 1. True: they are there. With tests. */
bool good_open(void);

/* The guest makes progress, its numbers are right, and the domain answers. No test. */
bool good_goes_on(void);

/* That, what the domain has, and then they go. With tests. */
void good_close(void);

const struct monitor_vcpu *good_worker(void);

/* The guest's rounds so far. */
uint64_t good_rounds(void);

/* Time for a VCPU in turns of GOOD_TURN, as much as it likes. */
bool good_start(struct monitor_vcpu *v, uint8_t priority);
