/* The fuzzers' threads, and who sees to it that they go on (fuzz_stage.h). */
#include <stddef.h>

#include "fuzz_stage.h"

#define ROUND       (5 * world.millisecond)
#define ROUNDS_DEAD 8u    /* rounds without a beat after which a thread is cut off */
#define ROUNDS_MOST 4000u /* without a call that was made */

uint32_t fuzz_cpus;

/* Others can name a fuzzer, but give it nothing that would keep it from being ended. */
static bool thread_start_one(unsigned i)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);
    struct fuzzer *f = &fuzzers[i];

    s.cpu = SELECTOR_CPUS + f->cpu;
    return actor_run_at(FUZZ_ACTOR + i, f->cpu, FUZZ_DOMAIN, &s, fuzz_run, f) &&
           fuzz_give(actor_context(FUZZ_ACTOR + i), F_EC + i, FUZZ_RIGHT_NONE) &&
           fuzz_give(actor_time(FUZZ_ACTOR + i), F_SC + i, SC_RIGHT_READ);
}

bool fuzz_threads_start(uint64_t calls, uint64_t seed)
{
    bool started = true;

    fuzz_order = FUZZ_RUN;
    for (uint32_t cpu = 0; started && cpu < fuzz_cpus; cpu++) {
        started = actor_serve_at(FUZZ_CALLED + cpu, cpu, FUZZ_DOMAIN, fuzz_called,
                                 &fuzzers[(size_t)2 * cpu]) &&
                  fuzz_give(actor_portal(FUZZ_CALLED + cpu), F_CALLED + cpu, FUZZ_HARMLESS);
    }
    if (started) {
        started = fuzz_give(actor_portal(FUZZ_CALLED), F_WEAK + OBJECT_PT, FUZZ_RIGHT_NONE);
    }
    for (unsigned i = 0; started && i < fuzz_threads; i++) {
        fuzzers[i].index = i;
        fuzzers[i].cpu = i / 2;
        fuzzers[i].random = seed * 0x9e3779b97f4a7c15 + i + 1;
        fuzzers[i].limit = calls / fuzz_threads;
        started = thread_start_one(i);
    }
    return started && fuzz_give(actor_context(FUZZ_ACTOR), F_WEAK + OBJECT_EC, FUZZ_RIGHT_NONE) &&
           fuzz_give(actor_time(FUZZ_ACTOR), F_WEAK + OBJECT_SC, FUZZ_RIGHT_NONE);
}

static void thread_print(const struct fuzzer *f)
{
    tap_comment();
    print("fuzz: thread %u after %lu calls: rax %#lx rdi %#lx rsi %#lx rdx %#lx r8 %#lx r9 %#lx "
          "r10 %#lx\n",
          f->index, f->done, f->last.rax, f->last.rdi, f->last.rsi, f->last.rdx, f->last.r8,
          f->last.r9, f->last.r10);
}

static bool thread_restart(unsigned i)
{
    return actor_end(FUZZ_ACTOR + i) && thread_start_one(i);
}

/* Has the thread done what it was ordered? */
static bool is_done(const struct fuzzer *f)
{
    return fuzz_order == FUZZ_RUN ? f->done >= f->limit : f->cleaned != UINT64_MAX;
}

static uint64_t calls_made(void)
{
    uint64_t calls = 0;

    for (unsigned i = 0; i < fuzz_threads; i++) {
        calls += fuzzers[i].done;
    }
    return calls;
}

/* Waits until all have; threads that wait for nothing are ended and begin again. */
static bool threads_watch(unsigned first, unsigned end, uint64_t *restarts)
{
    static uint64_t beat[FUZZ_THREADS], silent[FUZZ_THREADS];
    bool all = false, answers = true;
    uint64_t calls = 0;

    for (unsigned round = 0; !all && answers && round < ROUNDS_MOST; round++) {
        world_sleep(ROUND);
        answers = fuzz_witness_answers();
        if (calls_made() != calls) {
            calls = calls_made();
            round = 0;
        }
        all = true;
        for (unsigned i = first; i < end; i++) {
            const struct fuzzer *f = &fuzzers[i];
            all = all && is_done(f);
            silent[i] = beat[i] == f->beat && !is_done(f) ? silent[i] + 1 : 0;
            beat[i] = f->beat;
            if (silent[i] < ROUNDS_DEAD) {
                continue;
            }
            silent[i] = 0;
            ++*restarts;
            if (!thread_restart(i)) {
                thread_print(f);
                return false;
            }
        }
    }
    for (unsigned i = first; !(all && answers) && i < end; i++) {
        thread_print(&fuzzers[i]);
    }
    return all && answers;
}

bool fuzz_threads_watch(uint64_t *restarts)
{
    return threads_watch(0, fuzz_threads, restarts);
}

/* Each thread destroys what is left, in turn, until nothing more can be. */
bool fuzz_threads_clean(uint64_t *restarts)
{
    uint64_t done = 1;
    bool alive = true;

    for (unsigned round = 0; alive && done && round < 64; round++) {
        done = 0;
        for (unsigned i = 0; alive && i < fuzz_threads; i += 2) {
            for (unsigned j = 0; j < fuzz_threads; j++) {
                fuzzers[j].cleaned = j == i ? UINT64_MAX : 0;
            }
            fuzz_order = FUZZ_CLEAN;
            alive = threads_watch(i, i + 1, restarts);
            done += fuzzers[i].cleaned;
        }
    }
    return alive && !done;
}

bool fuzz_threads_end(void)
{
    bool ended = true;

    fuzz_order = FUZZ_END;
    for (unsigned i = 0; i < fuzz_threads; i++) {
        ended = actor_end(FUZZ_ACTOR + i) && ended;
    }
    for (uint32_t cpu = 0; cpu < fuzz_cpus; cpu++) {
        ended = actor_end(FUZZ_CALLED + cpu) && ended;
    }
    return ended;
}
