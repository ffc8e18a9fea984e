/*
 * The system-call fuzzer (fuzz.h) and what must have happened (fuzz_stage.h). Options: calls=N,
 * seed=N, long.
 */
#include "fuzz_stage.h"
#include "suites.h"

#define CALLS      1000000u
#define CALLS_FEW  10000u
#define CALLS_LONG 100000000u

static uint64_t calls_wanted(const struct machine *m)
{
    bool slow = m->info->cpus.count > 1 || m->exact;
    uint64_t calls = slow ? CALLS_FEW : CALLS;
    struct word word;

    if (option_find(m->command_line, "long", &word)) {
        calls = slow ? CALLS : CALLS_LONG;
    }
    (void)option_number(m->command_line, "calls", &calls);
    return calls;
}

/* Everything between opening and closing the stage. */
static void run(uint64_t calls, uint64_t seed)
{
    uint64_t start = tsc_read(), restarts = 0;

    if (!tap_ok(fuzz_threads_start(calls, seed), "fuzzers in a domain of their own")) {
        return;
    }
    tap_ok(fuzz_threads_watch(&restarts), "all calls return, and the witness answers meanwhile");
    tap_comment();
    print("fuzz: %lu ms, %lu threads cut off\n", (tsc_read() - start) / world.millisecond,
          restarts);
    tap_ok(fuzz_threads_clean(&restarts), "what they made can be destroyed");
    fuzz_report(calls);
    tap_ok(fuzz_threads_end(), "the fuzzers end");
    tap_equal(trace_switch(false), STATUS_SUCCESS, "no CPU records events");
}

void suite_fuzz(const struct machine *m)
{
    uint64_t calls, seed = 1;

    if (!world_open(m) || !fuzz_slots_open()) {
        return;
    }
    fuzz_cpus = m->info->cpus.count < FUZZ_CPUS ? m->info->cpus.count : FUZZ_CPUS;
    fuzz_threads = 2 * fuzz_cpus;
    calls = calls_wanted(m);
    (void)option_number(m->command_line, "seed", &seed);
    uint64_t before = world_free();
    tap_comment();
    print("fuzz: %lu calls by %u threads, seed=%lu\n", calls, fuzz_threads, seed);
    if (tap_ok(fuzz_witness_open(), "a witness in another domain") &&
        tap_ok(fuzz_stage_open(), "a stage for the fuzzers")) {
        run(calls, seed);
        fuzz_witness_check();
    }
    fuzz_stage_close();
    fuzz_witness_close();
    world_balance(before);
    suite_grants(m);
    suite_objects(m);
}
