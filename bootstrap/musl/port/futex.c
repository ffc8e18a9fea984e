/*
 * Waiting. Each thread waits in a semaphore of its own, whose count is 0 but between being taken
 * out of the queue and coming out of its down: whoever takes a thread out of the queue ups its
 * semaphore once, under the lock, and the thread takes that up, however it came to leave its down.
 */
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "calls.h"
#include "ticks.h"

#define ANY_BIT UINT32_MAX

/* Linux, futex(2). */
enum futex_operation {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE_FLAG = 128,
};

static struct port_waiting waiting;

static struct port_thread *thread_of(struct port_waiter *w)
{
    return (struct port_thread *)((char *)w - offsetof(struct port_thread, waiter));
}

void port_waiter_wake(struct port_waiter *w)
{
    (void)semaphore_up(thread_of(w)->sleep);
}

/* The lock is held, and given back. 0: woken; -EINTR; -ETIMEDOUT. */
static long wait_locked(const volatile void *address, uint32_t bits, uint64_t deadline)
{
    struct port_thread *self = port_self();

    if (self->interrupted) {
        self->interrupted = false;
        port_unlock(PORT_LOCK_WAITING);
        return -EINTR;
    }
    port_waiting_add(&waiting, &self->waiter, address, bits);
    port_unlock(PORT_LOCK_WAITING);
    struct port_floating floating = port_floating_now();
    enum status status = semaphore_down(self->sleep, 0, deadline);
    port_floating_set(floating);
    if (status == STATUS_SUCCESS)
        return self->waiter.interrupted ? -EINTR : 0;

    port_lock(PORT_LOCK_WAITING);
    bool late = self->waiter.queued;
    if (late)
        port_waiting_remove(&waiting, &self->waiter);
    port_unlock(PORT_LOCK_WAITING);
    if (late)
        return -ETIMEDOUT;
    (void)semaphore_down(self->sleep, DOWN_TRY, 0); /* upped before it left the queue */
    return self->waiter.interrupted ? -EINTR : 0;
}

/* Nobody wakes what waits for its own record, but an interruption. */
long port_sleep(uint64_t deadline)
{
    port_lock(PORT_LOCK_WAITING);
    long result = wait_locked(port_self(), ANY_BIT, deadline);
    return result == -ETIMEDOUT ? 0 : result;
}

void port_interrupt(struct port_thread *thread)
{
    port_lock(PORT_LOCK_WAITING);
    if (thread->waiter.queued) {
        port_waiting_remove(&waiting, &thread->waiter);
        thread->waiter.interrupted = true;
        port_waiter_wake(&thread->waiter);
    } else {
        thread->interrupted = true;
    }
    port_unlock(PORT_LOCK_WAITING);
}

bool port_interrupted(void)
{
    struct port_thread *self = port_self();

    port_lock(PORT_LOCK_WAITING);
    bool was = self->interrupted;
    self->interrupted = false;
    port_unlock(PORT_LOCK_WAITING);
    return was;
}

void port_wake_all(volatile int *address)
{
    port_lock(PORT_LOCK_WAITING);
    (void)port_waiting_wake(&waiting, address, UINT32_MAX, ANY_BIT);
    port_unlock(PORT_LOCK_WAITING);
}

/* A time of the caller's as ticks, absolute or from now on; 0: there is none, for no end. */
static long deadline_of(const struct timespec *time, bool absolute, uint64_t *deadline)
{
    uint64_t hz = ENVIRONMENT->tsc_hz;

    *deadline = 0;
    if (!time)
        return 0;
    if (time->tv_sec < 0 || time->tv_nsec < 0 || (uint64_t)time->tv_nsec >= PORT_SECOND)
        return -EINVAL;
    uint64_t ticks =
        port_ticks_of((struct port_time){(uint64_t)time->tv_sec, (uint64_t)time->tv_nsec}, hz);
    *deadline = absolute ? ticks : port_deadline(tsc_now(), ticks);
    if (!*deadline)
        *deadline = 1; /* 0 would be none */
    return 0;
}

static long futex_wait(const volatile int *word, int value, const struct timespec *time,
                       bool absolute, uint32_t bits)
{
    uint64_t deadline;
    long error = deadline_of(time, absolute, &deadline);

    if (error || !bits)
        return error ? error : -EINVAL;
    port_lock(PORT_LOCK_WAITING);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value) {
        port_unlock(PORT_LOCK_WAITING);
        return -EAGAIN;
    }
    return wait_locked(word, bits, deadline);
}

static long futex_wake(const volatile int *word, int count, uint32_t bits)
{
    if (!bits)
        return -EINVAL;
    port_lock(PORT_LOCK_WAITING);
    uint32_t woken = port_waiting_wake(&waiting, word, count > 0 ? (uint32_t)count : 0, bits);
    port_unlock(PORT_LOCK_WAITING);
    return woken;
}

/* value: NULL, or what the word has to be. */
static long futex_requeue(const volatile int *from, const volatile int *to, int wake, long move,
                          const int *value)
{
    long result;

    if (wake < 0 || move < 0 || move > INT_MAX)
        return -EINVAL;
    port_lock(PORT_LOCK_WAITING);
    if (value && __atomic_load_n(from, __ATOMIC_SEQ_CST) != *value) {
        result = -EAGAIN;
    } else {
        uint32_t woken = port_waiting_wake(&waiting, from, (uint32_t)wake, ANY_BIT);
        uint32_t moved = port_waiting_move(&waiting, from, to, (uint32_t)move);
        result = (long)woken + (value ? (long)moved : 0);
    }
    port_unlock(PORT_LOCK_WAITING);
    return result;
}

/* word, operation, value, time or count, other word, value 3 */
long call_futex(const long *a)
{
    const volatile int *word = (const volatile int *)a[0];
    int operation = (int)a[1] & ~FUTEX_PRIVATE_FLAG, value = (int)a[2];
    const struct timespec *time = (const struct timespec *)a[3];
    int expected = (int)a[5];

    if ((uintptr_t)word % sizeof(int))
        return -EINVAL;
    switch (operation) {
    case FUTEX_WAIT:
        return futex_wait(word, value, time, false, ANY_BIT);
    case FUTEX_WAIT_BITSET:
        return futex_wait(word, value, time, true, (uint32_t)a[5]);
    case FUTEX_WAKE:
        return futex_wake(word, value, ANY_BIT);
    case FUTEX_WAKE_BITSET:
        return futex_wake(word, value, (uint32_t)a[5]);
    case FUTEX_REQUEUE:
        return futex_requeue(word, (const volatile int *)a[4], value, a[3], NULL);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(word, (const volatile int *)a[4], value, a[3], &expected);
    default:
        return -ENOSYS;
    }
}
