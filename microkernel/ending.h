/*
 * Ending ECs and SCs. Only their own CPU may do that, and only between two programs, when no EC's
 * registers are in it. So whoever destroys one asks that CPU, its own too, and looks again later:
 * it waits for nobody, so two CPUs may end each other's ECs, and even those that ask.
 */
#ifndef CAIRN_ENDING_H
#define CAIRN_ENDING_H

#include "sched.h"

/*
 * Asks cpu to end an EC or SC to which nothing new can come (its object is closed). True: it has:
 * the EC takes part in nothing any more, has no SC and no portal; the SC has no EC.
 */
bool ending_ask(struct ending *ending, uint32_t cpu) __attribute__((warn_unused_result));

/* One step of destroying the domains that destroyed themselves on this CPU (destroy.c). */
void doom_step(struct cpu *cpu);

/* One step of what this CPU was asked for. */
void ending_step(struct cpu *cpu);

#endif
