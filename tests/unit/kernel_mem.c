/*
 * MEM objects and mappings: every error with nothing changed, every allocation that can fail,
 * deposits in steps, and a random walk against a reference.
 */
#include <string.h>

#include "kernel_quiet.h"
#include "kernel_world.h"
#include "tap.h"

#define POOL_FRAMES 64u
#define RAM_FRAMES  1024u
#define RAM         (POOL_FRAMES + 448u) /* first frame of the memory that MEMs name: 2 MiB */
#define SPACES      3u
#define SLOTS       32u

#define EVERYTHING (MAPPING_RIGHTS | MEM_RIGHT_DIVIDE | RIGHT_DESTROY)

static struct pool *pool;
static struct space spaces[SPACES];
static struct mem ram;
static struct node slots[SLOTS]; /* slots[0]: the first capability of ram */
static uint64_t kernel_root[512], needs;
static uint64_t opened; /* free frames of the pool after world_open */

static void world_open(enum mem_type type)
{
    pool = world_pool(0, POOL_FRAMES);
    memset(&ram, 0, sizeof(ram));
    memset(slots, 0, sizeof(slots));
    memset(spaces, 0, sizeof(spaces));
    mem_init(&ram, pool, arena_frame(RAM), RAM_FRAMES * FRAME_SIZE, type);
    if (!slot_claim(&slots[0]))
        abort();
    node_insert_first(&ram.object, &slots[0], EVERYTHING);
    for (unsigned i = 0; i < SPACES; i++)
        if (!space_init(&spaces[i], pool, kernel_root))
            abort();
    opened = pool->free_frames;
    quiet_frames = 0;
}

static uint64_t ram_at(uint64_t offset)
{
    return ram.base + offset;
}

static enum status map(unsigned s, unsigned slot, uint64_t address, uint64_t offset, uint32_t count,
                       uint32_t level, uint32_t rights)
{
    struct map_request request = {address, offset, count, level, rights};

    return mapping_create(&spaces[s], &slots[slot], slots[slot].word, &request, 0, &needs);
}

static unsigned revoke(unsigned slot, unsigned budget, bool self)
{
    unsigned steps = 1;
    bool more = true;

    for (; more; steps++) {
        struct shoot batch;
        unsigned left = budget;
        shoot_begin(&batch, 0);
        more = slot_revoke_step(&slots[slot], &left, self);
        shoot_flush(&batch);
    }
    return steps;
}

static bool unchanged(void)
{
    bool same = pool->free_frames == opened && !pool->reserved_frames && !ram.mappings;

    for (unsigned i = 0; i < SPACES; i++)
        same = same && !spaces[i].mappings.root && !spaces[i].root[0];
    return same;
}

#define R  MEM_RIGHT_READ
#define RW (MEM_RIGHT_READ | MEM_RIGHT_WRITE)
#define RX (MEM_RIGHT_READ | MEM_RIGHT_EXECUTE)

static void test_map_errors(void)
{
    static const struct {
        struct map_request request;
        enum status status;
        const char *what;
    } cases[] = {
        {{0x1000, 0, 0, 0, R}, STATUS_BAD_PARAMETER, "no page"},
        {{0x1000, 0, 513, 0, R}, STATUS_BAD_PARAMETER, "too many pages"},
        {{0x1000, 0, 1, 2, R}, STATUS_BAD_PARAMETER, "1 GiB pages where there are none"},
        {{0x1000, 0, 1, 0xffffffff, R}, STATUS_BAD_PARAMETER, "no page size"},
        {{0x1001, 0, 1, 0, R}, STATUS_BAD_PARAMETER, "an address within a page"},
        {{0x1000, 1, 1, 0, R}, STATUS_BAD_PARAMETER, "an offset within a page"},
        {{0x1000, 0, 1, 1, R}, STATUS_BAD_PARAMETER, "a large page at a small address"},
        {{0x200000, 0x1000, 1, 1, R}, STATUS_BAD_PARAMETER, "a large page of unaligned memory"},
        {{SPACE_END, 0, 1, 0, R}, STATUS_BAD_PARAMETER, "the last page of the user's half"},
        {{SPACE_END - 0x1000, 0, 2, 0, R}, STATUS_BAD_PARAMETER, "a range that ends behind it"},
        {{0xffff800000000000, 0, 1, 0, R}, STATUS_BAD_PARAMETER, "the kernel's half"},
        {{0xfffffffffffff000, 0, 1, 0, R}, STATUS_BAD_PARAMETER, "the last page of all"},
        {{0xfffffffffffff000, 0, 2, 0, R}, STATUS_BAD_PARAMETER, "a range that wraps around"},
        {{0x1000, RAM_FRAMES * FRAME_SIZE, 1, 0, R}, STATUS_BAD_PARAMETER, "behind the memory"},
        {{0x1000, (RAM_FRAMES - 1) * FRAME_SIZE, 2, 0, R}, STATUS_BAD_PARAMETER, "over its end"},
        {{0x1000, 0xfffffffffffff000, 2, 0, R}, STATUS_BAD_PARAMETER, "an offset that wraps"},
        {{0x1000, 0, 1, 0, 0}, STATUS_BAD_PARAMETER, "no rights"},
        {{0x1000, 0, 1, 0, MEM_RIGHT_WRITE}, STATUS_BAD_PARAMETER, "writing without reading"},
        {{0x1000, 0, 1, 0, RW | MEM_RIGHT_EXECUTE},
         STATUS_BAD_PARAMETER,
         "to write and to execute"},
        {{0x1000, 0, 1, 0, R | MEM_RIGHT_DMA}, STATUS_BAD_PARAMETER, "a right of another kind"},
        {{0x1000, 0, 1, 0, RW}, STATUS_NO_RIGHT, "a right that the capability lacks"},
    };

    world_open(MEM_WRITE_BACK);
    ok(slot_delegate(&slots[0], slots[0].word, &slots[1], R | MEM_RIGHT_EXECUTE) == STATUS_SUCCESS,
       "a capability to read and execute");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_request request = cases[i].request;
        is_u64(mapping_create(&spaces[0], &slots[1], slots[1].word, &request, 0, &needs),
               cases[i].status, "refused: %s", cases[i].what);
        ok(unchanged(), "and nothing changes");
    }

    struct map_request request = {0x1000, 0, 1, 0, R};
    is_u64(mapping_create(&spaces[0], &slots[1], capability_make(&ram.object, EVERYTHING), &request,
                          0, &needs),
           STATUS_BAD_CAPABILITY, "refused: a slot that holds another word than was looked up");
    slots[1].depth = DEPTH_MAX;
    is_u64(map(0, 1, 0x1000, 0, 1, 0, R), STATUS_DEPTH, "refused: too deep");
    slots[1].depth = 2;
    spaces[0].dying = true;
    is_u64(map(0, 1, 0x1000, 0, 1, 0, R), STATUS_BAD_CAPABILITY, "refused: a dying space");
    spaces[0].dying = false;
    ram.object.dying = true;
    is_u64(map(0, 1, 0x1000, 0, 1, 0, R), STATUS_BAD_CAPABILITY, "refused: a dying MEM");
    ram.object.dying = false;
    ok(unchanged(), "and nothing changes");
    is_u64(mapping_unmap(&spaces[0], 0x1000, 0), STATUS_BAD_PARAMETER, "nothing to unmap");
    is_u64(mapping_split(&spaces[0], 0x1000, 0), STATUS_BAD_PARAMETER, "nothing to split");
}

static void test_map(void)
{
    static const struct {
        uint32_t rights;
        enum mem_type type;
        uint64_t flags;
    } cases[] = {
        {R, MEM_WRITE_BACK, PAGE_NX},
        {RW, MEM_WRITE_BACK, PAGE_NX | PAGE_WRITE},
        {RX, MEM_WRITE_BACK, 0},
        {RW, MEM_UNCACHED, PAGE_NX | PAGE_WRITE | PAGE_UNCACHED},
        {RW, MEM_WRITE_COMBINING, PAGE_NX | PAGE_WRITE | 1 << 3},
    };
    unsigned level;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_open(cases[i].type);
        ok(map(0, 0, 0x5000, 0x3000, 2, 0, cases[i].rights) == STATUS_SUCCESS, "mapped");
        is_u64(world_walk(&spaces[0], 0x6000, &level),
               ram_at(0x4000) | cases[i].flags | PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED |
                   PAGE_DIRTY,
               "the second page, with rights %u and type %u", cases[i].rights, cases[i].type);
        is_u64(map(0, 0, 0x6000, 0, 1, 0, R), STATUS_IN_USE, "its second page is in use");
        is_u64(map(0, 0, 0x4000, 0, 2, 0, R), STATUS_IN_USE, "and its first");
        is_u64(map(0, 0, 0, 0, 1, 1, R), STATUS_IN_USE, "and all that a large page would cover");
        is_u64(mapping_unmap(&spaces[0], 0x6000, 0), STATUS_BAD_PARAMETER,
               "it is unmapped from its beginning only");
        is_u64(mapping_split(&spaces[0], 0x5000, 0), STATUS_BAD_PARAMETER, "it has no large page");
        is_u64(mapping_unmap(&spaces[0], 0x5000, 0), STATUS_SUCCESS, "unmapped");
        ok(unchanged(), "as if it had not been");
    }

    world_open(MEM_WRITE_BACK);
    space_levels = 3;
    ram.base = 0x40000000;
    ram.size = 0x80000000;
    ok(map(0, 0, 0x40000000, 0, 2, 2, RX) == STATUS_SUCCESS, "1 GiB pages where there are some");
    is_u64(world_translate(&spaces[0], 0x87654000), 0x87654000, "and what they map");
    ok(mapping_unmap(&spaces[0], 0x40000000, 0) == STATUS_SUCCESS && unchanged(), "unmapped");
    space_levels = 2;
}

/* With n frames for all n below what it needs: the error tells what is missing; then it succeeds.
 */
static void test_exhaustion(void)
{
    static const struct {
        uint64_t address, frames;
        uint32_t count;
    } cases[] = {{0x400000, 4, 1}, {0x7ffffff000, 7, 2}, {0x3ffff000, 6, 2}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint64_t left = 0; left <= cases[i].frames; left++) {
            world_open(MEM_WRITE_BACK);
            void *rest = pool_drain(pool, left);
            enum status status = map(0, 0, cases[i].address, 0, cases[i].count, 0, R);
            if (left < cases[i].frames) {
                is_u64(status, STATUS_NEEDS_FRAMES, "map with %lu frames fails", left);
                is_u64(needs, cases[i].frames - left, "it says how many are missing");
                pool_refill(pool, rest);
                ok(unchanged(), "and changes nothing");
            } else {
                is_u64(status, STATUS_SUCCESS, "map with %lu frames succeeds", left);
                pool_refill(pool, rest);
            }
        }
    }
    is_u64(revoke(0, 8, false), 2, "one step takes it back");
    ok(unchanged(), "and everything is as before");
}

static void test_split(void)
{
    world_open(MEM_WRITE_BACK);
    ok(map(0, 0, 0x400000, 0, 1, 1, RX) == STATUS_SUCCESS, "a page of 2 MiB");
    void *rest = pool_drain(pool, 0);
    is_u64(mapping_split(&spaces[0], 0x400000, 0), STATUS_NEEDS_FRAMES, "a split needs a frame");
    pool_refill(pool, rest);
    is_u64(mapping_split(&spaces[0], 0x400000, 0), STATUS_SUCCESS, "with one it succeeds");
    is_u64(mapping_split(&spaces[0], 0x400000, 0), STATUS_BAD_PARAMETER, "a small page does not");
    is_u64(world_translate(&spaces[0], 0x5ff000), ram_at(0x1ff000), "the same memory is mapped");
    is_u64(mapping_unmap(&spaces[0], 0x400000, 0), STATUS_SUCCESS, "it goes as one");
    ok(unchanged(), "and leaves nothing");
    ok(map(0, 0, 0x400000, 0, 2, 1, RX) == STATUS_SUCCESS, "two pages of 2 MiB");
    is_u64(mapping_split(&spaces[0], 0x400000, 0), STATUS_BAD_PARAMETER, "are not split");
    revoke(0, 8, false);
}

/* Into slots[to]; the child, or NULL. */
static struct mem *divide(unsigned slot, unsigned to, uint64_t offset, uint64_t size,
                          enum mem_type type, enum status want)
{
    struct mem_part part = {offset, size, type};

    if (!slot_claim(&slots[to]))
        abort();
    enum status got = mem_divide(&slots[slot], slots[slot].word, pool, &part, &slots[to]);
    is_u64(got, want, "divide at 0x%lx, 0x%lx bytes, type %u", offset, size, type);
    if (got != STATUS_SUCCESS)
        slot_unclaim(&slots[to]);
    return got == STATUS_SUCCESS ? mem_of(slots[to].word) : NULL;
}

static bool mem_destroy(struct mem *mem)
{
    bool more = true;

    if (mem_close(mem) != STATUS_SUCCESS || !mem_hold(mem) || mem_hold(mem))
        return false;
    while (more) {
        struct shoot batch;
        unsigned budget = 2;
        shoot_begin(&batch, 0);
        more = object_die_step(&mem->object, &budget);
        shoot_flush(&batch);
    }
    mem_let_go(mem, 0);
    return true;
}

static void test_divide(void)
{
    struct mem *child;

    world_open(MEM_UNCACHED);
    divide(0, 9, 0, 0, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 1, FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 0, 1, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, FRAME_SIZE, RAM_FRAMES * FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, (RAM_FRAMES + 1) * FRAME_SIZE, FRAME_SIZE, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, FRAME_SIZE, 0xfffffffffffff000, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    divide(0, 9, 0, FRAME_SIZE, MEM_WRITE_BACK, STATUS_BAD_PARAMETER);
    void *rest = pool_drain(pool, 0);
    divide(0, 9, 0, FRAME_SIZE, MEM_UNCACHED, STATUS_NEEDS_FRAMES);
    pool_refill(pool, rest);
    slots[0].depth = DEPTH_MAX - 1;
    divide(0, 9, 0, FRAME_SIZE, MEM_UNCACHED, STATUS_DEPTH);
    slots[0].depth = 1;
    ok(!tree_first(&ram.children), "nothing is divided so far");

    child = divide(0, 5, 0x4000, 0x4000, MEM_WRITE_COMBINING, STATUS_SUCCESS);
    is_u64(child->base, ram_at(0x4000), "the child's base");
    is_u64(child->size, 0x4000, "and size");
    is_u64(capability_rights(slots[5].word), EVERYTHING, "and rights");
    divide(0, 9, 0x3000, 0x2000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x5000, 0x1000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x7000, 0x2000, MEM_UNCACHED, STATUS_IN_USE);
    divide(0, 9, 0x1000, 0x9000, MEM_UNCACHED, STATUS_IN_USE);
    struct mem *before = divide(0, 6, 0x3000, 0x1000, MEM_UNCACHED, STATUS_SUCCESS);
    struct mem *behind = divide(0, 7, 0x8000, 0x1000, MEM_UNCACHED, STATUS_SUCCESS);
    is_u64(map(0, 0, 0x1000, 0x20000, 1, 0, R), STATUS_IN_USE, "a divided MEM is not mapped");

    ok(map(1, 5, 0x1000, 0x3000, 1, 0, R) == STATUS_SUCCESS, "the child is mapped");
    is_u64(world_translate(&spaces[1], 0x1000), ram_at(0x7000), "its last page");
    divide(5, 9, 0, 0x1000, MEM_WRITE_COMBINING, STATUS_IN_USE);
    divide(5, 9, 0, 0x1000, MEM_UNCACHED, STATUS_BAD_PARAMETER);
    is_u64(mem_close(&ram), STATUS_IN_USE, "what was there at boot is not destroyed");
    ok(mem_destroy(child), "the child is destroyed");
    ok(!world_translate(&spaces[1], 0x1000) && !slot_word(&slots[5]), "mapping and slot are gone");
    child = divide(0, 5, 0x4000, 0x4000, MEM_UNCACHED, STATUS_SUCCESS);
    ok(mem_destroy(child) && mem_destroy(before) && mem_destroy(behind), "its place is free again");
    ok(unchanged(), "and everything is as before");
    ok(map(0, 0, 0x1000, 0, 1, 0, R) == STATUS_SUCCESS, "an undivided MEM is mapped again");
    divide(0, 9, 0, 0x1000, MEM_UNCACHED, STATUS_IN_USE);
    revoke(0, 1, false);
    ram.object.dying = true;
    divide(0, 9, 0, 0x1000, MEM_UNCACHED, STATUS_BAD_CAPABILITY);
}

static void delegate(unsigned from, unsigned to, uint32_t rights)
{
    if (slot_delegate(&slots[from], slots[from].word, &slots[to], rights) != STATUS_SUCCESS)
        abort();
}

/* What was cut through a capability goes with it, and what was cut through another one stays. */
static void test_revoke_children(void)
{
    world_open(MEM_WRITE_BACK);
    delegate(0, 1, RIGHTS_ALL & ~MEM_RIGHT_WRITE);
    delegate(0, 2, RIGHTS_ALL);
    divide(1, 3, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(!(capability_rights(slots[3].word) & MEM_RIGHT_WRITE), "a child has no more rights");
    struct mem *other = divide(2, 4, 0x10000, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(3, 5, 0x2000, 0x4000, MEM_WRITE_BACK, STATUS_SUCCESS);
    delegate(5, 6, RIGHTS_ALL);
    divide(6, 7, 0, 0x1000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(map(0, 7, 0x5000, 0, 1, 0, R) == STATUS_SUCCESS, "a child's child's child is mapped");
    ok(map(1, 4, 0x5000, 0, 8, 0, R) == STATUS_SUCCESS, "and so is another child");
    is_u64(revoke(1, 1, false), 9, "revoking takes a step for each node");
    ok(!world_translate(&spaces[0], 0x5000) && !slot_word(&slots[3]) && !slot_word(&slots[5]) &&
           !slot_word(&slots[6]) && !slot_word(&slots[7]),
       "the children, their capabilities and mappings are gone");
    is_u64(world_translate(&spaces[1], 0x5000), ram_at(0x10000), "the other child stands");
    ok(tree_first(&ram.children) == &other->place && !tree_next(&other->place), "alone");
    is_u64(revoke(0, 3, false), 3, "revoking the first capability ends that too");
    ok(unchanged() && !tree_first(&ram.children), "and everything is as before");

    divide(0, 1, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    struct mem *child = divide(1, 2, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(2, 3, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(mem_destroy(child) && slot_word(&slots[1]) && !slot_word(&slots[3]),
       "a MEM is destroyed with its children, its parent stays");
    divide(1, 2, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    ok(mem_destroy(mem_of(slots[1].word)) && unchanged(), "or goes with them");
}

/* A child that is deposited when its capability goes ends when it is withdrawn. */
static void test_revoke_deposited(void)
{
    bool more = true;

    world_open(MEM_WRITE_BACK);
    divide(0, 1, 0, 0x8000, MEM_WRITE_BACK, STATUS_SUCCESS);
    struct mem *lent = divide(1, 2, 0x1000, 0x2000, MEM_WRITE_BACK, STATUS_SUCCESS);
    divide(1, 3, 0x4000, 0x2000, MEM_WRITE_BACK, STATUS_SUCCESS);
    is_u64(mem_deposit_step(&slots[2], slots[2].word, pool, 9, 0, &more), STATUS_SUCCESS,
           "a child is deposited");
    is_u64(mem_close(lent), STATUS_IN_USE, "and cannot be destroyed");
    revoke(0, 2, false);
    ok(!slot_word(&slots[1]) && !slot_word(&slots[2]) && !slot_word(&slots[3]),
       "revoking takes all capabilities");
    divide(0, 9, 0x1000, 0x1000, MEM_WRITE_BACK, STATUS_IN_USE);
    is_u64(map(0, 0, 0x5000, 0x4000, 1, 0, R), STATUS_IN_USE, "but what is deposited is not free");
    for (more = true; more;)
        if (mem_withdraw_step(lent, pool, 1, 0, &more) != STATUS_SUCCESS)
            break;
    ok(unchanged() && !tree_first(&ram.children), "before it is withdrawn: all ends then");
    ok(map(0, 0, 0x5000, 0x4000, 1, 0, R) == STATUS_SUCCESS, "and can be mapped");
    revoke(0, 1, false);
}

static enum status deposit(unsigned frames, bool *more)
{
    return mem_deposit_step(&slots[0], slots[0].word, pool, frames, 0, more);
}

static void test_deposit(void)
{
    bool more;

    world_open(MEM_UNCACHED);
    is_u64(deposit(1, &more), STATUS_BAD_PARAMETER, "device memory cannot be deposited");
    world_open(MEM_WRITE_BACK);
    is_u64(mem_withdraw_step(&ram, pool, 1, 0, &more), STATUS_BAD_PARAMETER, "nothing to withdraw");
    memset((void *)ram.base, 0xa5, ram.size);
    ok(map(0, 0, 0x1000, 0, 1, 0, RW) == STATUS_SUCCESS, "mapped");
    is_u64(deposit(1, &more), STATUS_IN_USE, "mapped memory cannot be deposited");
    revoke(0, 1, false);

    unsigned steps = 0;
    for (more = true; more && steps < 7; steps++)
        ok(deposit(10, &more) == STATUS_SUCCESS, "a step of depositing");
    is_u64(pool->free_frames, opened + 70, "what is deposited can be used at once");
    is_u64(quiet_frames, 70, "and is in the frame map");
    is_u64(map(0, 0, 0x1000, 0, 1, 0, RW), STATUS_IN_USE, "none of it can be mapped");
    divide(0, 9, 0, 0x1000, MEM_WRITE_BACK, STATUS_IN_USE);
    is_u64(mem_close(&ram), STATUS_IN_USE, "nor destroyed");
    while (more && deposit(100, &more) == STATUS_SUCCESS)
        ;
    is_u64(pool->free_frames, opened + RAM_FRAMES, "started again it goes on to the end");
    is_u64(deposit(1, &more), STATUS_IN_USE, "it cannot be deposited again");
    struct pool *other = (struct pool *)arena_frame(RAM - 1);
    memset(other, 0, FRAME_SIZE);
    pool_init(other);
    is_u64(mem_deposit_step(&slots[0], slots[0].word, other, 1, 0, &more), STATUS_IN_USE,
           "nor in another pool");
    is_u64(mem_withdraw_step(&ram, other, 1, 0, &more), STATUS_BAD_PARAMETER,
           "nor withdrawn from there");

    void *rest = pool_drain(pool, 0);
    is_u64(mem_withdraw_step(&ram, pool, 4, 0, &more), STATUS_BUSY, "not while it is used");
    pool_refill(pool, rest);
    ok(mem_withdraw_step(&ram, pool, 4, 0, &more) == STATUS_SUCCESS && more, "a step back");
    is_u64(pool->free_frames, opened, "none of it is handed out any more");
    is_u64(deposit(1, &more), STATUS_BUSY, "it cannot be deposited meanwhile");
    is_u64(map(0, 0, 0x1000, 0, 1, 0, RW), STATUS_IN_USE, "nor mapped");
    for (more = true; more;)
        if (mem_withdraw_step(&ram, pool, 100, 0, &more) != STATUS_SUCCESS)
            break;
    bool zero = true;
    for (uint64_t i = 0; i < ram.size / 8; i++)
        zero = zero && !((uint64_t *)ram.base)[i];
    ok(zero, "every frame comes back zero");
    is_u64(quiet_frames, 0, "and left the frame map");
    ok(unchanged() && !ram.deposited, "everything is as before");
    ok(map(0, 0, 0x1000, 0, 1, 0, RW) == STATUS_SUCCESS, "it can be mapped again");
    revoke(0, 1, false);
    is_u64(mem_deposit_step(&slots[0], capability_make(&ram.object, R), pool, 1, 0, &more),
           STATUS_BAD_CAPABILITY, "not through a slot that holds another word");
}

/* DEPOSITS_MAX deposits are all that a pool takes. */
static void test_deposit_places(void)
{
    static struct object sources[DEPOSITS_MAX];
    bool more;

    world_open(MEM_WRITE_BACK);
    for (unsigned i = 1; i < DEPOSITS_MAX; i++)
        if (pool_deposit_open(pool, (void *)(i * FRAME_SIZE), &sources[i]) != STATUS_SUCCESS)
            abort();
    is_u64(deposit(1, &more), STATUS_IN_USE, "a pool with all its deposits");
    ok(!ram.deposited && !quiet_frames && !more, "nothing changes");
}

/* Random maps, unmaps and revocations against a list; slot n is derived from slot n / 2. */
#define PLACES 40u

struct place {
    unsigned space, slot;
    uint64_t offset;
    uint32_t count;
};
static struct place places[PLACES]; /* at address place * 16 pages */

static bool derived(unsigned slot, unsigned from)
{
    while (slot > from)
        slot /= 2;
    return slot == from && from > 0;
}

static uint64_t place_address(unsigned p)
{
    return 0x3fff8000 + (uint64_t)p * 16 * FRAME_SIZE;
}

static unsigned places_wrong(void)
{
    unsigned wrong = 0, count = 0;

    for (unsigned p = 0; p < PLACES; p++) {
        const struct place *place = &places[p];
        count += place->count > 0;
        for (unsigned s = 0; s < SPACES; s++)
            for (uint32_t i = 0; i < 16; i++)
                wrong +=
                    world_translate(&spaces[s], place_address(p) + i * FRAME_SIZE) !=
                    (place->space == s && i < place->count ? ram_at(place->offset) + i * FRAME_SIZE
                                                           : 0);
    }
    return wrong + (count != ram.mappings);
}

static void place_change(struct place *place, unsigned *wrong)
{
    unsigned p = (unsigned)(place - places), slot = 1 + world_random(7);
    struct place new = {world_random(SPACES), slot, world_random(64) * FRAME_SIZE,
                        1 + world_random(16)};

    if (place->count) {
        *wrong += mapping_unmap(&spaces[place->space], place_address(p), 0) != STATUS_SUCCESS;
        place->count = 0;
    } else if (map(new.space, slot, place_address(p), new.offset, new.count, 0, R) ==
               STATUS_SUCCESS) {
        *place = new;
    }
}

static void slots_derive(void)
{
    for (unsigned slot = 2; slot < 8; slot++)
        if (!slot_word(&slots[slot]) && slot_delegate(&slots[slot / 2], slots[slot / 2].word,
                                                      &slots[slot], RIGHTS_ALL) != STATUS_SUCCESS)
            abort();
}

static void test_random(void)
{
    unsigned wrong = 0, step = 0, revoked = 0;

    world_open(MEM_WRITE_BACK);
    memset(places, 0, sizeof(places));
    if (slot_delegate(&slots[0], slots[0].word, &slots[1], RIGHTS_ALL) != STATUS_SUCCESS)
        abort();
    for (; step < 8000; step++) {
        slots_derive();
        if (world_random(24)) {
            place_change(&places[world_random(PLACES)], &wrong);
        } else if (world_random(3)) {
            unsigned slot = 1 + world_random(7);
            revoke(slot, 3, false);
            for (unsigned p = 0; p < PLACES; p++)
                if (places[p].count && derived(places[p].slot, slot))
                    places[p].count = 0, revoked++;
        } else {
            unsigned s = world_random(SPACES);
            while (mapping_die_step(&spaces[s], 3, 0))
                ;
            space_end(&spaces[s], 0);
            memset(&spaces[s], 0, sizeof(spaces[s]));
            wrong += !space_init(&spaces[s], pool, kernel_root);
            for (unsigned p = 0; p < PLACES; p++)
                places[p].count = places[p].space == s ? 0 : places[p].count;
        }
        if (step % 4 == 0)
            wrong += places_wrong();
    }
    is_u64(wrong, 0, "%u random steps, %u mappings revoked: all is mapped as it must", step,
           revoked);
    revoke(1, 5, true);
    ok(unchanged(), "and nothing is left in the end");
}

int main(void)
{
    if (!arena_open(RAM + RAM_FRAMES))
        return 1;
    shoot_start(0, 0, true);
    test_map_errors();
    test_map();
    test_exhaustion();
    test_split();
    test_divide();
    test_revoke_children();
    test_revoke_deposited();
    test_deposit();
    test_deposit_places();
    test_random();
    return done_testing();
}
