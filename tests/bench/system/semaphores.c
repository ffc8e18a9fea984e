/* Semaphores, and the switches between threads that they cause. */
#include "bench.h"
#include "cpu.h"
#include "vectors.h"

enum { SM_FREE = SEMAPHORES + 1, SM_NEAR, SM_FAR, SM_PLAIN, SM_VECTORS, SM_LOWER, SM_BACK };
enum { NEAR = 5, FAR, PLAIN, VECTORS, LOWER }; /* threads, by index of stack, UTCB and selectors */

static void wait_plain(struct thread *self, void *argument)
{
    (void)self;
    for (;;) {
        (void)semaphore_down((uint32_t)(uintptr_t)argument, 0, 0);
        mark(MARK_MIDDLE);
    }
}

static void wait_vectors(struct thread *self, void *argument)
{
    (void)self;
    for (;;) {
        (void)semaphore_down((uint32_t)(uintptr_t)argument, 0, 0);
        mark(MARK_MIDDLE);
        vectors_use();
    }
}

static void wait_lower(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(SM_LOWER, 0, 0);
        mark(MARK_MIDDLE);
        (void)semaphore_up(SM_BACK);
    }
}

static struct thread near = {.run = wait_plain, .argument = (void *)SM_NEAR};
static struct thread far = {.run = wait_plain, .argument = (void *)SM_FAR};
static struct thread plain = {.run = wait_plain, .argument = (void *)SM_PLAIN};
static struct thread vectors = {.run = wait_vectors, .argument = (void *)SM_VECTORS};
static struct thread lower = {.run = wait_lower};

static void run_up(uint64_t semaphore)
{
    enum status status;

    probe_begin();
    status = semaphore_up((uint32_t)semaphore);
    probe_end();
    require(status, "up");
}

static void run_down(uint64_t semaphore)
{
    enum status status;

    require(semaphore_up((uint32_t)semaphore), "up");
    probe_begin();
    status = semaphore_down((uint32_t)semaphore, 0, 0);
    probe_end();
    require(status, "down");
}

/* The less urgent thread waits, is woken, and runs when this one waits in its turn. */
static void run_down_switch(uint64_t semaphore)
{
    enum status status;

    bench_pause();
    require(semaphore_up(SM_LOWER), "up");
    probe_begin();
    status = semaphore_down((uint32_t)semaphore, 0, 0);
    probe_end();
    require(status, "down");
}

static void run_switch_plain(uint64_t semaphore)
{
    vectors_clear();
    run_up(semaphore);
}

static void run_switch_vectors(uint64_t semaphore)
{
    vectors_use();
    run_up(semaphore);
}

static const struct path paths[] = {
    {"sm.up", NULL, run_up, SM_FREE},
    {"sm.down", NULL, run_down, SM_FREE},
    {"sm.up.switch.return", "sm.up.switch", run_up, SM_NEAR},
    {"sm.up.switch.inter-pd.return", "sm.up.switch.inter-pd", run_up, SM_FAR},
    {"sm.down.switch.return", "sm.down.switch", run_down_switch, SM_BACK},
    {"switch.plain.return", "switch.plain", run_switch_plain, SM_PLAIN},
    {"switch.vectors.return", "switch.vectors", run_switch_vectors, SM_VECTORS},
    {0},
};

void measure_semaphores(void)
{
    for (uint32_t s = SM_FREE; s <= SM_BACK; s++) {
        require(semaphore_create(s, SELECTOR_POOL, 0).status, "a semaphore");
    }
    for (uint32_t s = SM_FAR; s <= SM_VECTORS; s++) {
        require(capability_delegate(OTHER, s, s, RIGHTS_ALL).status, "a semaphore");
    }
    setup_thread(&near, NEAR, SELECTOR_PD, BENCH_PRIORITY + 32);
    setup_thread(&far, FAR, OTHER, BENCH_PRIORITY + 32);
    setup_thread(&plain, PLAIN, OTHER, BENCH_PRIORITY + 32);
    setup_thread(&vectors, VECTORS, OTHER, BENCH_PRIORITY + 32);
    setup_thread(&lower, LOWER, SELECTOR_PD, BENCH_PRIORITY - 32);
    paths_measure(paths);
}
