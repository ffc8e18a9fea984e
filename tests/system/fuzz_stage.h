/*
 * What the suite of the fuzzer is made of: the stage on which the fuzzers play (fuzz_stage.c),
 * their threads and who watches them (fuzz_watch.c), a domain that they must not touch
 * (fuzz_witness.c), and what came back from their calls (fuzz_report.c).
 */
#pragma once

#include "fuzz.h"

/* This program's selectors. */
enum {
    FUZZ_DOMAIN = TEST_SELECTORS,
    FUZZ_WITNESS_DOMAIN,
    FUZZ_WITNESS_PAGES,
    FUZZ_POOL,
    FUZZ_FIRST, /* and following: objects of the stage */
};

/* Actors; suite_smp keeps the last one. */
enum {
    FUZZ_ACTOR = 0,                          /* and following: the fuzzers */
    FUZZ_CALLED = FUZZ_ACTOR + FUZZ_THREADS, /* and following: handlers, on each CPU */
    FUZZ_WITNESS = FUZZ_CALLED + FUZZ_CPUS,
    FUZZ_KEEPER,
};

#define FUZZ_HARMLESS   (RIGHTS_ALL & ~RIGHT_DESTROY)
#define FUZZ_RIGHT_NONE (1u << 15)

extern uint32_t fuzz_cpus; /* that fuzzers run on */

/* Delegates to the fuzzers' domain, and notes the type. */
bool fuzz_give(uint32_t selector, uint32_t there, uint32_t rights);

/* Frames of slots that stay, before any balance is taken. */
bool fuzz_slots_open(void);

bool fuzz_stage_open(void);
void fuzz_stage_close(void);

bool fuzz_threads_start(uint64_t calls, uint64_t seed);

/* Waits until all calls have been made; threads that wait for ever are ended and begin again. */
bool fuzz_threads_watch(uint64_t *restarts);

/* Lets the threads destroy what is left, in turn, until nothing more can be. */
bool fuzz_threads_clean(uint64_t *restarts);

bool fuzz_threads_end(void);

/*
 * A domain of which the fuzzers have nothing: pages with a pattern, a known set of capabilities, a
 * thread with values in its vector registers, and a handler that says whether all is as it was.
 */
bool fuzz_witness_open(void);
bool fuzz_witness_answers(void);
void fuzz_witness_check(void);
void fuzz_witness_close(void);

/* Prints what came back, and asserts it. calls: that were to be made. */
void fuzz_report(uint64_t calls);
