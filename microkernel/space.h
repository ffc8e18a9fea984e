/*
 * Address spaces of protection domains: their page tables (SDM 3A, 4.5) and who has them loaded.
 *
 * Entries of upper levels allow everything, the last one decides. An entry that points to a table
 * counts, in bits that the processor ignores, how many entries of that table are used; a table
 * whose last entry goes is taken out at once. What is mapped is recorded in `mappings`
 * (mapping.h): no two records overlap, and nothing is mapped without one. So whether a range is
 * free is asked of the records, and the tables need no check.
 */
#ifndef CAIRN_SPACE_H
#define CAIRN_SPACE_H

#include "boot_info.h"
#include "layout.h"
#include "lock.h"
#include "paging.h"
#include "shoot.h"
#include "tree.h"
#include "types.h"

struct pool;

/* Where a frame of the kernel is reached; unit tests reach it at its own address. */
#ifndef FRAME_BASE
#define FRAME_BASE FRAME_MAP
#endif

#define SPACE_END   0x00007ffffffff000ull /* first address that no program can have mapped */
#define SPACE_PAGES 512u                  /* at most so many pages in one record */
#define SPACE_NEEDS 6u                    /* tables that one record can lack, at most */

struct space {
    uint64_t *root;       /* top table, in the frame map; constant, as are cr3 and pool */
    uint64_t cr3;         /* its physical address */
    struct pool *pool;    /* pays for tables and records */
    uint64_t cpus;        /* bit n: CPU n has had it loaded. Atomic */
    struct tree mappings; /* by address; under lock, as are the tables */
    struct lock lock;     /* taken after a MEM's, before a pool's */
    bool dying;           /* under lock, never goes back: nothing is mapped, nobody loads it */
    uint64_t *ports[2];   /* I/O permission bitmap, in the frame map; NULL: no ports (ports.h) */
    uint64_t tags[BOOT_MAX_CPUS]; /* shoot.h. Atomic */
};

/* Page sizes: level 0, 1 and 2 are 4 KiB, 2 MiB and 1 GiB. */
static inline uint64_t level_bytes(unsigned level)
{
    return FRAME_SIZE << 9 * level;
}

/* Page sizes that the processors have: 2, or 3 where they have 1 GiB pages. Set at boot. */
extern unsigned space_levels;

/* A new space with the kernel's half of kernel_root; false: the pool lacks one frame. */
__attribute__((warn_unused_result)) bool space_init(struct space *space, struct pool *pool,
                                                    const uint64_t *kernel_root);

/*
 * Ends a space that mapping_die_step has emptied. No CPU begins to load it any more (its ECs are
 * gone, and with them every pointer to it); those that still have it loaded leave it.
 */
void space_end(struct space *space, uint32_t cpu);

/*
 * Where the entries of some pages are, all in one table, so that they need not be looked for again.
 * They stay there while one of them is used.
 */
struct spot {
    uint64_t *entry; /* of the first page; NULL: not known, or they are in two tables */
    uint64_t *above; /* the entry that points to their table */
};

/*
 * How many tables are missing to map count pages of a level at address: so many frames must be
 * reserved in the space's pool for space_fill, which then cannot fail. The lock is held for all of
 * these. The range is valid and, for space_fill, free: every page of it gets flags. The spot is
 * found by space_missing, or else by space_fill, and kept for space_clear.
 */
unsigned space_missing(const struct space *space, uint64_t address, uint32_t count, unsigned level,
                       struct spot *spot);
void space_fill(struct space *space, uint64_t address, hpa_t frame, uint32_t count, unsigned level,
                uint64_t flags, struct spot *spot);

/* Takes count pages out and adds them, and tables that came free, to the batch. */
void space_clear(struct space *space, uint64_t address, uint32_t count, unsigned level,
                 const struct spot *spot, struct shoot *batch);

/*
 * Makes of one larger page 512 of a level (0 or 1); the table for them is reserved in the pool.
 * Their spot is found.
 */
void space_split(struct space *space, uint64_t address, unsigned level, struct spot *spot,
                 struct shoot *batch);

/* Loads the space on this CPU. */
static inline void space_load(struct space *space, uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    __atomic_store_n(&self->current, space, __ATOMIC_RELEASE);
    if (shoot_others)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t tag = __atomic_load_n(&space->tags[cpu], __ATOMIC_RELAXED);
    if (tag >> 12 == self->generation)
        shoot_cr3_load(space->cr3 | (tag & (TAG_PCIDS - 1)) | SHOOT_KEEP);
    else
        space_load_new(space, cpu);
    __atomic_store_n(&self->loaded, self->current, __ATOMIC_RELEASE);
}

#endif
