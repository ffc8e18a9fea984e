/*
 * A lock between threads of one domain, which may be on different CPUs: a word, and a semaphore for
 * those who have to wait. Without contention no system call is made. Who waits does not lend the
 * holder its time: threads of different priority that share data use a handler instead.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "syscall.h"

struct mutex {
    uint32_t users;     /* the holder, and those who wait. Atomic */
    uint32_t semaphore; /* selector; its count is 0 while nobody is being woken */
};

/* Free, with a semaphore of count 0 that is the mutex's own. */
static inline struct mutex mutex_make(uint32_t semaphore)
{
    return (struct mutex){.semaphore = semaphore};
}

/* Waits until it is free, then holds it. STATUS_ABORTED: its semaphore was destroyed; not held. */
__attribute__((warn_unused_result)) enum status mutex_take(struct mutex *mutex);

/* Holds it if it is free. */
__attribute__((warn_unused_result)) bool mutex_try(struct mutex *mutex);

/* The holder gives it up, to who waited longest if anybody waits. */
void mutex_give(struct mutex *mutex);
