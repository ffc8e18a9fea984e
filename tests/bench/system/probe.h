/*
 * What marks a single repetition of a path: a marker for the counter (tests/bench/README.md) and
 * the TSC. Where the TSC counts instructions, its difference, less that of an empty repetition, is
 * what the counter would say.
 */
#pragma once

#include <stdint.h>

#define MARK_OPEN   0x20 /* from here on repetitions count, */
#define MARK_BEGIN  0x21 /* each from here */
#define MARK_MIDDLE 0x22 /* by way of this, if the path has two parts, */
#define MARK_END    0x23 /* to here, */
#define MARK_CLOSE  0x24 /* until here */

/* Compilers move nothing over it. */
#define mark(number) __asm__ volatile("nopl 0x4d4b0000 + %c0(%%rax)" : : "i"(number) : "memory")

/* Where a debugger of Bochs stops (magic_break); nothing elsewhere. */
#define debugger_break() __asm__ volatile("xchg %%bx, %%bx" : : : "memory")

extern uint32_t probe_before, probe_after;

/* By way of memory: a path may lose all registers. */
static inline void probe_begin(void)
{
    __asm__ volatile("rdtsc; mov %%eax, %0" : "=m"(probe_before) : : "rax", "rdx", "memory");
    mark(MARK_BEGIN);
}

static inline void probe_end(void)
{
    mark(MARK_END);
    __asm__ volatile("rdtsc; mov %%eax, %0" : "=m"(probe_after) : : "rax", "rdx", "memory");
}
