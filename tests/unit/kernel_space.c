/*
 * Page tables of spaces: every entry against a reference, the counts in the entries that point to
 * tables, what is missing before and what is left after.
 */
#include <string.h>

#include "kernel_quiet.h"
#include "kernel_world.h"
#include "tap.h"

#define POOL_FRAMES 200u
#define WINDOW      0x0000007fffe00000ull /* ends of tables of all levels are near */

static struct space space;
static struct pool *pool;
static uint64_t kernel_root[512];

static void space_open(void)
{
    memset(&space, 0, sizeof(space));
    pool = world_pool(0, POOL_FRAMES);
    for (unsigned i = 0; i < 512; i++)
        kernel_root[i] = i << 12 | 1;
    if (!space_init(&space, pool, kernel_root))
        abort();
}

static void clear(uint64_t address, uint32_t count, unsigned level)
{
    space_clear(&space, address, count, level);
    shoot_space(0, &space);
    shoot_flush(0);
}

static uint64_t page_entry(uint64_t frame, unsigned level, uint64_t flags)
{
    return frame | flags | PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY |
           (level ? PAGE_LARGE : 0);
}

static unsigned missing_at(uint64_t address, uint32_t count, unsigned level)
{
    struct spot spot;

    return space_missing(&space, address, count, level, &spot);
}

/* Fills with exactly the frames that are said to be missing. */
static bool fill(uint64_t address, uint64_t frame, uint32_t count, unsigned level, uint64_t flags)
{
    struct spot spot;
    uint64_t missing = space_missing(&space, address, count, level, &spot);
    uint64_t free = pool->free_frames;

    if (missing > SPACE_NEEDS || pool_take_frames(pool, missing, &space.spare))
        return false;
    space_fill(&space, address, count, level, page_entry(frame, level, flags), &spot);
    return pool->free_frames == free - missing && !space.spare;
}

/* In each table below the root as many entries are used as the entry that points to it says. */
static bool counts_right(const uint64_t *root)
{
    struct {
        const uint64_t *table;
        uint64_t count;
        unsigned used, at; /* at: the next entry */
    } way[4] = {[3] = {.table = root}};
    unsigned level = 3;

    while (way[3].at < 256) {
        if (way[level].at == 512) {
            if (!way[level].used || way[level].used != way[level].count)
                return false;
            level++;
            continue;
        }
        uint64_t entry = way[level].table[way[level].at++];
        way[level].used += entry != 0;
        if (!entry || level == 0 || entry & (1u << 7))
            continue;
        level--;
        way[level].table = (const uint64_t *)(entry & PAGE_ADDRESS);
        way[level].count = entry >> 52 & 1023;
        way[level].used = way[level].at = 0;
    }
    return true;
}

static void test_new(void)
{
    space_open();
    bool lower = true, upper = true;
    for (unsigned i = 0; i < 256; i++) {
        lower = lower && !space.root[i];
        upper = upper && space.root[256 + i] == kernel_root[256 + i];
    }
    ok(lower, "a new space maps nothing for users");
    ok(upper, "and has the kernel's half");
    is_u64(space.cr3, (uint64_t)space.root, "CR3 is the root's physical address");
    void *rest = pool_drain(pool, 0);
    struct space other = {0};
    ok(!space_init(&other, pool, kernel_root), "no space without a frame");
    pool_refill(pool, rest);
    space_end(&space, 0);
    is_u64(pool->free_frames, POOL_FRAMES, "its root goes back");
}

static void test_entries(void)
{
    static const struct {
        uint64_t address, count, level, missing;
    } cases[] = {
        {0x400000, 1, 0, 3},
        {0x400000, 512, 0, 3},
        {0x5ff000, 2, 0, 4},     /* two page tables */
        {0x3ffff000, 2, 0, 5},   /* and two directories */
        {0x7ffffff000, 2, 0, 6}, /* and two tables above */
        {0x40000000, 1, 1, 2},
        {0x3fe00000, 2, 1, 3},
        {0x7fffe00000, 2, 1, 4},
        {0x40000000, 1, 2, 1},
        {0x7fc0000000, 2, 2, 2},
        {0, 512, 2, 1},
        {SPACE_END - FRAME_SIZE, 1, 0, 3},
        {WINDOW, 512, 0, 3},
        {WINDOW + 0x1000, 512, 0, 6},
        {0x201000, 512, 0, 4},
        {0x40200000, 512, 1, 3},
    };

    space_open();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t address = cases[i].address, bytes = level_bytes((unsigned)cases[i].level);
        uint32_t count = (uint32_t)cases[i].count;
        unsigned level = (unsigned)cases[i].level;
        bool right = true;

        is_u64(missing_at(address, count, level), cases[i].missing,
               "%u pages of level %u at 0x%lx lack that many tables", count, level, address);
        ok(fill(address, 0x40000000, count, level, PAGE_WRITE | PAGE_NX), "they are mapped");
        is_u64(missing_at(address, count, level), SPACE_TAKEN, "the range is taken then");
        for (uint32_t page = 0; page < count; page++) {
            unsigned found;
            uint64_t entry = world_walk(&space, address + page * bytes, &found);
            right = right && found == level &&
                    entry == ((0x40000000 + page * bytes) | PAGE_WRITE | PAGE_NX | PAGE_PRESENT |
                              PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY | (level ? 1u << 7 : 0));
        }
        ok(right, "with these entries");
        ok(counts_right(space.root), "the counts are right");
        clear(address, count, level);
        is_u64(pool->free_frames, POOL_FRAMES - 1, "all tables go back when they are unmapped");
    }
}

static void test_missing_partly(void)
{
    space_open();
    ok(fill(0x300000, 0x1000, 1, 0, 0), "a page");
    is_u64(missing_at(0x3ff000, 2, 0), 1, "the next table only");
    is_u64(missing_at(0x301000, 512, 0), 1, "the first table is there");
    is_u64(missing_at(0x1ff000, 2, 0), 1, "the last table is there");
    is_u64(missing_at(0x3ffff000, 2, 0), 3, "upper tables are there for the first half");
    is_u64(missing_at(0x8000000000, 1, 0), 3, "none is there in the next 512 GiB");
    is_u64(missing_at(0x2ff000, 2, 0), SPACE_TAKEN, "its own place is taken");
    is_u64(missing_at(0x1ff000, 512, 0), SPACE_TAKEN, "as the second part of a range");
    is_u64(missing_at(0x300000, 500, 0), SPACE_TAKEN, "and as the first");
    is_u64(missing_at(0x200000, 1, 1), SPACE_TAKEN, "and for a large page");
    is_u64(missing_at(0x301000, 255, 0), 0, "nothing is missing behind it");
    clear(0x300000, 1, 0);
    ok(fill(0x40000000, 0x40000000, 1, 1, 0), "a large page");
    is_u64(missing_at(0x40001000, 1, 0), SPACE_TAKEN, "takes the place of small ones");
    is_u64(missing_at(0x40000000, 1, 2), SPACE_TAKEN, "and of a larger one");
    clear(0x40000000, 1, 1);
}

static void test_split(void)
{
    for (unsigned level = 1; level <= 2; level++) {
        struct spot spot;
        unsigned found;
        bool right = true;
        uint64_t bytes = level_bytes(level - 1);

        space_open();
        ok(fill(0x40000000, 0x80000000, 1, level, 3ull << 3), "a large page");
        ok(!pool_take_frames(pool, 1, &space.spare), "a frame for its table");
        space_split(&space, 0x40000000, level - 1, &spot, 0);
        shoot_flush(0);
        for (unsigned i = 0; i < 512; i++) {
            uint64_t entry = world_walk(&space, 0x40000000 + i * bytes, &found);
            right = right && found == level - 1 &&
                    entry == ((0x80000000 + i * bytes) | 3 << 3 | PAGE_PRESENT | PAGE_USER |
                              PAGE_ACCESSED | PAGE_DIRTY | (level > 1 ? 1u << 7 : 0));
        }
        ok(*spot.above && spot.entry == (uint64_t *)(*spot.above & PAGE_ADDRESS),
           "the spot of the first");
        ok(right, "level %u splits into the same memory with the same flags", level);
        ok(counts_right(space.root), "the counts are right");
        clear(0x40000000, 512, level - 1);
        is_u64(pool->free_frames, POOL_FRAMES - 1, "all tables go back");
    }
}

/* Records at random places; the tables always say what the list of records says. */
#define RECORDS 24u
#define SLOTS   4096u /* pages of the window that records can be in */

static void test_random(void)
{
    static struct {
        uint64_t address;
        uint32_t count;
        unsigned level;
    } records[RECORDS];
    static uint64_t reference[SLOTS];
    unsigned wrong = 0, steps = 0, filled = 0;
    uint64_t base = WINDOW - SLOTS / 2 * FRAME_SIZE;

    space_open();
    memset(reference, 0, sizeof(reference));
    for (; steps < 4000; steps++) {
        unsigned r = world_random(RECORDS);
        if (records[r].count) {
            clear(records[r].address, records[r].count, records[r].level);
            uint64_t first = (records[r].address - base) / FRAME_SIZE;
            memset(&reference[first], 0,
                   records[r].count * sizeof(reference[0]) << 9 * records[r].level);
            records[r].count = 0;
        } else {
            unsigned level = world_random(4) == 0;
            uint32_t count = level ? 1 + world_random(3) : 1 + world_random(700) % 512;
            uint64_t first = world_random(SLOTS) & (level ? ~511u : ~0u),
                     pages = count << 9 * level;
            bool taken = first + pages > SLOTS;
            for (uint64_t i = first; !taken && i < first + pages; i++)
                taken = reference[i] != 0;
            if (taken) {
                wrong += first + pages <= SLOTS &&
                         missing_at(base + first * FRAME_SIZE, count, level) != SPACE_TAKEN;
                continue;
            }
            uint64_t frame = (1 + world_random(1000)) * level_bytes(1);
            wrong += !fill(base + first * FRAME_SIZE, frame, count, level, PAGE_NX);
            for (uint64_t i = 0; i < pages; i++)
                reference[first + i] = frame + i * FRAME_SIZE;
            records[r].address = base + first * FRAME_SIZE;
            records[r].count = count;
            records[r].level = level;
            filled++;
        }
        wrong += !counts_right(space.root);
        for (unsigned i = 0; steps % 8 == 0 && i < SLOTS; i++)
            wrong += world_translate(&space, base + i * FRAME_SIZE) != reference[i];
    }
    is_u64(wrong, 0, "%u random steps, %u ranges: tables and counts are right", steps, filled);
    for (unsigned r = 0; r < RECORDS; r++)
        if (records[r].count)
            clear(records[r].address, records[r].count, records[r].level);
    is_u64(pool->free_frames, POOL_FRAMES - 1, "all tables go back");
}

int main(void)
{
    if (!arena_open(POOL_FRAMES + 1))
        return 1;
    shoot_start(0, 0, true);
    test_new();
    test_entries();
    test_missing_partly();
    test_split();
    test_random();
    return done_testing();
}
