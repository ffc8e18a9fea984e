/*
 * A system-call fuzzer. Its threads run in a domain of their own and call the kernel with random
 * registers, or with such as the grammar of the interface makes plausible. What would end the
 * experiment instead of testing the kernel is tamed (fuzz_tame.c): a thread never gives up what it
 * stands on, waits only for a while, and starts contexts only at code that is there.
 */
#pragma once

#include "world.h"

#define FUZZ_CPUS     4u
#define FUZZ_THREADS  (2 * FUZZ_CPUS)
#define FUZZ_CALLS    (SYSCALL_COUNT + 1) /* the last one: numbers that are no call */
#define FUZZ_STATUSES (STATUS_WOULD_BLOCK + 1)

/* Selectors in the fuzzers' domain. */
enum {
    F_PD = 1, /* the domain itself; nothing up to F_END but F_ROOT has the right DESTROY */
    F_POOL,   /* its pool */
    F_MEM,    /* MEM_FRAMES, to be divided */
    F_PORTS,  /* all */
    F_IRQ,
    F_PCI,
    F_SM,
    F_NEVER,     /* a semaphore that nobody ups */
    F_POOR_POOL, /* has no frame */
    F_POOR_PD,   /* its pool has no frame left */
    F_DEEP,      /* MEM at the end of the longest chain of derivation */
    F_MAP,       /* MEM_FRAMES, to be mapped */
    F_DEEP_SM,   /* a semaphore as F_DEEP */
    F_PLATFORM,  /* for the event trace only */
    F_ROOT,      /* the first pool, to be destroyed, which nobody can */
    F_CPU = 16,  /* and following, for each CPU */
    F_VM = 20,   /* on machines that have guests */
    F_EC = 32,   /* and following, for each thread */
    F_SC = 48,
    F_CALLED = 64, /* portals of fuzz_called, for each CPU */
    F_LEND = 80,   /* MEMs of LEND_FRAMES, for each thread: nothing else is deposited */
    F_WEAK = 96,   /* and type: a capability of that type with a right that is none */
    F_END = 128,
    F_MADE = 256,   /* what CREATE fills */
    F_COPIES = 384, /* what DELEGATE fills, and messages */
    F_LAST = 512,
};

#define FUZZ_ADDRESS 0x200000000ull /* where the fuzzers map memory and UTCBs */
#define MEM_FRAMES   32u
#define LEND_FRAMES  16ull /* so many steps */

enum fuzz_mode { FUZZ_RANDOM, FUZZ_GRAMMAR, FUZZ_MODES };
enum fuzz_order { FUZZ_RUN, FUZZ_CLEAN, FUZZ_END };

struct fuzzer {
    unsigned index;
    uint32_t cpu;
    uint64_t random;
    struct utcb *utcb;
    volatile uint64_t limit, done; /* calls */
    volatile uint64_t beat;        /* changes as long as it lives */
    volatile uint64_t cleaned;     /* what the last cleaning did; UINT64_MAX: not done yet */
    struct system_registers last;  /* for a report */
    uint64_t odd_count,
        odd_status; /* pairs that are not documented, and the first of these calls */
    struct system_registers odd;
    uint64_t count[FUZZ_MODES][FUZZ_CALLS][FUZZ_STATUSES];
};

extern struct fuzzer fuzzers[FUZZ_THREADS];
extern unsigned fuzz_threads; /* in use */
extern volatile enum fuzz_order fuzz_order;
extern bool fuzz_guests;           /* the machine has some */
extern uint8_t fuzz_kinds[F_LAST]; /* what a selector was last made to be */

/* A random number below limit. */
uint64_t fuzz_random(struct fuzzer *f, uint64_t limit);

/* One in n. */
static inline bool fuzz_chance(struct fuzzer *f, uint64_t n)
{
    return fuzz_random(f, n) == 0;
}

/* Registers of the next call. */
struct system_registers fuzz_nonsense(struct fuzzer *f);
struct system_registers fuzz_grammar(struct fuzzer *f);

/* Changes registers so that the thread lives on, see above. */
void fuzz_tame(struct fuzzer *f, struct system_registers *r);

/* Executes it and counts. */
enum status fuzz_call(struct fuzzer *f, enum fuzz_mode mode, struct system_registers r);

/* Is the status documented for the call, or success? call SYSCALL_COUNT: numbers that are none. */
bool fuzz_documented(uint64_t call, uint64_t status);

/* A few calls that belong together. */
void fuzz_plot(struct fuzzer *f);

/* Body of a thread: argument is its struct fuzzer. */
void fuzz_run(struct thread *self, void *argument);

/* Body of the handler behind F_CALLED: replies with word 0 in RAX, or first calls portal word 1. */
void fuzz_called(struct handler *self, struct message *message);

/* Code for contexts that have no stack (fuzz_stubs.S): reply; block; destroy the four selectors
 * that RSP consists of, a little later; deposit in the pool and withdraw the MEM of RSP for ever.
 */
extern const char fuzz_echo[], fuzz_stuck[], fuzz_kill[], fuzz_lend[];
