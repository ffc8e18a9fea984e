/*
 * One-shot timer of each CPU. All times are absolute, in TSC ticks.
 */
#ifndef CAIRN_TIMER_H
#define CAIRN_TIMER_H

#include "types.h"

/* Prepares this CPU's timer, by TSC deadline or by LAPIC count. */
void timer_open(void);

/*
 * VECTOR_TIMER comes once the TSC has reached deadline: at once if it has already. With a LAPIC
 * count it may come earlier when the deadline is further away than the counter reaches.
 */
void timer_arm(uint64_t deadline);

#endif
