/*
 * Tables of address spaces. An entry is one word, so the processor never sees half of one.
 */
#include "space.h"

#include "boot.h"

#define ENTRIES     SPACE_ENTRIES
#define ROOT_LEVEL  3u
#define KERNEL_HALF 256u

/* In the entry of a page that cannot be written only because it is watched. Ignored by processors.
 */
#define PAGE_PROTECTED (1ull << 52)

#define READ    MEM_RIGHT_READ
#define WRITE   MEM_RIGHT_WRITE
#define EXECUTE MEM_RIGHT_EXECUTE

#define PAGE (PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY)

/* Memory types are entries of the PAT, in bits 3 and 4. */
const struct space_format space_pages = {
    .rights = {[READ] = PAGE | PAGE_NX,
               [READ | WRITE] = PAGE | PAGE_WRITE | PAGE_NX,
               [READ | EXECUTE] = PAGE,
               [READ | WRITE | EXECUTE] = PAGE | PAGE_WRITE},
    .types = {[MEM_WRITE_COMBINING] = MEM_WRITE_COMBINING << 3, [MEM_UNCACHED] = MEM_UNCACHED << 3},
    .table = PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_ACCESSED,
    .dirty = PAGE_DIRTY,
};

#define EPT (EPT_READ | EPT_ACCESSED | EPT_DIRTY)

/* Memory types are those of MTRRs (SDM 3A, table 12-8). */
const struct space_format space_ept = {
    .rights = {[READ] = EPT,
               [READ | WRITE] = EPT | EPT_WRITE,
               [READ | EXECUTE] = EPT | EPT_EXECUTE,
               [READ | WRITE | EXECUTE] = EPT | EPT_WRITE | EPT_EXECUTE},
    .types = {[MEM_WRITE_BACK] = 6 << EPT_TYPE_SHIFT, [MEM_WRITE_COMBINING] = 1 << EPT_TYPE_SHIFT},
    .table = EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_ACCESSED,
    .dirty = EPT_DIRTY,
};

static uint32_t table_index(uint64_t address, unsigned level)
{
    return (uint32_t)(address >> (12 + 9 * level)) % ENTRIES;
}

/* How many of count pages have their entries in the same table as the first of them. */
static inline uint32_t count_here(uint64_t address, uint32_t count, unsigned level)
{
    uint32_t room = ENTRIES - table_index(address, level);

    return count < room ? count : room;
}

static uint64_t *table_below(uint64_t entry)
{
    return (uint64_t *)(FRAME_BASE + (entry & PAGE_ADDRESS));
}

static void entry_set(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

bool space_init_guest(struct space *space, struct pool *pool, const struct space_format *format,
                      unsigned levels)
{
    space->root = pool_take_frame(pool);
    if (!space->root)
        return false;
    space->cr3 = (uint64_t)space->root - FRAME_BASE;
    space->pool = pool;
    space->last_region = NO_REGION;
    space->format = format;
    space->levels = levels;
    space->rights = MAPPING_RIGHTS; /* a guest's own tables say what of its memory is executed */
    return true;
}

bool space_init(struct space *space, struct pool *pool, const uint64_t *kernel_root)
{
    if (!space_init_guest(space, pool, &space_pages, boot_handoff.space_levels))
        return false;
    space->rights = READ | EXECUTE; /* the greatest without that to write and to execute */
    for (unsigned i = KERNEL_HALF; i < ENTRIES; i++)
        space->root[i] = kernel_root[i];
    return true;
}

void space_end(struct space *space, uint32_t cpu)
{
    if (shoot_cpus[cpu].current == space)
        space_leave(cpu);
    if (shoot_cpus[cpu].guest == space)
        __atomic_store_n(&shoot_cpus[cpu].guest, NULL, __ATOMIC_RELAXED);
    shoot_space(cpu, space); /* CPUs that have it loaded, or name it as their guest, leave it */
    shoot_flush(cpu);
    shoot_settle(cpu); /* others may not have flushed what they took from it */
    pool_give_frame(space->pool, space->root);
    for (unsigned i = 0; i < 2 && space->ports[i]; i++)
        pool_give_frame(space->pool, space->ports[i]);
}

/*
 * The entries on the way to the one for a page of a level; tables that are missing are made of the
 * frames that there are for that. Returns the level of the last entry: that, or one of which the
 * entry is empty or a larger page.
 */
static unsigned way_find(struct space *space, uint64_t address, unsigned level,
                         uint64_t *way[ROOT_LEVEL + 1])
{
    uint64_t *table = space->root;

    if (level >= ROOT_LEVEL) /* only levels 0 to 2 have pages (mapping.c checks it) */
        __builtin_unreachable();
    for (unsigned at = ROOT_LEVEL;; at--) {
        uint64_t *entry = way[at] = &table[table_index(address, at)];
        if (at == level)
            return at;
        if (!*entry && space->spare) {
            entry_set(entry,
                      ((uint64_t)frame_next(&space->spare) - FRAME_BASE) | space->format->table);
            if (at < ROOT_LEVEL) /* nothing points to the top table */
                entry_set(way[at + 1], *way[at + 1] + COUNT_ONE);
        }
        if (!*entry || *entry & PAGE_LARGE)
            return at;
        table = table_below(*entry);
    }
}

/*
 * Tables missing on the way down to the one that has the entries of count pages, which are all in
 * one table; SPACE_TAKEN: one of them is mapped. If none is missing, *spot is the first entry.
 */
static inline unsigned way_missing(struct space *space, uint64_t address, uint32_t count,
                                   unsigned level, struct spot *spot)
{
    uint64_t *way[ROOT_LEVEL + 1];
    unsigned at = way_find(space, address, level, way);

    if (at > level)
        return *way[at] ? SPACE_TAKEN : at - level;
    *spot = (struct spot){way[level], way[level + 1]};
    return spot_used(*spot, count) ? SPACE_TAKEN : 0;
}

unsigned space_missing(struct space *space, uint64_t address, uint32_t count, unsigned level,
                       struct spot *spot)
{
    uint32_t here = count_here(address, count, level);
    uint64_t next = address + here * level_bytes(level), differ = address ^ next;

    spot->entry = NULL;
    unsigned missing = way_missing(space, address, here, level, spot);
    if (!missing && !level) {
        space->last = (struct spot){spot->entry - table_index(address, 0), spot->above};
        space->last_region = address / level_bytes(1);
    }
    if (here == count || missing == SPACE_TAKEN)
        return missing;
    unsigned more = way_missing(space, next, count - here, level, spot);
    if (more == SPACE_TAKEN)
        return more;
    /* Of those on the way to the second table, the upper ones may be the same as for the first. */
    for (unsigned at = level; at < level + more && differ >= level_bytes(at + 1); at++)
        missing++;
    spot->entry = NULL;
    return missing;
}

void space_fill(struct space *space, uint64_t address, uint32_t count, unsigned level,
                uint64_t entry, struct spot *spot)
{
    uint32_t here = count_here(address, count, level);
    uint64_t size = here * level_bytes(level), *way[ROOT_LEVEL + 1];

    if (way_find(space, address, level, way) != level)
        __builtin_unreachable();
    *spot = (struct spot){way[level], way[level + 1]};
    spot_fill(*spot, here, level, entry);
    if (here == count)
        return;
    if (way_find(space, address + size, level, way) != level)
        __builtin_unreachable();
    spot_fill((struct spot){way[level], way[level + 1]}, count - here, level, entry + size);
    spot->entry = NULL;
}

/*
 * Clears pages that are in one table, the first of them at address, and then the entries that point
 * to tables of which nothing is used any more.
 */
static void table_clear(struct space *space, uint64_t address, uint32_t count, unsigned level)
{
    uint64_t *way[ROOT_LEVEL + 1];

    if (way_find(space, address, level, way) != level)
        __builtin_unreachable();
    while (!spot_clear((struct spot){way[level], way[level + 1]}, count)) {
        uint64_t *entry = way[level];
        for (uint32_t i = 0; i < count; i++)
            entry_set(&entry[i], 0);
        space->last_region = NO_REGION;
        shoot_table(space->pool, (uint64_t *)((uint64_t)entry & ~(FRAME_SIZE - 1)));
        count = 1;
        if (++level == ROOT_LEVEL) {
            entry_set(way[level], 0);
            return;
        }
    }
}

void space_clear(struct space *space, uint64_t address, uint32_t count, unsigned level)
{
    uint32_t here = count_here(address, count, level);

    table_clear(space, address, here, level);
    if (here < count)
        table_clear(space, address + here * level_bytes(level), count - here, level);
}

/*
 * A guest may write to the page meanwhile, and the processor mark that in an entry that goes away
 * just then: so all that comes of a page counts as written.
 */
void space_split(struct space *space, uint64_t address, unsigned level, struct spot *spot,
                 uint32_t cpu)
{
    uint64_t *way[ROOT_LEVEL + 1], *below = frame_next(&space->spare);

    if (level >= ROOT_LEVEL || way_find(space, address, level + 1, way) != level + 1)
        __builtin_unreachable();
    uint64_t *entry = way[level + 1];
    uint64_t page = *entry | space->format->dirty;
    if (!level)
        page &= ~PAGE_LARGE;
    for (unsigned i = 0; i < ENTRIES; i++, page += level_bytes(level))
        below[i] = page;
    __atomic_store_n(entry,
                     ((uint64_t)below - FRAME_BASE) | space->format->table | ENTRIES * COUNT_ONE,
                     __ATOMIC_RELEASE);
    *spot = (struct spot){below, entry};
    if (shoot_cpus[cpu].current == space)
        shoot_pages(cpu, address, 1, level_bytes(level + 1));
    shoot_space(cpu, space);
}

/* A page of the size whose entry has the bits of `when` gets those of `flip` changed. */
void space_watch(struct space *space, uint64_t address, uint32_t count, unsigned level,
                 enum space_watch what, uint64_t changed[SPACE_WATCH_WORDS], uint32_t cpu)
{
    uint64_t dirty = space->format->dirty;
    const uint64_t when[] = {
        [WATCH_DIRTY] = dirty, [WATCH_PROTECT] = PAGE_WRITE, [WATCH_RESTORE] = PAGE_PROTECTED};
    uint64_t has = when[what] | (level ? PAGE_LARGE : 0);
    uint64_t flip = what == WATCH_DIRTY ? dirty : PAGE_WRITE | PAGE_PROTECTED;
    uint64_t *way[ROOT_LEVEL + 1];
    bool any = false, there = way_find(space, address, level, way) == level;

    for (uint32_t i = 0; there && i < count; i++) {
        uint64_t *entry = &way[level][i];
        if ((__atomic_load_n(entry, __ATOMIC_RELAXED) & has) != has)
            continue;
        __atomic_fetch_xor(entry, flip, __ATOMIC_RELAXED);
        changed[i / 64] |= 1ull << i % 64;
        any = true;
    }
    if (any)
        shoot_space(cpu, space);
}
