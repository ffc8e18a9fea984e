/*
 * What root keeps: the machine, and of each program its capabilities and where it stands.
 *
 * Who touches what: everything belongs to the main thread (main.c), which alone decides. Portal
 * handlers (handler.c) and watchers (watch.c), of which each CPU has one, only leave word for it:
 * in fields that say so, which are atomic. None of them ever waits for another.
 */
#pragma once

#include <stdbool.h>

#include "boot_info.h"
#include "conf.h"
#include "funds.h"
#include "process.h"
#include "root_calls.h"
#include "system.h"
#include "utcb.h"

#define PAGE 4096ull

/* Selectors of root. The kernel's own plan for the first program is below these (syscall.h). */
enum root_selector {
    ROOT_EVENTS = 16,      /* semaphore: something is to be done by the main thread */
    ROOT_RESERVE = 18,     /* MEM that pays for root's own objects, */
    ROOT_PAYMENTS = 1600,  /* whose deposits are at selectors from here on */
    ROOT_PER_CPU = 192,    /* and following: CPU_SELECTORS for each CPU */
    ROOT_PROGRAMS = 2048,  /* and following: PROGRAM_SELECTORS for each program */
    ROOT_SESSIONS = 24576, /* and following: MEM of each session */
    ROOT_CONTEXTS = 28672, /* and following: CPU_CONTEXTS for each CPU: ECs that programs made */
};

#define PAYMENTS     64u
#define CPU_CONTEXTS 512u

/* Pages for the UTCBs of handlers and watchers: two for each CPU. */
#define ROOT_UTCBS 0x50000000ull

enum cpu_selector {
    CPU_HANDLER, /* EC of its portal handler */
    CPU_RESERVE, /* SC that carries it on */
    CPU_WATCHER, /* EC */
    CPU_TIME,    /* SC of that */
    CPU_TROUBLE, /* semaphore: an EC there has stopped; upped by the kernel */
    CPU_SELECTORS = 8,
};

/* Of a program. */
enum program_selector {
    PROGRAM_MEMORY, /* MEM: all that it has, of which those up to PROGRAM_OWN are parts */
    PROGRAM_IMAGE,  /* its private segments, stack, environment and notices */
    PROGRAM_OWN,    /* the rest, which it gets */
    PROGRAM_BANK,   /* paid by root's: a MEM that it paid for can be deposited in the next one */
    PROGRAM_POOL,   /* paid by that */
    PROGRAM_PD,     /* paid, like all others here, by that one */
    PROGRAM_EC,
    PROGRAM_SC,
    PROGRAM_NOTICE,
    PROGRAM_CPUS = 16, /* and following: CPU capabilities, paid by root's pool */
    PROGRAM_PORTALS = 80,
    /* and following: root's portal on each CPU, for it */ PROGRAM_RANGES =
        208,                /* and following: its resources */
    PROGRAM_DEPOSITS = 224, /* and following: parts of PROGRAM_MEMORY that are in its pool */
    PROGRAM_SESSIONS = 256, /* and following: the semaphore of each session that it uses */
    PROGRAM_SELECTORS = 272,
};

_Static_assert(ROOT_PER_CPU + BOOT_MAX_CPUS * CPU_SELECTORS <= SELECTOR_MEMORY, "do not overlap");
_Static_assert(SELECTOR_MEMORY + BOOT_MAX_RANGES <= ROOT_PAYMENTS, "do not overlap");
_Static_assert(ROOT_PAYMENTS + PAYMENTS <= ROOT_PROGRAMS, "do not overlap");
_Static_assert(ROOT_PROGRAMS + CONF_PROGRAMS * PROGRAM_SELECTORS <= ROOT_SESSIONS,
               "do not overlap");
_Static_assert(ROOT_CONTEXTS + BOOT_MAX_CPUS * CPU_CONTEXTS <= SELECTORS, "the table has them");
_Static_assert(PROGRAM_DEPOSITS + FUNDS_DEPOSITS <= PROGRAM_SESSIONS, "do not overlap");

enum program_state {
    PROGRAM_STOPPED, /* not to be started */
    PROGRAM_RUNNING,
    PROGRAM_WAITING, /* to be started again at `due` */
    PROGRAM_FAILED,  /* it has been started too often in too short a time, or cannot be started */
};

/* What a program has asked for or done: bits of program.told. */
enum program_told {
    TOLD_EXIT = 1, /* status is there */
    TOLD_ALIVE = 2,
    TOLD_TEXT = 4,  /* text has some */
    TOLD_FAULT = 8, /* stopped has it */
};

/* An EC of a program that has stopped, the first one. Taken by a watcher, which then fills it. */
struct stopped {
    uint32_t taken;  /* Atomic */
    uint32_t thread; /* 0: the main thread; otherwise its place in program.threads, from 1 on */
    uint32_t cpu;
    struct utcb_state state;
};

#define TEXT_BYTES 4096u

/* Text on its way to the console, of one program. A ring: handlers append, the main thread takes.
 */
struct text_ring {
    uint32_t writing;        /* 1: a handler appends. Atomic */
    uint32_t written, taken; /* bytes since its start. Atomic, each with one writer at a time */
    uint32_t dropped;        /* bytes. Atomic */
    char byte[TEXT_BYTES];
};

/* A capability that root has put into a program's table. */
struct held {
    uint16_t selector, rights, type;
};

#define HELD_MAX 320u

struct program {
    const struct conf_program *conf;
    enum program_state state;
    uint64_t memory_size; /* bytes of PROGRAM_MEMORY; 0: it has none yet */
    struct funds funds;   /* what is deposited in its pool */
    struct selectors deposits;
    uint32_t held_count;
    struct held held[HELD_MAX];
    uint32_t clients;       /* sessions in which it is the server */
    uint64_t session_bytes; /* of all its sessions */
    uint32_t restarts;
    uint32_t failures; /* in a row, each soon after its start */
    uint64_t since;    /* TSC of its start */
    uint64_t due;      /* TSC: to be started again, or to have called ROOT_ALIVE; 0: neither */

    /* Written by handlers. Atomic. */
    uint32_t told;    /* PROGRAM_TOLD_* */
    uint32_t status;  /* of its exit */
    uint64_t claimed; /* bit n: context[n] is taken, or is being written */
    uint64_t threads; /* bit n: context[n] is an EC of it */
    uint16_t context[ROOT_THREADS];
    struct stopped stopped;
    struct text_ring text;
};

struct root {
    const struct boot_info *info;
    const char *command_line;
    uint64_t millisecond; /* TSC ticks */
    uint32_t cpus;
    struct conf conf;
    struct program program[CONF_PROGRAMS];
    struct funds funds; /* what root's own pool is given */
    struct selectors payments;
};

extern struct root root;

static inline uint32_t program_index(const struct program *p)
{
    return (uint32_t)(p - root.program);
}

static inline uint32_t program_selector(const struct program *p, uint32_t which)
{
    return ROOT_PROGRAMS + program_index(p) * PROGRAM_SELECTORS + which;
}

/* Leaves word for the main thread: TOLD_*. */
static inline void program_tell(struct program *p, uint32_t what)
{
    __atomic_fetch_or(&p->told, what, __ATOMIC_RELEASE);
    (void)semaphore_up(ROOT_EVENTS);
}

static inline uint32_t cpu_selector(uint32_t cpu, enum cpu_selector which)
{
    return ROOT_PER_CPU + cpu * CPU_SELECTORS + which;
}

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline const void *boot_entry(const struct boot_table *table, uint32_t index)
{
    return (const char *)root.info + table->offset + (uint64_t)index * table->entry_size;
}

static inline const char *boot_text(uint32_t offset)
{
    return (const char *)root.info + offset;
}

/* The call again, with more frames in the program's pool, until it does not lack any. */
#define WITH_FUNDS(funds, answer, call) \
    do                                  \
        (answer) = (call);              \
    while (funds_add((funds), &(answer)))
