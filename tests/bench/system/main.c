/*
 * Runs the tables of paths, in a domain without ports, and prints `# [bench] NAME TICKS MAXIMUM
 * [PART]` for each path: TSC ticks of the shortest and the longest repetition, less those of an
 * empty one. The lines stand in the order in which the paths ran.
 */
#include "bench.h"

#include "print.h"

#define WARM_UP     8u
#define REPETITIONS 16u

uint32_t probe_before, probe_after;
uint64_t bench_tsc_hz;

static uint32_t overhead; /* ticks of an empty repetition */

void bench_main(const struct boot_info *info);

static void power_off(unsigned status)
{
    (void)object_control(SELECTOR_PLATFORM, PLATFORM_POWER_OFF, status);
}

void require(enum status status, const char *what)
{
    if (status == STATUS_SUCCESS) {
        return;
    }
    print("# [bench] error: %s: status %u\n", what, (unsigned)status);
    power_off(1);
}

void require_true(bool done, const char *what)
{
    if (done) {
        return;
    }
    print("# [bench] error: %s\n", what);
    power_off(1);
}

/* Gives the CPU away for a moment: afterwards a whole slice lies ahead, without an interrupt. */
static void slice_begin(void)
{
    (void)semaphore_down(SEMAPHORES, 0, tsc_now() + bench_tsc_hz / 10000);
}

static void path_measure(const struct path *path)
{
    uint32_t least = UINT32_MAX, most = 0;

    for (unsigned i = 0; i < WARM_UP; i++) {
        path->run(path->argument);
    }
    slice_begin();
    path->run(path->argument);
    mark(MARK_OPEN);
    for (unsigned i = 0; i < REPETITIONS; i++) {
        path->run(path->argument);
        uint32_t ticks = probe_after - probe_before;
        least = ticks < least ? ticks : least;
        most = ticks > most ? ticks : most;
    }
    mark(MARK_CLOSE);
    if (!overhead) {
        overhead = least;
    }
    print("# [bench] %s %u %u %s\n", path->name, least - overhead, most - overhead,
          path->part ? path->part : "");
}

void paths_measure(const struct path *paths)
{
    for (; paths->name; paths++) {
        path_measure(paths);
    }
}

static void path_empty(uint64_t argument)
{
    (void)argument;
    probe_begin();
    probe_end();
}

/* First of all: what the others are measured against. */
static const struct path empty[] = {{"empty", NULL, path_empty, 0}, {0}};

static void work(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    console_far = true;
    require(semaphore_create(SEMAPHORES, SELECTOR_POOL, 0).status, "a semaphore");
    paths_measure(empty);
    measure_calls();
    measure_semaphores();
    measure_memory();
    measure_objects();
    power_off(0);
}

/* The first domain's thread makes the domain in which paths are measured, and then only waits. */
void bench_main(const struct boot_info *info)
{
    bench_tsc_hz = info->tsc_hz;
    require(semaphore_create(SEMAPHORES, SELECTOR_POOL, 0).status, "the first semaphore");
    setup_memory(info);
    setup_worker(work);
    (void)semaphore_down(SEMAPHORES, 0, 0);
}
