/*
 * Threads: made, joined, detached; what they leave behind is used again; each on the CPU that is
 * asked for; a handler that is a thread.
 */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/handler.h"
#include "cairn/resources.h"
#include "cairn/threads.h"
#include "check.h"
#include "environment.h"

static __thread unsigned calls;

static void *add_one(void *argument)
{
    return (char *)argument + 1;
}

static uint64_t pool_balance(void)
{
    return pool_free(PROCESS_POOL).value;
}

/* Makes a thread, when there is room for one; so many may be on their way to their end. */
static bool make(pthread_t *thread, const pthread_attr_t *attributes)
{
    int error = EAGAIN;

    for (unsigned i = 0; i < 5000 && error == EAGAIN; i++) {
        error = pthread_create(thread, attributes, add_one, &calls);
        if (error)
            usleep(1000);
    }
    return error == 0;
}

static bool make_and_join(void)
{
    pthread_t thread;
    void *result = NULL;

    return make(&thread, NULL) && !pthread_join(thread, &result) && result == (char *)&calls + 1;
}

/* Does the pool have so much again, once whoever is on the way has ended? */
static bool balance_returns(uint64_t balance)
{
    for (unsigned i = 0; i < 1000; i++) {
        if (!make_and_join())
            return false;
        if (pool_balance() >= balance)
            return true;
        usleep(5000);
    }
    return false;
}

static void check_many(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    unsigned made = 0;

    for (unsigned i = 0; i < 4; i++)
        (void)make_and_join();
    uint64_t balance = pool_balance();
    for (unsigned i = 0; i < 300; i++)
        made += make_and_join();
    check(made == 300 && pool_balance() >= balance, "%u threads are joined, no frame is lost",
          made);

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    made = 0;
    for (unsigned i = 0; i < 200; i++)
        made += make(&thread, &attributes);
    check(made == 200, "%u threads are detached", made);
    check(balance_returns(balance), "and give back all that they had");
}

#define TOGETHER 24u

static pthread_barrier_t barrier;

static void *meet(void *argument)
{
    pthread_barrier_wait(&barrier);
    return argument;
}

static void check_together(void)
{
    pthread_t thread[TOGETHER];
    unsigned made = 0, joined = 0;

    pthread_barrier_init(&barrier, NULL, TOGETHER);
    for (unsigned i = 0; i < TOGETHER; i++)
        made += pthread_create(&thread[i], NULL, meet, &barrier) == 0;
    for (unsigned i = 0; made == TOGETHER && i < TOGETHER; i++) {
        void *result = NULL;
        joined += pthread_join(thread[i], &result) == 0 && result == &barrier;
    }
    check(joined == TOGETHER, "%u threads meet at a barrier", joined);
    pthread_barrier_destroy(&barrier);
}

static void *where(void *argument)
{
    (void)argument;
    return (void *)(uintptr_t)cairn_thread_cpu();
}

static void check_places(void)
{
    uint64_t cpus = ENVIRONMENT->cpus;
    unsigned wrong = 0, count = 0;
    cpu_set_t set;

    for (unsigned cpu = 0; cpu < 64; cpu++) {
        pthread_t thread;
        void *result = NULL;

        if (!(cpus >> cpu & 1))
            continue;
        count++;
        wrong += cairn_thread_place(cpu, 0) || pthread_create(&thread, NULL, where, NULL) ||
                 pthread_join(thread, &result) || (uintptr_t)result != cpu;
    }
    check(!wrong, "a thread on each of %u CPUs, where it was wanted", count);
    check(cairn_thread_place(63, 0) == EINVAL, "not on a CPU that the program has not");
    check(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 &&
              CPU_ISSET(cairn_thread_cpu(), &set) && sched_getcpu() == (int)cairn_thread_cpu(),
          "a thread's affinity is its CPU");
    check(sched_setaffinity(0, sizeof(set), &set) == 0, "which it can be set to");
    CPU_ZERO(&set);
    check(sched_setaffinity(0, sizeof(set), &set) == -1 && errno == EINVAL, "and to no other");
}

/* A handler counts in this, and uses malloc and errno. */

static void serve(struct handler *self, struct message *m)
{
    char *p = malloc(100);

    (void)self;
    errno = (int)message_get(m, 0);
    m->length = 0;
    (void)message_put(m, ++calls);
    (void)message_put(m, (uint64_t)errno);
    (void)message_put(m, p != NULL);
    printf("# handled\n");
    free(p);
}

static void check_handler(void)
{
    struct handler handler = {.handle = serve};
    uint32_t portal = cairn_selectors_take(1);
    struct message m = message_make(cairn_thread_utcb());
    struct answer answer;
    unsigned right = 0;

    if (!check(cairn_handler_start(&handler, 0) == 0, "a handler is made"))
        return;
    do
        answer = portal_create(portal, PROCESS_POOL, handler.context, 7);
    while (cairn_funds_add(&answer));
    check(answer.status == STATUS_SUCCESS, "and a portal to it");
    for (unsigned i = 1; i <= 5; i++) {
        m.length = 0;
        (void)message_put(&m, i);
        right += portal_call(portal, &m, 0) == STATUS_SUCCESS && message_get(&m, 0) == i &&
                 message_get(&m, 1) == i && message_get(&m, 2) == 1;
    }
    check(right == 5, "it has storage of its own: %u of 5 replies are right", right);
    check(calls == 0, "which is not the caller's");
    cairn_handler_end(&handler);
    m.length = 0;
    check(portal_call(portal, &m, 0) == STATUS_ABORTED, "when it has ended, a call is aborted");
    (void)capability_revoke(portal, REVOKE_SELF);
    cairn_selectors_give(portal, 1);
}

/* Rounding is a thread's own: it is kept while others run, and inherited. */
static void *round_up(void *argument)
{
    unsigned wrong = fegetround() != FE_DOWNWARD;

    fesetround(FE_UPWARD);
    for (unsigned i = 0; i < 20; i++) {
        usleep(300);
        wrong += fegetround() != FE_UPWARD;
    }
    *(unsigned *)argument = wrong;
    return argument;
}

static void check_rounding(void)
{
    pthread_t thread;
    unsigned wrong = 0, others = 1;

    fesetround(FE_DOWNWARD);
    if (pthread_create(&thread, NULL, round_up, &others))
        return;
    for (unsigned i = 0; i < 20; i++) {
        usleep(300);
        wrong += fegetround() != FE_DOWNWARD;
    }
    pthread_join(thread, NULL);
    fesetround(FE_TONEAREST);
    check(!wrong && !others, "each rounds as it said: %u and %u were wrong", wrong, others);
}

int main(void)
{
    check_rounding();
    check_places();
    check_together();
    check_many();
    check_handler();
    return checks_end();
}
