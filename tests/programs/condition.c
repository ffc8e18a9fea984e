/* Condition variables: one is woken, all are, a deadline, and what was said in between is not lost.
 */
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "cairn/threads.h"
#include "check.h"
#include "environment.h"

#define ITEMS   3000u
#define WAITERS 6u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled, emptied;
static unsigned slot, sum, waiting;
static bool go;

static void *consume(void *argument)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&mutex);
        while (!slot)
            pthread_cond_wait(&filled, &mutex);
        sum += slot;
        slot = 0;
        pthread_cond_signal(&emptied);
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

static void check_pairs(void)
{
    uint64_t cpus = ENVIRONMENT->cpus;
    pthread_t thread;

    (void)cairn_thread_place(63u - (uint32_t)__builtin_clzll(cpus), 0);
    if (!check(pthread_create(&thread, NULL, consume, NULL) == 0, "a consumer is made"))
        return;
    for (unsigned i = 1; i <= ITEMS; i++) {
        pthread_mutex_lock(&mutex);
        while (slot)
            pthread_cond_wait(&emptied, &mutex);
        slot = i;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, NULL);
    check(sum == ITEMS * (ITEMS + 1) / 2, "nothing is lost or doubled: %u", sum);
}

static void *wait_for_all(void *argument)
{
    pthread_mutex_lock(&mutex);
    waiting++;
    while (!go)
        pthread_cond_wait(&filled, &mutex);
    waiting--;
    pthread_mutex_unlock(&mutex);
    return argument;
}

static void check_broadcast(void)
{
    pthread_t thread[WAITERS];
    unsigned made = 0, there = 0;

    for (unsigned i = 0; i < WAITERS; i++)
        made += pthread_create(&thread[made], NULL, wait_for_all, NULL) == 0;
    while (there < made) {
        pthread_mutex_lock(&mutex);
        there = waiting;
        pthread_mutex_unlock(&mutex);
        usleep(500);
    }
    pthread_mutex_lock(&mutex);
    go = true;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < made; i++)
        pthread_join(thread[i], NULL);
    check(made == WAITERS && waiting == 0, "all %u that wait are woken", made);
}

static void check_deadline(void)
{
    struct timespec begin, end;
    int result;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    end = begin;
    end.tv_nsec += 20000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    do
        result = pthread_cond_timedwait(&filled, &mutex, &end);
    while (!result);
    pthread_mutex_unlock(&mutex);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    check(result == ETIMEDOUT && (begin.tv_sec > end.tv_sec ||
                                  (begin.tv_sec == end.tv_sec && begin.tv_nsec >= end.tv_nsec)),
          "a wait ends at its deadline, not before");
}

int main(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0, "on the monotonic clock");
    pthread_cond_init(&filled, &attributes);
    pthread_cond_init(&emptied, &attributes);
    check_pairs();
    check_broadcast();
    check_deadline();
    return checks_end();
}
