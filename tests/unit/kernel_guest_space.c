/*
 * Guest-physical spaces: every entry in both formats, rights, pages that are written or protected,
 * splitting; and that domains have none of it.
 */
#include <string.h>

#include "kernel_quiet.h"
#include "kernel_world.h"
#include "tap.h"

#define POOL_FRAMES 100u
#define PLACE       0x40000000ull
#define FRAME       0x80000000ull
#define READ        MEM_RIGHT_READ
#define WRITE       MEM_RIGHT_WRITE
#define EXECUTE     MEM_RIGHT_EXECUTE

static struct space space;
static struct pool *pool;
static struct mem mem;
static struct node slot;
static uint64_t changed[SPACE_WATCH_WORDS];

static void world_open(const struct space_format *format, enum mem_type type)
{
    memset(&space, 0, sizeof(space));
    memset(&mem, 0, sizeof(mem));
    memset(&slot, 0, sizeof(slot));
    pool = world_pool(0, POOL_FRAMES);
    mem_init(&mem, pool, FRAME, 4 * level_bytes(2), type);
    if (!slot_claim(&slot) || !space_init_guest(&space, pool, format, 3))
        abort();
    node_insert_first(&mem.object, &slot, MAPPING_RIGHTS);
}

static enum status map(uint64_t address, uint32_t count, unsigned level, uint64_t rights)
{
    struct map_request request = {
        .address = address, .count = count, .level = level, .rights = rights};
    uint64_t needs;

    return mapping_create(&space, &slot, slot.word, &request, 0, &needs);
}

static uint64_t entry_at(uint64_t address)
{
    unsigned level;

    return world_walk(&space, address, &level);
}

/* The entry of a page of 4 KiB, as the processor writes to it. */
static uint64_t *world_entry(uint64_t address)
{
    uint64_t *table = space.root;

    for (unsigned level = 3; level > 0 && table; level--)
        table = (uint64_t *)(table[address >> (12 + 9 * level) & 511] & PAGE_ADDRESS);
    return &table[address >> 12 & 511];
}

static unsigned watch(uint64_t address, uint32_t count, unsigned level, enum space_watch what)
{
    unsigned all = 0;

    memset(changed, 0, sizeof(changed));
    if (mapping_watch(&space, address, count, level, what, changed, 0) != STATUS_SUCCESS)
        return 1000;
    for (unsigned i = 0; i < SPACE_WATCH_WORDS; i++)
        all += (unsigned)__builtin_popcountll(changed[i]);
    return all;
}

static void test_entries(void)
{
    /* Bits of a page of 4 KiB, as the manuals have them. */
    static const struct {
        const struct space_format *format;
        const char *name;
        uint64_t rights, entry;
    } cases[] = {
        {&space_pages, "NPT", READ, 1ull << 63 | 0x65},
        {&space_pages, "NPT", READ | WRITE, 1ull << 63 | 0x67},
        {&space_pages, "NPT", READ | EXECUTE, 0x65},
        {&space_pages, "NPT", READ | WRITE | EXECUTE, 0x67},
        {&space_ept, "EPT", READ, 0x301},
        {&space_ept, "EPT", READ | WRITE, 0x303},
        {&space_ept, "EPT", READ | EXECUTE, 0x305},
        {&space_ept, "EPT", READ | WRITE | EXECUTE, 0x307},
    };
    static const struct {
        enum mem_type type;
        uint64_t npt, ept;
    } types[] = {{MEM_WRITE_BACK, 0, 6 << 3},
                 {MEM_WRITE_COMBINING, 1 << 3, 1 << 3},
                 {MEM_UNCACHED, 3 << 3, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (unsigned t = 0; t < 3; t++)
            for (unsigned level = 0; level < 3; level++) {
                bool ept = cases[i].format == &space_ept;
                world_open(cases[i].format, types[t].type);
                ok(map(PLACE, 1, level, cases[i].rights) == STATUS_SUCCESS &&
                       entry_at(PLACE) == (FRAME | cases[i].entry | (level ? 1u << 7 : 0) |
                                           (ept ? types[t].ept : types[t].npt)),
                   "%s: rights %lu, type %u, level %u", cases[i].name, cases[i].rights,
                   types[t].type, level);
                uint64_t top = space.root[0] & 0xfff;
                is_u64(top, ept ? 0x107 : 0x27, "what points to a table allows all");
            }
}

static void test_rights(const struct space_format *format)
{
    unsigned wrong = 0;

    world_open(format, MEM_WRITE_BACK);
    for (uint64_t rights = 0; rights < 64; rights++) {
        bool valid = rights & READ && !(rights & ~(uint64_t)MAPPING_RIGHTS);
        wrong += map(PLACE, 1, 0, rights) != (valid ? STATUS_SUCCESS : STATUS_BAD_PARAMETER);
        wrong += mapping_unmap(&space, PLACE, 0) != (valid ? STATUS_SUCCESS : STATUS_BAD_PARAMETER);
    }
    is_u64(wrong, 0, "rights are valid with that to read");
    space.levels = 2;
    is_u64(map(PLACE, 1, 2, READ), STATUS_BAD_PARAMETER, "no page size that there is not");
    is_u64(watch(PLACE, 1, 2, WATCH_DIRTY), 1000, "nor to ask for");
    is_u64(space.root[511], 0, "the kernel is not in there");
}

static void test_dirty(const struct space_format *format)
{
    world_open(format, MEM_WRITE_BACK);
    is_u64(watch(PLACE, 512, 0, WATCH_DIRTY), 0, "no table, no page");
    (void)!map(PLACE + 100 * FRAME_SIZE, 100, 0, READ | WRITE);
    uint64_t entry = entry_at(PLACE + 100 * FRAME_SIZE);
    is_u64(watch(PLACE, 512, 0, WATCH_DIRTY), 100, "all that was mapped");
    ok(!(changed[1] & ((1ull << 36) - 1)) && changed[1] >> 36 & 1 && changed[3] == 0xff,
       "these pages");
    is_u64(entry_at(PLACE + 100 * FRAME_SIZE), entry & ~format->dirty, "only that bit is cleared");
    is_u64(watch(PLACE, 512, 0, WATCH_DIRTY), 0, "then none");
    *world_entry(PLACE + 150 * FRAME_SIZE) |= format->dirty;
    is_u64(watch(PLACE + 100 * FRAME_SIZE, 50, 0, WATCH_DIRTY), 0,
           "one that is written is not told");
    is_u64(watch(PLACE + 101 * FRAME_SIZE, 50, 0, WATCH_DIRTY), 1, "but to whom it belongs to");
    is_u64(changed[0], 1ull << 49, "by its place in the range");
    is_u64(watch(PLACE, 512, 1, WATCH_DIRTY), 0, "a table is no page");
    (void)!mapping_unmap(&space, PLACE + 100 * FRAME_SIZE, 0);

    (void)!map(PLACE, 1, 1, READ | WRITE);
    is_u64(watch(PLACE, 512, 0, WATCH_DIRTY), 0, "a large page is none of the small ones");
    is_u64(watch(PLACE, 1, 1, WATCH_DIRTY), 1, "but a page");
    is_u64(mapping_split(&space, PLACE, 0), STATUS_SUCCESS, "it is split");
    is_u64(watch(PLACE, 512, 0, WATCH_DIRTY), 512, "and counts as written");
    (void)!mapping_unmap(&space, PLACE, 0);
    (void)!map(PLACE, 3, 2, READ | WRITE);
    is_u64(watch(PLACE, 3, 2, WATCH_DIRTY), 3, "pages of 1 GiB");
}

static void test_protect(const struct space_format *format)
{
    world_open(format, MEM_WRITE_BACK);
    (void)!map(PLACE, 4, 0, READ | WRITE | EXECUTE);
    (void)!map(PLACE + 4 * FRAME_SIZE, 4, 0, READ);
    uint64_t writable = entry_at(PLACE), readable = entry_at(PLACE + 4 * FRAME_SIZE);
    *world_entry(PLACE) &= ~format->dirty;
    is_u64(watch(PLACE, 2, 0, WATCH_RESTORE), 0, "nothing to give back");
    is_u64(watch(PLACE, 512, 0, WATCH_PROTECT), 4, "pages that can be written");
    is_u64(watch(PLACE, 512, 0, WATCH_PROTECT), 0, "once");
    is_u64(entry_at(PLACE), (writable & ~(PAGE_WRITE | format->dirty)) | 1ull << 52,
           "lose that right");
    is_u64(entry_at(PLACE + 4 * FRAME_SIZE), readable, "those that cannot stay as they are");
    is_u64(watch(PLACE + FRAME_SIZE, 511, 0, WATCH_RESTORE), 3, "they get it back");
    is_u64(entry_at(PLACE + FRAME_SIZE), writable + FRAME_SIZE, "as they were");
    ok(!(entry_at(PLACE) & PAGE_WRITE), "but those that were not named");
    is_u64(watch(PLACE, 1, 0, WATCH_DIRTY), 0, "what was written is not changed by it");
    is_u64(mapping_unmap(&space, PLACE, 0), STATUS_SUCCESS, "unmapped");
    (void)!map(PLACE, 4, 0, READ | WRITE);
    ok(entry_at(PLACE) & PAGE_WRITE && !(entry_at(PLACE) >> 52 & 1),
       "mapped anew it is not protected");
    (void)!mapping_unmap(&space, PLACE, 0);
    (void)!mapping_unmap(&space, PLACE + 4 * FRAME_SIZE, 0);

    (void)!map(PLACE, 1, 1, READ | WRITE);
    is_u64(watch(PLACE, 1, 1, WATCH_PROTECT), 1, "a large page");
    (void)!mapping_split(&space, PLACE, 0);
    is_u64(watch(PLACE, 512, 0, WATCH_RESTORE), 512, "stays so when it is split");
    (void)!mapping_unmap(&space, PLACE, 0);
    is_u64(pool->free_frames, POOL_FRAMES - 1, "all tables go back");
}

static void test_ranges(void)
{
    static const struct {
        uint64_t address;
        uint32_t count;
        uint64_t level;
    } bad[] = {{PLACE + 1, 1, 0},
               {PLACE + FRAME_SIZE, 1, 1},
               {PLACE, 0, 0},
               {PLACE, 513, 0},
               {PLACE + FRAME_SIZE, 512, 0},
               {PLACE - 2 * FRAME_SIZE, 3, 0},
               {SPACE_END, 1, 0},
               {SPACE_END - FRAME_SIZE, 2, 0},
               {0x00007fffffe00000, 1, 1},
               {1ull << 63, 1, 0},
               {PLACE, 1, 3},
               {PLACE, 1, UINT64_MAX}};
    unsigned wrong = 0;

    world_open(&space_pages, MEM_WRITE_BACK);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        wrong += mapping_watch(&space, bad[i].address, bad[i].count, bad[i].level, WATCH_DIRTY,
                               changed, 0) != STATUS_BAD_PARAMETER;
    is_u64(wrong, 0, "ranges that are none");
    is_u64(watch(SPACE_END - FRAME_SIZE, 1, 0, WATCH_DIRTY), 0, "the last page is one");
    is_u64(watch(0, 512, 0, WATCH_DIRTY), 0, "as are the first ones");
}

int main(void)
{
    if (!arena_open(POOL_FRAMES + 1))
        return 1;
    shoot_start(0, 0, true);
    test_entries();
    test_rights(&space_pages);
    test_rights(&space_ept);
    test_dirty(&space_pages);
    test_dirty(&space_ept);
    test_protect(&space_pages);
    test_protect(&space_ept);
    test_ranges();
    return done_testing();
}
