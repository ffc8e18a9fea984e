/*
 * Page tables of address spaces. Accessed and dirty are set at once, so the processor never writes
 * to a table, and an entry is one word, so it never sees half of one.
 */
#include "space.h"

#include "pool.h"

#define ENTRIES     512u
#define ROOT_LEVEL  3u
#define KERNEL_HALF 256u

#define COUNT_SHIFT 52 /* entries that a table uses, in the entry that points to it */
#define COUNT_ONE   (1ull << COUNT_SHIFT)
#define COUNT       (0x3ffull << COUNT_SHIFT)

#define PAGE_LARGE  (1ull << 7) /* level 1 and 2: a page, not a table */
#define TABLE_FLAGS (PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_ACCESSED)

unsigned space_levels SEALED = 2;

/* Only levels 0 to 2 have pages (mapping.c checks it): says so to compilers and analysers. */
static inline void level_assume(unsigned level)
{
    if (level >= ROOT_LEVEL)
        __builtin_unreachable();
}

static uint32_t table_index(uint64_t address, unsigned level)
{
    return (uint32_t)(address >> (12 + 9 * level)) % ENTRIES;
}

static uint64_t *table_below(uint64_t entry)
{
    return (uint64_t *)(FRAME_BASE + (entry & PAGE_ADDRESS));
}

static void entry_set(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

bool space_init(struct space *space, struct pool *pool, const uint64_t *kernel_root)
{
    space->root = pool_take_frame(pool);
    if (!space->root)
        return false;
    space->cr3 = (uint64_t)space->root - FRAME_BASE;
    space->pool = pool;
    for (unsigned i = KERNEL_HALF; i < ENTRIES; i++)
        space->root[i] = kernel_root[i];
    return true;
}

void space_end(struct space *space, uint32_t cpu)
{
    struct shoot batch;

    if (shoot_cpus[cpu].current == space)
        space_leave(cpu);
    shoot_begin(&batch, cpu);
    shoot_add(&batch, space, 0, 1, FRAME_SIZE); /* CPUs that have it loaded find it dying */
    shoot_flush(&batch);
    shoot_settle(cpu); /* batches of others may hold records of it */
    pool_give_frame(space->pool, space->root);
}

/*
 * Tables missing on the way down to the one that has entries of level; if there are none, *spot is
 * the entry for address.
 */
static inline unsigned way_missing(const struct space *space, uint64_t address, unsigned level,
                                   struct spot *spot)
{
    uint64_t *table = space->root, *above = NULL;
    unsigned at = ROOT_LEVEL;

    for (; at > level; at--) {
        above = &table[table_index(address, at)];
        if (!*above)
            return at - level;
        table = table_below(*above);
    }
    *spot = (struct spot){&table[table_index(address, level)], above};
    return 0;
}

unsigned space_missing(const struct space *space, uint64_t address, uint32_t count, unsigned level,
                       struct spot *spot)
{
    level_assume(level);
    uint64_t differ = address ^ (address + (count - 1) * level_bytes(level));
    unsigned missing;

    spot->entry = NULL;
    missing = way_missing(space, address, level, spot);
    if (differ < level_bytes(level + 1)) /* all in one table */
        return missing;
    /* Of those on the way to the last page, the upper ones may be the same as for the first. */
    unsigned more = way_missing(space, address ^ differ, level, spot);
    for (unsigned at = level; at < level + more && differ >= level_bytes(at + 1); at++)
        missing++;
    spot->entry = NULL;
    return missing;
}

/* Fills count entries of one table. */
static inline void spot_fill(const struct spot *spot, uint32_t count, uint64_t value,
                             uint64_t bytes)
{
    for (uint32_t i = 0; i < count; i++, value += bytes)
        entry_set(&spot->entry[i], value);
    entry_set(spot->above, *spot->above + count * COUNT_ONE);
}

/* Finds the entry for address, making the tables that are missing. */
static struct spot spot_make(struct space *space, uint64_t address, unsigned level)
{
    uint64_t *above = NULL, *table = space->root; /* nothing points to that one */

    for (unsigned at = ROOT_LEVEL; at > level; at--) {
        uint64_t *entry = &table[table_index(address, at)];
        if (!*entry) {
            uint64_t below = (uint64_t)pool_take_reserved(space->pool) - FRAME_BASE;
            entry_set(entry, below | TABLE_FLAGS);
            if (at < ROOT_LEVEL)
                entry_set(above, *above + COUNT_ONE);
        }
        above = entry;
        table = table_below(*entry);
    }
    return (struct spot){&table[table_index(address, level)], above};
}

void space_fill(struct space *space, uint64_t address, hpa_t frame, uint32_t count, unsigned level,
                uint64_t flags, struct spot *spot)
{
    level_assume(level);
    uint64_t bytes = level_bytes(level);
    uint32_t room = ENTRIES - table_index(address, level), here = count < room ? count : room;

    flags |= PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY | (level ? PAGE_LARGE : 0);
    if (!spot->entry)
        *spot = spot_make(space, address, level);
    spot_fill(spot, here, frame.value | flags, bytes);
    if (here == count)
        return;
    *spot = spot_make(space, address + here * bytes, level);
    spot_fill(spot, count - here, (frame.value + here * bytes) | flags, bytes);
    spot->entry = NULL;
}

/* Clears pages that are in one table, the first of them at address. */
static void table_clear(struct space *space, uint64_t address, uint32_t count, unsigned level,
                        struct shoot *batch)
{
    uint64_t *way[ROOT_LEVEL + 1], *table = space->root;

    level_assume(level);
    for (unsigned at = ROOT_LEVEL; at > level; at--) {
        way[at] = &table[table_index(address, at)];
        table = table_below(*way[at]);
    }
    uint32_t first = table_index(address, level);
    for (uint32_t i = first; i < first + count; i++)
        entry_set(&table[i], 0);

    for (unsigned at = level + 1; at <= ROOT_LEVEL; at++, count = 1) {
        uint64_t entry = *way[at] - count * COUNT_ONE;
        if (entry & COUNT) {
            entry_set(way[at], entry);
            return;
        }
        entry_set(way[at], 0);
        shoot_table(batch, space->pool, table_below(entry));
    }
}

/* The long way: pages in one table or two, which may come free. */
static __attribute__((noinline)) void tables_clear(struct space *space, uint64_t address,
                                                   uint32_t count, unsigned level,
                                                   struct shoot *batch)
{
    uint32_t room = ENTRIES - table_index(address, level);
    uint32_t here = count < room ? count : room;

    table_clear(space, address, here, level, batch);
    if (here < count)
        table_clear(space, address + here * level_bytes(level), count - here, level, batch);
}

void space_clear(struct space *space, uint64_t address, uint32_t count, unsigned level,
                 const struct spot *spot, struct shoot *batch)
{
    uint64_t *entry = spot->entry, *above = spot->above;
    uint64_t left = entry ? *above - count * COUNT_ONE : 0;

    level_assume(level);
    if (left & COUNT) {
        for (uint32_t i = 0; i < count; i++)
            entry_set(&entry[i], 0);
        entry_set(above, left);
    } else {
        tables_clear(space, address, count, level, batch);
    }
    shoot_add(batch, space, address, count, level_bytes(level));
}

void space_split(struct space *space, uint64_t address, unsigned level, struct spot *spot,
                 struct shoot *batch)
{
    uint64_t *table = space->root, *below = pool_take_reserved(space->pool);

    level_assume(level);
    for (unsigned at = ROOT_LEVEL; at > level + 1; at--)
        table = table_below(table[table_index(address, at)]);

    uint64_t *entry = &table[table_index(address, level + 1)];
    uint64_t page = level ? *entry : *entry & ~PAGE_LARGE;
    for (unsigned i = 0; i < ENTRIES; i++, page += level_bytes(level))
        below[i] = page;
    __atomic_store_n(entry, ((uint64_t)below - FRAME_BASE) | TABLE_FLAGS | ENTRIES * COUNT_ONE,
                     __ATOMIC_RELEASE);
    *spot = (struct spot){below, entry};
    shoot_add(batch, space, address, 1, level_bytes(level + 1));
}
