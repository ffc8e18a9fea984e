/*
 * Vector state: x87, SSE, AVX and what else XCR0 holds.
 *
 * A call and its reply do not keep it: it is caller-saved. What keeps it is preemption. The CPU's
 * registers hold state of one protection domain at a time: before another one runs they are put to
 * their initial values, unless XGETBV(1) says that they have them anyway.
 */
#ifndef CAIRN_VECTORS_H
#define CAIRN_VECTORS_H

#include "types.h"

struct cpu;
struct ec;

/* Enables all components that the CPU has. Stops the kernel if an EC's frame cannot hold them. */
void vectors_enable(struct cpu *cpu);

/* Saves the registers into the EC that was interrupted, if there is anything in them. */
void vectors_save(struct cpu *cpu, struct ec *ec);

/* Before ec runs: its saved state, or nothing of another domain's. */
void vectors_switch(struct cpu *cpu, struct ec *ec);

#endif
