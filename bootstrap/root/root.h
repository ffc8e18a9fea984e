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
#include "text.h"
#include "told.h"
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
    ROOT_BELLS = 61440, /* and following: two for each session, from which its ends have theirs */
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
    PROGRAM_RAM,            /* MEM, of root's pool: kept for the whole run */
    PROGRAM_CPUS = 16,      /* and following: CPU capabilities, paid by root's pool */
    PROGRAM_PORTALS = 80,   /* and following: root's portal on each CPU, for it */
    PROGRAM_RANGES = 208,   /* and following: its resources */
    PROGRAM_DEPOSITS = 224, /* and following: parts of PROGRAM_MEMORY that are in its pool */
    PROGRAM_SESSIONS = 256, /* and following: the semaphore of each session that it uses */
    PROGRAM_SELECTORS = 272,
};

_Static_assert(ROOT_PER_CPU + BOOT_MAX_CPUS * CPU_SELECTORS <= SELECTOR_MEMORY, "do not overlap");
_Static_assert(SELECTOR_MEMORY + BOOT_MAX_RANGES <= ROOT_PAYMENTS, "do not overlap");
_Static_assert(ROOT_PAYMENTS + PAYMENTS <= ROOT_PROGRAMS, "do not overlap");
_Static_assert(ROOT_PROGRAMS + CONF_PROGRAMS * PROGRAM_SELECTORS <= ROOT_SESSIONS,
               "do not overlap");
_Static_assert(ROOT_CONTEXTS + BOOT_MAX_CPUS * CPU_CONTEXTS <= ROOT_BELLS, "do not overlap");
_Static_assert(PROGRAM_DEPOSITS + FUNDS_DEPOSITS <= PROGRAM_SESSIONS, "do not overlap");

enum program_state {
    PROGRAM_STOPPED, /* not to be started */
    PROGRAM_RUNNING,
    PROGRAM_WAITING, /* to be started again at `due` */
    PROGRAM_FAILED,  /* it has been started too often in too short a time, or cannot be started */
};

/*
 * An EC of a program that has stopped, the first one. A watcher takes it, fills it and tells
 * TOLD_FAULT; if the instance is there to be told, it is the main thread's then, which gives it
 * back.
 */
struct stopped {
    uint32_t taken;  /* Atomic */
    uint32_t thread; /* 0: the main thread; otherwise its place in program.thread, from 1 on */
    uint32_t cpu;
    struct utcb_state state;
};

/* A capability that root has put into a program's table. */
struct held {
    uint16_t selector, rights, type;
};

#define HELD_MAX 320u

struct program {
    const struct conf_program *conf;
    enum program_state state;
    uint32_t result;       /* exit status of the run, once it has ended for good */
    uint64_t memory_size;  /* bytes of PROGRAM_MEMORY; 0: it is not cleared yet */
    uint64_t memory_base;  /* physical address of that */
    bool has_memory;       /* PROGRAM_MEMORY is there */
    uint64_t stack_offset; /* in PROGRAM_IMAGE: the stack of its main thread */
    bool has_ram;          /* PROGRAM_RAM is there */
    uint64_t ram_base;     /* physical address of that */
    struct funds funds;    /* what is deposited in its pool */
    struct selectors deposits;
    uint32_t held_count;
    struct held held[HELD_MAX];
    uint32_t clients;       /* sessions in which it is the server */
    uint64_t session_bytes; /* of all its sessions */
    uint32_t restarts;
    uint32_t failures; /* in a row, each soon after its start */
    uint64_t since;    /* TSC of its start */
    uint64_t due;      /* TSC: to be started again, or to have called ROOT_ALIVE; 0: neither */

    uint32_t instance; /* of its last start, from 1 on */

    /* Written by handlers and watchers. Atomic. */
    uint64_t told;                 /* told.h */
    uint64_t thread[ROOT_THREADS]; /* contexts.h */
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

/* Leaves word for the main thread: TOLD_*. False: that instance is gone. */
static inline bool program_tell(struct program *p, uint32_t instance, uint32_t what,
                                uint32_t status)
{
    bool left = told_leave(&p->told, instance, what, status);

    if (left)
        (void)semaphore_up(ROOT_EVENTS);
    return left;
}

/*
 * Text is there, perhaps of an instance that is gone: it must not stay there unseen, because who
 * finds the ring not empty relies on the main thread's coming.
 */
static inline void program_tell_text(struct program *p)
{
    if (told_hint(&p->told, TOLD_TEXT))
        (void)semaphore_up(ROOT_EVENTS);
}

/* What TOLD_FAULT said is dealt with: main thread. */
static inline void stopped_release(struct program *p)
{
    __atomic_store_n(&p->stopped.taken, 0, __ATOMIC_RELEASE);
}

/* The id of root's portals for a program's instance: who calls one. */
static inline uint64_t portal_id(const struct program *p)
{
    return (uint64_t)p->instance << 32 | program_index(p);
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
