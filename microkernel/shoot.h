/*
 * What the processors keep of the page tables, and how they forget it: TLB shoot-down in batches,
 * and the 12-bit tags (PCIDs) that keep the translations of several address spaces apart.
 *
 * A step that takes something out of a page table opens a batch, adds what it took while it holds
 * the lock of the tables, and flushes the batch when it holds no lock. Only then are table frames
 * and records that came free given back to their pools: until then a processor may still walk them.
 * A batch does not last over a preemption point; a CPU has at most one.
 *
 * Between the two, another CPU may find that a mapping is gone of which a third still has the
 * translation. So a call that relies on something being unmapped ends with shoot_settle, which
 * waits until every batch that was open on another CPU is flushed. Whoever waits serves the
 * requests of others meanwhile, and waits without a lock.
 *
 * Tags. Each CPU hands out its own: space->tags[cpu] is generation << 12 | PCID, 0 for none. A
 * CPU uses a space's tag only while its generation is the CPU's; a new one is loaded in such a way
 * that the CPU forgets what it had under it. So a remote CPU that does not run the space needs no
 * interrupt: it loses its tag. Without PCIDs the generation stays where no tag reaches it and every
 * change of CR3 forgets. PCID 0 belongs to the kernel's own tables, which map nothing for users.
 */
#ifndef CAIRN_SHOOT_H
#define CAIRN_SHOOT_H

#include "boot_info.h"
#include "chain.h"
#include "types.h"

struct pool;
struct space;

#define SHOOT_PAGES 32u /* more pages than these are not invalidated one by one */
#define SHOOT_KEEP                                                                \
    (1ull << 63) /* to CR3: keep what is known under this PCID (SDM 3A, 4.10.4.1) \
                  */
#define TAG_PCIDS 4096u
#define TAG_NONE  UINT64_MAX /* generation of a CPU without PCIDs */

struct shoot_cpu {
    /* Written by this CPU only. */
    struct space *current; /* whose tables CR3 has, or is about to have; NULL: the kernel's own */
    struct space *loaded;  /* the same, but changed behind CR3, not before it */
    uint64_t generation;
    uint64_t batch;     /* odd: it has an open batch */
    struct shoot *open; /* that batch */
    uint32_t tag;       /* the PCID handed out last */
    /* Written by others. */
    uint32_t everything; /* not 0: a requester wants global translations forgotten too */
    uint64_t requests;   /* bit n: CPU n wants this one to forget what it knows of current */
    uint64_t pending;    /* bit n: CPU n has not yet done so for this one */
} __attribute__((aligned(64)));

extern struct shoot_cpu shoot_cpus[BOOT_MAX_CPUS];

/* More than one CPU has started. Does not change once programs run. */
extern bool shoot_others;

struct shoot {
    uint32_t cpu;
    uint32_t count;       /* pages; more than SHOOT_PAGES: the whole space */
    bool kernel;          /* there are pages of the kernel's half */
    uint64_t cpus;        /* others that must be asked */
    void *tables;         /* that came free, each with its pool (shoot_table) */
    struct chain records; /* struct mapping that came free, by their nodes */
    struct chain mems;    /* struct mem that ended, by their origins */
    uint64_t pages[SHOOT_PAGES];
};

/* Supplied by the kernel. */
uint32_t shoot_this_cpu(void);
void shoot_cr3_load(uint64_t value);
void shoot_page_invalidate(uint64_t address); /* INVLPG */
void shoot_everything_invalidate(void);       /* all translations, global ones too */
void shoot_interrupt(uint32_t cpu);           /* makes that CPU call shoot_serve soon */
void shoot_pause(void);                       /* between two looks at what another CPU does */
void shoot_quiesce(void);                     /* quiesce.h */

/* To be called for each CPU, before any of them loads a space, with kernel_root loaded. */
void shoot_start(uint32_t cpu, uint64_t kernel_root, bool pcid);

void shoot_begin(struct shoot *batch, uint32_t cpu);

/*
 * Adds count pages of `bytes` bytes from address on, whose entries have been cleared, under the
 * space's lock; and a page that left the frame map.
 */
void shoot_add(struct shoot *batch, struct space *space, uint64_t address, uint32_t count,
               uint64_t bytes);
void shoot_add_kernel(struct shoot *batch, uint64_t address);

/* A table, all zero, that nothing points to any more; goes back to pool after the flush. */
void shoot_table(struct shoot *batch, struct pool *pool, uint64_t *table);

/*
 * Makes every CPU forget what was added, then gives back what came free. No lock is held. If MEMs
 * ended it waits until no CPU can hold a pointer to one, and opens interrupts meanwhile: the caller
 * must look up everything again.
 */
void shoot_flush(struct shoot *batch);

/* Waits until the batches are flushed that other CPUs have open. No lock, no batch of its own. */
void shoot_settle(uint32_t cpu);

/* Does what other CPUs have asked this one for: in the interrupt handler and in every wait. */
void shoot_serve(uint32_t cpu);

/*
 * The long way of space_load: gives the space a new tag, so that this CPU forgets all it knows of
 * it. Loads the kernel's own tables in place of a dying one.
 */
void space_load_new(struct space *space, uint32_t cpu);

/* The kernel's own tables. */
void space_leave(uint32_t cpu);

#endif
