/*
 * The bench program: a first program that executes each path of the kernel's Cost list a few times
 * and marks single repetitions (probe.h). tests/bench/paths.py makes figures of the marks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "boot_info.h"
#include "probe.h"
#include "system.h"
#include "thread.h"

struct path {
    const char *name; /* of its figure, from MARK_BEGIN to MARK_END */
    const char *part; /* name of what lies between MARK_BEGIN and MARK_MIDDLE, or NULL */
    void (*run)(uint64_t argument); /* one repetition, which leaves everything as it was */
    uint64_t argument;
};

/* Executes the paths of a table that ends with an entry without a name. */
void paths_measure(const struct path *paths);

/* Ends the run with an error unless status is STATUS_SUCCESS, or done is true. */
void require(enum status status, const char *what);
void require_true(bool done, const char *what);

/* Tables of paths, each in its file. They set up what they need when they are measured. */
void measure_calls(void);
void measure_semaphores(void);
void measure_memory(void);
void measure_objects(void);
void measure_guests(bool svm);
void measure_wake(void); /* on a machine with several CPUs */
void measure_guest_wake(void);

/* Maps one page so often, and revokes it. */
void measure_mappings(uint64_t count);

/* Destroys a domain whose table has so many frames of slots, all of which were in use. */
void measure_slots(uint64_t frames);

/* Sleeps for a moment, in which other CPUs go idle; afterwards a whole slice lies ahead. */
void bench_pause(void);

/* What setup.c makes, all paid for by SELECTOR_POOL. */
enum selector {
    RANGE = 100, /* MEM, divided into the following */
    DEPOSIT,     /* in the pool */
    COPY,        /* of this program, for OTHER */
    COPY_WORKER, /* and for WORKER */
    CODE,        /* one page */
    PAGE,        /* one page that nobody uses */
    BLOCK,       /* 2 MiB that nobody uses */
    GIGABYTE,    /* 1 GiB that nobody uses, if the machine has it */
    WORKER,      /* the domain in which paths are measured; of it the selectors are below */
    OTHER,       /* another one. Both have a copy of this program at the same addresses */
    CONSOLE,     /* portals into the first domain: a character to print, */
    RAISE,       /* and an interrupt to raise */
    INTERRUPT,   /* the semaphore that it ups */

    CALLS = 130,      /* three for each handler */
    SEMAPHORES = 160, /* and threads */
    EVENTS = 200,     /* portals for exceptions */
    FREE = 240,       /* empty; in the same frame of slots as those above */
};

#define PAGE_BYTES 4096ull
#define MEBIBYTE   (1ull << 20)
#define GIBIBYTE   (1ull << 30)

#define BENCH_PRIORITY 64u /* of this program's own thread */

/* Addresses: UTCBs; the code page, to execute and to write; what paths map. */
#define UTCBS        0x10000000ull
#define CODE_EXECUTE 0x11000000ull
#define CODE_WRITE   0x12000000ull
#define COPY_ADDRESS 0x20000000ull
#define TEST_ADDRESS 0x100000000ull

/* Makes the MEMs that the selectors above name. more: bytes for the pool besides the usual ones. */
void setup_memory(const struct boot_info *info, uint64_t more);

/* Starts run in WORKER, to which everything is delegated, and the handlers behind the portals. */
void setup_worker(void (*run)(struct thread *self, void *argument));

/* Makes OTHER as this program is now. It shares no memory with it. */
void setup_other(void);

/* Handlers, in either domain: each at selectors CALLS + 3 * index: EC, portal. */
void setup_handler(struct handler *handler, unsigned index, uint32_t domain);
void setup_thread(struct thread *thread, unsigned index, uint32_t domain, uint8_t priority);
void setup_thread_at(struct thread *thread, unsigned index, uint32_t domain, uint8_t priority,
                     uint32_t cpu);

static inline uint32_t handler_portal(unsigned index)
{
    return CALLS + 3 * index + 1;
}

/* In console.c. console_far: this domain has no console but the portal. */
extern struct handler console_handler, raise_handler;
extern bool console_far;

/* UTCB of the thread that measures. */
#define WORKER_UTCB (UTCBS + 11 * PAGE_BYTES)

extern uint64_t bench_tsc_hz;
extern uint32_t bench_cpus;
extern bool bench_has_gigabyte;

static inline uint64_t tsc_now(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}
