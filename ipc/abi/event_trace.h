/*
 * The event trace: a ring of the last TRACE_ENTRIES events of each CPU. The MEM SELECTOR_TRACE, to
 * be mapped read-only, has the ring of CPU n at n * TRACE_BYTES. PLATFORM_TRACE switches recording.
 *
 * Event number n, from 1 on, is in entry n % TRACE_ENTRIES. A reader takes the stamp, then the
 * rest, then the stamp again: if both are the same and not zero, the entry is whole.
 */
#pragma once

#include <stdint.h>

#define TRACE_ENTRIES 512u

enum trace_type {
    TRACE_CALL = 1,      /* system call: RAX, RDI */
    TRACE_RETURN = 2,    /* it returns without having waited: status, EC */
    TRACE_EC = 3,        /* another EC begins or goes on: EC, its domain */
    TRACE_SC = 4,        /* time is charged to another SC: SC (0: idle), priority */
    TRACE_INTERRUPT = 5, /* vector; RIP of the program, or 0 */
    TRACE_EXCEPTION = 6, /* of a program: vector, RIP */
    TRACE_EXIT = 7,      /* of a guest to its monitor: enum vcpu_exit, VCPU */
};

/* ECs and SCs are named by the ids that EC_READ and SC_TIME return. */
struct trace_entry {
    uint64_t stamp; /* type | event number << 8; 0: being written, or never was */
    uint64_t tsc;
    uint64_t word[2];
};

#define TRACE_BYTES (TRACE_ENTRIES * sizeof(struct trace_entry))
