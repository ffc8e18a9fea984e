/*
 * What the processors keep of the page tables, and how they forget it: TLB shoot-down in batches,
 * and the 12-bit tags (PCIDs) that keep the translations of several address spaces apart.
 *
 * A step that takes something out of a page table adds what it took to its CPU's batch while it
 * holds the lock of the tables, and flushes the batch when it holds no lock. Its own CPU forgets
 * few pages at once, many with the flush. Only then are tables that came free given back to their
 * pools: until then a processor may still walk them. A batch begins with what is added first, and
 * does not last over a preemption point.
 *
 * Between the two, another CPU may find that a mapping is gone of which a third still has the
 * translation. So a call that relies on something being unmapped ends with shoot_settle, which
 * waits until every batch that was open on another CPU is flushed. Whoever waits serves the
 * requests of others meanwhile, and waits without a lock.
 *
 * Tags. Each CPU hands out its own: space->tags[cpu] is a value for CR3, with a PCID, and the
 * generation in which it is good, 0 for none. A CPU uses a space's tag only while its generation is
 * the CPU's; a new one is loaded in such a way that the CPU forgets what it had under it. So a
 * remote CPU that does not run the space needs no interrupt: it loses its tag. Without PCIDs there
 * is one generation, and every change of CR3 forgets. PCID 0 belongs to the kernel's own tables,
 * which map nothing for users.
 *
 * A VM's space is never loaded in this way; its guests run on top of what is loaded. Its tags are
 * numbers (guest.h), 0 again for none: the CPU has to forget the guest's translations before it
 * enters one. A CPU whose `guest` names the VM may be in there, and is interrupted.
 */
#pragma once

#include "boot_info.h"
#include "chain.h"

struct part;
struct pool;
struct space;

#define SHOOT_PAGES 32u /* more pages than these are not invalidated one by one */
#define SHOOT_KEEP                                                                \
    (1ull << 63) /* to CR3: keep what is known under this PCID (SDM 3A, 4.10.4.1) \
                  */
#define TAG_PCIDS 4096u

struct tag {
    uint64_t generation; /* and TAG_PORTS; cleared by others. Atomic */
    uint64_t cr3;
};

/* A domain with I/O ports: to enter it takes more than to load CR3 (ports.h). */
#define TAG_PORTS (1ull << 63)

struct shoot_cpu {
    /* Written by this CPU only. */
    struct space *current; /* whose tables CR3 has, or is about to have; NULL: the kernel's own */
    struct space *loaded;  /* the same, but changed behind CR3, not before it */
    struct space *guest;   /* of the VM whose guest it runs or is about to run; NULL: none */
    uint64_t generation;
    uint64_t plain; /* the same, or TAG_PORTS: it takes more to leave what is loaded */
    uint32_t pcid;  /* handed out last */
    bool pcids;
    /* The batch; between two of them all but the number is 0. */
    uint32_t count;      /* pages that this CPU has forgotten */
    uint64_t batch;      /* odd: it is open */
    uint64_t cpus;       /* others that must be asked */
    void *tables;        /* that came free, each with its pool (shoot_table) */
    struct chain *parts; /* that ended, by their origins, linked by next */
    bool wait;           /* until no CPU can hold a pointer to what has ended */
    bool kernel;         /* there are pages of the kernel's half */
    bool all;            /* pages are left that are forgotten with all others */
    bool long_way;       /* there is more to do than to end it */
    uint64_t served;     /* how many of `asked` it has */
    /* Written by others. */
    uint32_t everything; /* not 0: a requester wants global translations forgotten too */
    uint64_t asked;      /* how often a CPU wanted what this one knows of current forgotten */
} __attribute__((aligned(64)));

extern struct shoot_cpu shoot_cpus[BOOT_MAX_CPUS];

/* More than one CPU has started. Does not change once programs run. */
extern bool shoot_others;

/* Supplied by the kernel. */
uint32_t shoot_this_cpu(void);
void shoot_cr3_load(uint64_t value);
void shoot_everything_invalidate(void); /* all translations, global ones too */
void cpu_interrupt(uint32_t cpu);       /* VECTOR_WAKE: makes that CPU call shoot_serve soon */
void shoot_pause(void);                 /* between two looks at what another CPU does */
void space_left(void);                  /* current is NULL now: no I/O port is open */

/* Unit tests have a model of it. */
#ifdef SHOOT_MODEL
void shoot_page_invalidate(uint64_t address);
#else
static inline void shoot_page_invalidate(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}
#endif

/* To be called for each CPU, before any of them loads a space, with kernel_root loaded. */
void shoot_start(uint32_t cpu, uint64_t kernel_root, bool pcid);

/*
 * Adds pages of a space whose entries have been cleared, under its lock: each run of pages in turn
 * to shoot_pages, if this CPU has the space, then the space. And a page that left the frame map.
 */
void shoot_space(uint32_t cpu, struct space *space);
void shoot_add_kernel(uint64_t address);

/* Forgets pages here: now if there are few, otherwise all with the flush. */
static inline void shoot_pages(uint32_t cpu, uint64_t address, uint32_t count, uint64_t bytes)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    if (count > SHOOT_PAGES - self->count) {
        self->count = SHOOT_PAGES;
        self->all = self->long_way = true;
        return;
    }
    self->count += count;
    for (; count > 0; count--, address += bytes)
        shoot_page_invalidate(address);
}

/* A table, all zero, that nothing points to any more; goes back to pool after the flush. */
void shoot_table(struct pool *pool, uint64_t *table);

/* Something ended that another CPU may hold a pointer to: the flush waits until none does. */
void shoot_await(void);

/* It is a part, which goes back to its pool then. Under the lock of its chain. */
void shoot_part(struct part *part);

/*
 * If this CPU has a batch open: makes every CPU forget what was added, then gives back what came
 * free. No lock is held. True: it was to wait, so that no CPU can hold a pointer to a part that
 * ended, and has opened interrupts meanwhile; the caller must look up everything again.
 */
bool shoot_close(uint32_t cpu);

static inline bool shoot_flush(uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    if (self->batch % 2 == 0)
        return false;
    if (self->long_way)
        return shoot_close(cpu);
    self->count = 0;
    __atomic_store_n(&self->batch, self->batch + 1, __ATOMIC_RELEASE);
    return false;
}

/* Waits until the batches are flushed that other CPUs have open. No lock, no batch of its own. */
void shoot_wait(uint32_t cpu);

static inline void shoot_settle(uint32_t cpu)
{
    if (shoot_others)
        shoot_wait(cpu);
}

/* Does what other CPUs have asked this one for: in the interrupt handler and in every wait. */
void shoot_serve(uint32_t cpu);

/*
 * The long way of space_load: gives the space a new tag, so that this CPU forgets all it knows of
 * it. Loads the kernel's own tables in place of a dying one.
 */
void space_load_new(struct space *space, uint32_t cpu);

/* The kernel's own tables. */
void space_leave(uint32_t cpu);

/*
 * When may an object's memory be used for something else? Lookups take no lock and no reference: a
 * pointer is good until the CPU that looked it up leaves the kernel or opens interrupts. So memory
 * is given back once every other CPU has done that after the last slot was emptied.
 */

/*
 * Waits for that, opening interrupts between looks. The caller itself counts as having no pointers:
 * it may go on using only what is its own to destroy.
 */
void quiesce(void);

/* This CPU holds no pointers now: in the wake-up interrupt, which comes only where that is so. */
void quiesce_note(void);
