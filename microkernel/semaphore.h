/*
 * Semaphores: a count, and the ECs that wait for it to rise, in the order in which they came.
 */
#pragma once

#include "ec.h"

struct interrupt;

/* object.lock protects the rest. Somebody waits only while the count is zero. */
struct sm {
    struct object object;
    struct chain waiters; /* ECs (ec.waiting) */
    uint64_t count;
    struct interrupt *interrupts; /* bound to it, under interrupt.c's lock */
};

_Static_assert(sizeof(struct sm) == 64, "a small cell");

/* Wakes the first waiter, or adds one if the count is below limit. False: it is not. */
bool semaphore_up(struct sm *sm, uint64_t limit);

/* System calls UP and DOWN (ipc/abi/README.md). */
uint64_t syscall_up(struct ec *ec);
uint64_t syscall_down(struct ec *ec);

/* Wakes one waiter with STATUS_ABORTED, and lets nobody wait any more. False: nobody waited. */
bool semaphore_abort_one(struct sm *sm);

/* Takes the EC out of the semaphore in which it waits. False: it does not, or was just woken. */
bool semaphore_cancel(struct ec *ec);
