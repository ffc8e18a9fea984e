/*
 * A fuzzer of monitors' replies and of guests. Each virtual CPU has one: it answers exits with
 * random and hostile state (guest_fuzz_reply.c), or lets the guest execute random bytes and answers
 * as a plain monitor would (guest_fuzz_hostile.c). The suite sees to it that they go on, and that
 * nobody else notices.
 */
#pragma once

#include "monitor.h"

#define GUEST_FUZZERS MONITOR_VCPUS
#define FAILURES      (FAILURE_EXIT + 1)

struct guest_fuzzer {
    struct monitor_vcpu *vcpu;
    uint64_t random;
    uint64_t limit;
    volatile uint64_t replies;
    uint64_t entered; /* replies after which the guest executed something */
    uint64_t refused; /* that were no groups, and refused */
    uint64_t odd;     /* whatever should not have been; the first of it: */
    const char *odd_what;
    uint64_t odd_value;
    uint64_t xcr0; /* the host's */
    uint64_t reasons[EXIT_COUNT];
    uint64_t failures[FAILURES];
    uint64_t said[FAILURES]; /* what the CPU said of the last one */
};

extern struct guest_fuzzer guest_fuzzers[GUEST_FUZZERS];

uint64_t guest_random(struct guest_fuzzer *f, uint64_t limit);
uint64_t guest_random64(struct guest_fuzzer *f);

/* One in n. */
static inline bool guest_chance(struct guest_fuzzer *f, uint64_t n)
{
    return guest_random(f, n) == 0;
}

/* Of the CPU, while this program runs. */
static inline uint64_t guest_fuzz_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Counts an exit. False: there are enough; *groups is the last reply. */
bool guest_fuzz_count(struct guest_fuzzer *f, const struct monitor_exit *e, uint64_t *groups);

/* A guest in a random mode, with everything as it should be. Returns groups. */
uint64_t guest_fuzz_fresh(struct guest_fuzzer *f);

/* The deadline, so that it exits soon. */
uint64_t guest_fuzz_limit(struct guest_fuzzer *f);

/* After the instruction, or another one. */
uint64_t guest_fuzz_skip(struct guest_fuzzer *f);

/* Answers: random replies; exceptions and new code for a guest of random bytes. */
uint64_t guest_fuzz_reply(struct monitor_vcpu *v, const struct monitor_exit *e);
uint64_t guest_fuzz_hostile(struct monitor_vcpu *v, const struct monitor_exit *e);

/* A well-behaved guest (tiny_steady) in a VM of its own. False, and a comment: it cannot be. */
bool guest_steady_open(void);
void guest_steady_check(void); /* it has got on, and is as it should be */
void guest_steady_close(void);
