/* What pthreads do not say about threads here. */
#pragma once

#include <stdint.h>

struct utcb;

/*
 * The next thread or handler that the caller makes is on that CPU (an index), rather than on the
 * caller's own, and has `share` of the CPU's time at most, of CPU_SHARE_ALL; 0 leaves it to the
 * port: no limit if the program has none there, otherwise a sixteenth of what it has. 0, or EINVAL:
 * the program may not use that CPU.
 */
int cairn_thread_place(uint32_t cpu, uint32_t share);

/* Index of the caller's CPU. A thread never leaves it. */
uint32_t cairn_thread_cpu(void);

/* The caller's own UTCB, for messages. */
struct utcb *cairn_thread_utcb(void);

/* Selector of the caller's EC. */
uint32_t cairn_thread_context(void);
