/*
 * Ticket lock: CPUs get it in the order in which they asked, so each waits for at most one bounded
 * section of every other. Taken with interrupts off only.
 */
#ifndef CAIRN_LOCK_H
#define CAIRN_LOCK_H

#include "types.h"

struct lock {
    uint16_t next;  /* ticket for the next CPU that asks */
    uint16_t owner; /* ticket that is being served */
};

static inline void lock_take(struct lock *lock)
{
    uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
        __builtin_ia32_pause();
}

static inline void lock_give(struct lock *lock)
{
    __atomic_store_n(&lock->owner, (uint16_t)(lock->owner + 1), __ATOMIC_RELEASE);
}

#endif
