/*
 * Mappings: every error with nothing changed, every allocation that can fail, and a random walk
 * against a reference.
 */
#include "kernel_mem.h"

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
        {RW, MEM_UNCACHED, PAGE_NX | PAGE_WRITE | (uint64_t)MEM_UNCACHED << 3},
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

    boot_handoff.space_levels = 3;
    world_open(MEM_WRITE_BACK);
    ram.base = 0x40000000;
    ram.size = 0x80000000;
    ok(map(0, 0, 0x40000000, 0, 2, 2, RX) == STATUS_SUCCESS, "1 GiB pages where there are some");
    is_u64(world_translate(&spaces[0], 0x87654000), 0x87654000, "and what they map");
    ok(mapping_unmap(&spaces[0], 0x40000000, 0) == STATUS_SUCCESS && unchanged(), "unmapped");
    boot_handoff.space_levels = 2;
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
#define PLACES 40u

/* Random maps, unmaps and revocations against a list; slot n is derived from slot n / 2. */
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
    test_random();
    return done_testing();
}
