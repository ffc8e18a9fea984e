/*
 * Whoever finds users at 0 holds the mutex. Whoever gives it up while there are other users ups the
 * semaphore once, and exactly one of them comes out of its down: each unit of the semaphore is the
 * mutex itself, handed on. So there is always one holder, wherever up and down overtake each other.
 */
#include "mutex.h"

#include "system.h"

enum status mutex_take(struct mutex *mutex)
{
    enum status status;

    if (__atomic_fetch_add(&mutex->users, 1, __ATOMIC_ACQUIRE) == 0)
        return STATUS_SUCCESS;
    status = semaphore_down(mutex->semaphore, 0, 0);
    if (status != STATUS_SUCCESS)
        __atomic_fetch_sub(&mutex->users, 1, __ATOMIC_RELAXED);
    return status;
}

bool mutex_try(struct mutex *mutex)
{
    uint32_t free = 0;

    return __atomic_compare_exchange_n(&mutex->users, &free, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

void mutex_give(struct mutex *mutex)
{
    if (__atomic_fetch_sub(&mutex->users, 1, __ATOMIC_RELEASE) > 1)
        (void)semaphore_up(mutex->semaphore);
}
