/* Locks on futexes under contention, on all CPUs of the program. */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "cairn/threads.h"
#include "check.h"
#include "environment.h"

#define THREADS 8u
#define ROUNDS  2000u
#define COUNTS  ((uint64_t)THREADS * ROUNDS)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static volatile uint64_t counter, other;
static unsigned torn;

/* Not atomic, and slow enough that others come in between if they can. */
static void count(void)
{
    uint64_t value = counter;

    for (volatile int i = 0; i < 20; i++) {
    }
    counter = value + 1;
    other = value + 1;
}

static void *with_mutex(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        count();
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static void *with_semaphore(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (sem_wait(&semaphore)) {
        }
        count();
        sem_post(&semaphore);
    }
    return argument;
}

static void *with_rwlock(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_rwlock_rdlock(&rwlock);
        if (counter != other)
            __atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
        pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_wrlock(&rwlock);
        count();
        pthread_rwlock_unlock(&rwlock);
    }
    return argument;
}

/* Runs it on THREADS threads, in turn on the CPUs; how much was counted. */
static uint64_t run(void *(*with)(void *))
{
    uint64_t cpus = ENVIRONMENT->cpus, left = cpus;
    pthread_t thread[THREADS];
    unsigned made = 0;

    counter = other = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        left = left ? left : cpus;
        (void)cairn_thread_place((uint32_t)__builtin_ctzll(left), 0);
        left &= left - 1;
        made += pthread_create(&thread[made], NULL, with, NULL) == 0;
    }
    for (unsigned i = 0; i < made; i++)
        pthread_join(thread[i], NULL);
    return counter;
}

static void check_times(void)
{
    struct timespec now;
    pthread_mutexattr_t attributes;
    pthread_mutex_t checking;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    pthread_mutex_lock(&checking);
    check(pthread_mutex_lock(&checking) == EDEADLK, "a mutex that checks finds its holder");
    check(pthread_mutex_trylock(&checking) == EBUSY, "and is busy");
    pthread_mutex_unlock(&checking);
    check(pthread_mutex_unlock(&checking) == EPERM, "and is given up once");
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&mutex);
    check(pthread_mutex_timedlock(&mutex, &now) == EINVAL,
          "a deadline of the day's time is refused while nobody knows it");
    pthread_mutex_unlock(&mutex);
    check(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) != 0,
          "there is no priority inheritance");
}

int main(void)
{
    uint64_t sum = run(with_mutex);

    check(sum == COUNTS, "a mutex: %lu", (unsigned long)sum);
    sem_init(&semaphore, 0, 1);
    sum = run(with_semaphore);
    check(sum == COUNTS, "a semaphore: %lu", (unsigned long)sum);
    sum = run(with_rwlock);
    check(sum == COUNTS && !torn, "a lock for readers and writers: %lu, %u torn",
          (unsigned long)sum, torn);
    check_times();
    return checks_end();
}
