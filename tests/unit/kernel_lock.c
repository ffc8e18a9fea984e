/* Ticket locks: one at a time, in the order of the tickets, and tickets that wrap around. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "lock.h"
#include "tap.h"

/* A time, not a number: where both share a processor each turn may wait for the other's slice. */
#define SECONDS 0.2

static struct lock lock;
static volatile uint64_t first, second; /* the same whenever nobody holds the lock */
static volatile bool torn;

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns in *rounds how often it held the lock. */
static void *work(void *rounds)
{
    double end = now() + SECONDS;

    while (now() < end) {
        lock_take(&lock);
        torn = torn || first != second;
        first = first + 1;
        for (volatile unsigned wait = 0; wait < 50; wait = wait + 1) {
        }
        second = second + 1;
        lock_give(&lock);
        ++*(uint64_t *)rounds;
    }
    return NULL;
}

int main(void)
{
    uint64_t here = 0, there = 0;
    pthread_t thread;
    bool good = true;

    for (uint32_t i = 0; i < 3u << 16; i++) {
        lock_take(&lock);
        good = good && lock.owner == (uint16_t)i && lock.next == (uint16_t)(i + 1);
        lock_give(&lock);
    }
    ok(good, "tickets are served in order, also when they wrap around");
    ok(lock.next == lock.owner, "given back, the lock is free");

    if (!ok(!pthread_create(&thread, NULL, work, &there), "a second thread"))
        return done_testing();
    (void)work(&here);
    (void)pthread_join(thread, NULL);
    ok(!torn, "nobody sees what another has half done");
    ok(first == here + there && second == first, "nothing is lost");
    return done_testing();
}
