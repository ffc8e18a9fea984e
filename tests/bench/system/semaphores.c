/* Semaphores, and the switches between threads that they cause. */
#include "bench.h"

enum { SM_FREE = SEMAPHORES + 1, SM_NEAR, SM_FAR, SM_VECTORS };
enum { NEAR = 5, FAR, VECTORS }; /* threads, by index of stack, UTCB and selectors */

/* Makes the vector state of this thread differ from the initial one. */
static inline void vectors_use(void)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm15" : : : "memory");
}

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

static struct thread near = {.run = wait_plain, .argument = (void *)SM_NEAR};
static struct thread far = {.run = wait_plain, .argument = (void *)SM_FAR};
static struct thread vectors = {.run = wait_vectors, .argument = (void *)SM_VECTORS};

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

static void run_up_vectors(uint64_t semaphore)
{
    enum status status;

    vectors_use();
    probe_begin();
    status = semaphore_up((uint32_t)semaphore);
    probe_end();
    require(status, "up");
}

static const struct path paths[] = {
    {"sm.up", NULL, run_up, SM_FREE},
    {"sm.down", NULL, run_down, SM_FREE},
    {"sm.up.switch.return", "sm.up.switch", run_up, SM_NEAR},
    {"sm.up.switch.inter-pd.return", "sm.up.switch.inter-pd", run_up, SM_FAR},
    {"switch.vectors.return", "switch.vectors", run_up_vectors, SM_VECTORS},
    {0},
};

void measure_semaphores(void)
{
    for (uint32_t s = SM_FREE; s <= SM_VECTORS; s++) {
        require(semaphore_create(s, SELECTOR_POOL, 0).status, "a semaphore");
    }
    require(capability_delegate(OTHER, SM_FAR, SM_FAR, RIGHTS_ALL).status, "a semaphore");
    setup_thread(&near, NEAR, SELECTOR_PD, BENCH_PRIORITY + 32);
    setup_thread(&far, FAR, OTHER, BENCH_PRIORITY + 32);
    setup_thread(&vectors, VECTORS, SELECTOR_PD, BENCH_PRIORITY + 32);
    paths_measure(paths);
}
