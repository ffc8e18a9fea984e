/* Waking a thread that waits on another CPU, which is idle then. */
#include "bench.h"

enum { WAKE = SEMAPHORES + 1, DONE };

static void wait(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(WAKE, 0, 0);
        mark(MARK_MIDDLE);
        (void)semaphore_up(DONE);
    }
}

static struct thread waiter = {.run = wait};

static void run_wake(uint64_t semaphore)
{
    enum status status;

    bench_pause();
    probe_begin();
    status = semaphore_up((uint32_t)semaphore);
    probe_end();
    require(status, "up");
    require(semaphore_down(DONE, 0, 0), "the other CPU's answer");
}

static const struct path paths[] = {{"sm.up.cross-cpu", NULL, run_wake, WAKE}, {0}};

void measure_wake(void)
{
    for (uint32_t s = WAKE; s <= DONE; s++) {
        require(semaphore_create(s, SELECTOR_POOL, 0).status, "a semaphore");
    }
    setup_thread_at(&waiter, 5, SELECTOR_PD, BENCH_PRIORITY, 1);
    paths_measure(paths);
}
