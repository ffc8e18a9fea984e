/*
 * Vector state: x87, SSE, AVX and what else XCR0 holds.
 *
 * A call and its reply do not keep it: it is caller-saved. What keeps it is preemption. The CPU's
 * registers hold state of one protection domain at a time: before another one runs they are put to
 * their initial values, unless XGETBV(1) says that they have them anyway.
 */
#ifndef CAIRN_VECTORS_H
#define CAIRN_VECTORS_H

#include "ec.h"

#define XCR0_ALL 0xffffffffu /* requested-feature bitmap */

struct cpu;

/* The XSAVE area of registers that nobody has used. */
extern const struct initial_vectors initial_vectors;

/* Enables all components that the CPU has. Stops the kernel if an EC's frame cannot hold them. */
void vectors_enable(struct cpu *cpu);

/* Saves the registers of the EC that was interrupted; they may stay as they are. */
static inline void vectors_save(struct ec *ec)
{
    __asm__ volatile("xsave %0" : "+m"(*ec->vectors) : "a"(XCR0_ALL), "d"(XCR0_ALL) : "memory");
    ec->vectors_saved = true;
}

/* Into the registers again, of an EC that has them saved. */
void vectors_load(struct ec *ec);

/* Before another domain is entered: nothing of this one's stays in the registers. */
void vectors_reset(void);

#endif
