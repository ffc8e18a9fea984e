/*
 * Address spaces of protection domains and VMs: their tables, in one of two formats,
 * and who has them loaded.
 *
 * Entries of upper levels allow everything, the last one decides. An entry that points to a table
 * counts, in bits that the processor ignores, how many entries of that table are used; a table
 * whose last entry goes is taken out at once. What is mapped is recorded in `mappings`
 * (mapping.h), and nothing is mapped without a record.
 *
 * Accessed and dirty are set from the start, so the processor writes to no table, but in a VM to
 * entries of the last level whose dirty bit was cleared (space_watch). It changes that one bit, as
 * an atomic operation; whoever changes such an entry, other than to make it empty, does likewise.
 */
#pragma once

#include "address_space.h"
#include "mem.h"

struct pool;

#define SPACE_END   0x00007ffffffff000ull /* first address that no program can have mapped */
#define SPACE_PAGES 512u                  /* at most so many pages in one record */
#define SPACE_NEEDS 6u                    /* tables that one record can lack, at most */

/*
 * Where the entries of some pages are, all in one table, so that they need not be looked for again.
 * They stay there while one of them is used.
 */
struct spot {
    uint64_t *entry; /* of the first page; NULL: not known, or they are in two tables */
    uint64_t *above; /* the entry that points to their table */
};

#define MAPPING_RIGHTS (MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE)

/* How entries are written: as page tables, which are those of nested paging too, or as EPT. */
struct space_format {
    uint64_t rights[MAPPING_RIGHTS + 1]; /* of a page with these MEM_RIGHT_*; 0: there is none */
    uint64_t types[MEM_UNCACHED + 1];    /* and of this memory type */
    uint64_t table;                      /* of an entry that points to a table */
    uint64_t dirty;                      /* the page was written */
};

extern const struct space_format space_pages, space_ept;

#define NO_REGION UINT64_MAX

struct space {
    uint64_t *root;    /* top table, in the frame map; constant, as is what follows */
    uint64_t cr3;      /* its physical address */
    struct pool *pool; /* pays for tables and records */
    uint64_t levels;   /* page sizes that there are: 2, or 3 with 1 GiB */
    uint64_t rights;   /* of a page, as a number, at most this */
    const struct space_format *format;
    uint64_t cpus;        /* bit n: CPU n has had it loaded. Atomic */
    struct trie mappings; /* by page number; under lock, as are the tables */
    void *spare;          /* list of frames for the tables that a call is about to make */
    struct lock lock;     /* taken after a MEM's, before a pool's */
    bool dying;           /* under lock, never goes back: nothing is mapped, nobody loads it */
    uint64_t *ports[2];   /* I/O permission bitmap, in the frame map; NULL: no ports (ports.h) */
    struct spot last;     /* entry 0 of the last-level table found last, under lock */
    uint64_t last_region; /* for addresses in this one: address / level_bytes(1), or NO_REGION */
    struct tag tags[BOOT_MAX_CPUS]; /* shoot.h */
};

/* Page sizes: level 0, 1 and 2 are 4 KiB, 2 MiB and 1 GiB. */
static inline uint64_t level_bytes(unsigned level)
{
    return FRAME_SIZE << 9 * level;
}

/* What maps a page of a level, with rights that there are. */
static inline uint64_t space_entry(const struct space *space, uint64_t frame, unsigned level,
                                   uint64_t rights, enum mem_type type)
{
    const struct space_format *format = space->format;

    return frame | format->rights[rights] | format->types[type] | (level ? PAGE_LARGE : 0);
}

/* A new space with the kernel's half of kernel_root; false: the pool lacks one frame. */
__attribute__((warn_unused_result)) bool space_init(struct space *space, struct pool *pool,
                                                    const uint64_t *kernel_root);

/* The guest-physical space of a VM, with that many page sizes. */
__attribute__((warn_unused_result)) bool space_init_guest(struct space *space, struct pool *pool,
                                                          const struct space_format *format,
                                                          unsigned levels);

/*
 * Ends a space that mapping_die_step has emptied. No CPU begins to load it any more (its ECs are
 * gone, and with them every pointer to it); those that still have it loaded leave it.
 */
void space_end(struct space *space, uint32_t cpu);

#define SPACE_ENTRIES 512u

/* In the entry that points to a table: how many entries of the table are used. */
#define COUNT_ONE (1ull << 52)
#define COUNT     (0x3ffull << 52)

#define SPACE_TAKEN UINT32_MAX

/*
 * How many tables are missing to map count pages of a level at address, a valid range: so many
 * frames must be in the space's list for space_fill, which then cannot fail. SPACE_TAKEN:
 * something is mapped in the range. The lock is held for all of these. The first page gets
 * `entry`, the others follow. The spot is found by space_missing, or else by space_fill, and kept
 * for space_clear.
 */
unsigned space_missing(struct space *space, uint64_t address, uint32_t count, unsigned level,
                       struct spot *spot);
void space_fill(struct space *space, uint64_t address, uint32_t count, unsigned level,
                uint64_t entry, struct spot *spot);

/* Is one of count entries of one table used? */
static inline bool spot_used(struct spot spot, uint32_t count)
{
    do
        if (*spot.entry++)
            return true;
    while (--count);
    return false;
}

/* The same, with a short way into the table that was found last. */
static inline unsigned space_find(struct space *space, uint64_t address, uint32_t count,
                                  unsigned level, struct spot *spot)
{
    uint64_t first = address / FRAME_SIZE % SPACE_ENTRIES;

    if (level || address / level_bytes(1) != space->last_region || first + count > SPACE_ENTRIES)
        return space_missing(space, address, count, level, spot);
    *spot = (struct spot){space->last.entry + first, space->last.above};
    return spot_used(*spot, count) ? SPACE_TAKEN : 0;
}

/* Fills count entries of one table, the first of them with entry. */
static inline void spot_fill(struct spot spot, uint32_t count, unsigned level, uint64_t entry)
{
    __atomic_store_n(spot.above, *spot.above + count * COUNT_ONE, __ATOMIC_RELAXED);
    do {
        __atomic_store_n(spot.entry++, entry, __ATOMIC_RELAXED);
        entry += level_bytes(level);
    } while (--count);
}

/*
 * Takes count pages out, and tables that come free to this CPU's batch (shoot.h). The caller adds
 * the pages to it under the same lock.
 */
void space_clear(struct space *space, uint64_t address, uint32_t count, unsigned level);

/* The short way, if their spot is known and their table stays. False: nothing has changed. */
static inline bool spot_clear(struct spot spot, uint32_t count)
{
    uint64_t left = spot.entry ? *spot.above - count * COUNT_ONE : 0;

    if (!(left & COUNT))
        return false;
    for (uint32_t i = 0; i < count; i++)
        __atomic_store_n(&spot.entry[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(spot.above, left, __ATOMIC_RELAXED);
    return true;
}

/*
 * Makes of one larger page 512 of a level (0 or 1); the table for them is in the space's list.
 * Their spot is found.
 */
void space_split(struct space *space, uint64_t address, unsigned level, struct spot *spot,
                 uint32_t cpu);

#define SPACE_WATCH_WORDS (SPACE_PAGES / 64)

enum space_watch {
    WATCH_DIRTY,   /* tells which pages were written since the last time, or mapped or split */
    WATCH_PROTECT, /* takes the right to write away from pages that have it */
    WATCH_RESTORE, /* and gives it back to those */
};

/*
 * Does that for count pages of a level at an address of a VM, whose entries are in one table; what
 * is not mapped in pages of that size is left alone. Bit n of changed: page n was; the others keep
 * their values. When the batch has been flushed no CPU uses what was there before. The lock is
 * held.
 */
void space_watch(struct space *space, uint64_t address, uint32_t count, unsigned level,
                 enum space_watch what, uint64_t changed[SPACE_WATCH_WORDS], uint32_t cpu);

/* Loads the space on this CPU. */
static inline void space_load(struct space *space, uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    __atomic_store_n(&self->current, space, __ATOMIC_RELEASE);
    if (shoot_others)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t generation = __atomic_load_n(&space->tags[cpu].generation, __ATOMIC_RELAXED);
    if ((generation & ~TAG_PORTS) == self->generation)
        shoot_cr3_load(space->tags[cpu].cr3);
    else
        space_load_new(space, cpu);
    __atomic_store_n(&self->loaded, self->current, __ATOMIC_RELEASE);
}
