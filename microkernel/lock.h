/*
 * Ticket lock: CPUs get it in the order in which they asked, so each waits for at most one bounded
 * section of every other. Taken with interrupts off only.
 */
#pragma once

#include "types.h"

struct lock {
    uint16_t next;  /* ticket for the next CPU that asks */
    uint16_t owner; /* ticket that is being served */
};

static inline void lock_take(struct lock *lock)
{
    uint16_t ticket = 1;

    __asm__ volatile("lock xaddw %0, %1; 1: cmpw %0, %2; je 2f; pause; jmp 1b; 2:"
                     : "+r"(ticket), "+m"(lock->next)
                     : "m"(lock->owner)
                     : "memory");
}

static inline void lock_give(struct lock *lock)
{
    /* Only the holder writes it, and no store passes a later one (SDM 3A, 8.2.2): a release. */
    __asm__ volatile("incw %0" : "+m"(lock->owner) : : "memory");
}
