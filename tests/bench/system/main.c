/*
 * Runs the tables of paths, in a domain without ports, and prints `# [bench] NAME TICKS MAXIMUM
 * [PART]` for each path: TSC ticks of the shortest and the longest repetition, less those of an
 * empty one. The lines stand in the order in which the paths ran.
 *
 * On a machine with several CPUs it runs the paths between CPUs only; with mappings=N or slots=N on
 * the command line, none but what takes long (many.c).
 */
#include "bench.h"

#include "options.h"
#include "print.h"

#define WARM_UP     8u
#define REPETITIONS 16u

/* For each mapping: its record, and its part of a page table. */
#define RECORD_BYTES 288u

uint32_t probe_before, probe_after;
uint64_t bench_tsc_hz;
uint32_t bench_cpus;

static uint32_t guest_kind; /* enum boot_guest_kind */
static uint64_t mappings;   /* to be revoked, or 0 */
static uint64_t slots;      /* frames of them, to be released, or 0 */
static uint32_t overhead;   /* ticks of an empty repetition */

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

/* So no interrupt comes in what is measured next. */
void bench_pause(void)
{
    (void)semaphore_down(SEMAPHORES, 0, tsc_now() + bench_tsc_hz / 10000);
}

static void path_measure(const struct path *path)
{
    uint32_t least = UINT32_MAX, most = 0;

    for (unsigned i = 0; i < WARM_UP; i++) {
        path->run(path->argument);
    }
    bench_pause();
    path->run(path->argument);
    mark(MARK_OPEN);
    for (unsigned i = 0; i < REPETITIONS; i++) {
        path->run(path->argument);
        uint32_t ticks = probe_after - probe_before;
        least = ticks < least ? ticks : least;
        most = ticks > most ? ticks : most;
    }
    mark(MARK_CLOSE);
    debugger_break(); /* one more, to be traced */
    path->run(path->argument);
    debugger_break();
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
    if (mappings) {
        measure_mappings(mappings);
    } else if (slots) {
        measure_slots(slots);
    } else if (bench_cpus > 1) {
        measure_wake();
        measure_guest_wake();
    } else {
        measure_calls();
        measure_semaphores();
        measure_memory();
        measure_objects();
        measure_guests(guest_kind == GUEST_SVM);
    }
    power_off(0);
}

/* The first domain's thread makes the domain in which paths are measured, and then only waits. */
void bench_main(const struct boot_info *info)
{
    bench_tsc_hz = info->tsc_hz;
    bench_cpus = info->cpus.count;
    guest_kind = info->guest.kind;
    (void)option_number((const char *)info + info->command_line, "mappings", &mappings);
    (void)option_number((const char *)info + info->command_line, "slots", &slots);
    require(semaphore_create(SEMAPHORES, SELECTOR_POOL, 0).status, "the first semaphore");
    setup_memory(info, mappings * RECORD_BYTES + slots * PAGE_BYTES);
    setup_worker(work);
    (void)semaphore_down(SEMAPHORES, 0, 0);
}
