/*
 * Ranges within ranges, interrupt vectors, I/O permission bitmaps, and ports opened in a domain.
 */
#include <string.h>

#include "kernel_quiet.h" /* before what needs the model of shoot.h */

#include "interrupt.h"
#include "kernel_world.h"
#include "ports.h"
#include "range.h"
#include "tap.h"

#define STEPS 200000u

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % bound);
}

static void test_holds(void)
{
    const struct range range = {.base = 100, .count = 8};
    bool right = true;

    for (uint64_t offset = 0; offset < 12; offset++)
        for (uint64_t count = 0; count < 12; count++)
            right =
                right && range_holds(&range, offset, count) == (count > 0 && offset + count <= 8);
    ok(right, "a part that is not empty and ends within the range");
    ok(!range_holds(&range, 1, UINT64_MAX), "a length that overflows");
    ok(!range_holds(&range, UINT64_MAX, 1), "an offset that overflows");
    ok(!range_holds(&range, UINT64_MAX, 2), "both");
    const struct range all = {.count = UINT32_MAX};
    ok(range_holds(&all, 0, UINT32_MAX), "the whole of the largest range");
    ok(!range_holds(&all, 0, 1ull << 32), "more than that");
    ok(!range_holds(&all, 1ull << 32, 1), "an offset of more than 32 bits");
}

static void test_vectors(void)
{
    static struct bindings all;
    struct sm sm;
    uint32_t count = 0, wrong = 0;

    for (uint32_t i = 0; i < DEVICE_VECTORS; i++) {
        wrong += vector_find(&all) != &all.of[i];
        all.of[i].sm = &sm;
    }
    ok(!wrong, "vectors are handed out in order");
    ok(!vector_find(&all), "none is left");
    all.of[77].sm = NULL;
    ok(vector_find(&all) == &all.of[77], "the only one that was given back");
    memset(&all, 0, sizeof(all));
    struct interrupt *first = vector_find(&all);
    ok(vector_find(&all) != first, "one that was given back is not handed out at once");

    for (unsigned step = 0; step < STEPS; step++) {
        struct interrupt *i = &all.of[random_below(DEVICE_VECTORS)];
        if (random_below(2) && i->sm) {
            i->sm = NULL;
            count--;
        } else {
            i = vector_find(&all);
            wrong += i ? i->sm != NULL : count != DEVICE_VECTORS;
            count += i != NULL;
            if (i)
                i->sm = &sm;
        }
    }
    ok(!wrong, "random use against a model");
}

static uint64_t bits[PORTS_FRAMES][FRAME_SIZE / 8];
static uint8_t model[PORTS_FRAMES * PORTS_A_FRAME]; /* 1: forbidden */

static bool bits_agree(void)
{
    for (uint32_t port = 0; port < PORTS_FRAMES * PORTS_A_FRAME; port++)
        if ((bits[port / PORTS_A_FRAME][port % PORTS_A_FRAME / 64] >> port % 64 & 1) != model[port])
            return false;
    return true;
}

static void test_ports(void)
{
    struct space space = {.ports = {bits[0], bits[1]}};
    bool right = true;

    for (unsigned step = 0; step < 500 && right; step++) {
        uint32_t first = random_below(PORTS_COUNT);
        uint32_t most = random_below(2) ? 200 : PORTS_COUNT;
        uint32_t count = 1 + random_below(PORTS_COUNT - first);
        bool forbid = random_below(2);
        if (count > most)
            count = most;
        bool closed = !memchr(model + first, 0, count);
        right = ports_closed(&space, first, first + count) == closed;
        ports_set(&space, first, first + count, forbid);
        memset(model + first, forbid, count);
        right = right && bits_agree();
    }
    ok(right, "random ranges, across words and frames, against a model");
    ports_set(&space, 0, PORTS_COUNT, true);
    memset(model, 1, PORTS_COUNT);
    ok(bits_agree(), "all ports");
}

#define ALL_FORBIDDEN UINT64_MAX

static struct pool *pool;
static struct space space;
static struct range range;
static struct node slots[2]; /* the range's first capability, and one derived from it */
static uint64_t kernel_root[512], needs;

static void world_open(unsigned pool_frames)
{
    pool = world_pool(0, pool_frames);
    memset(&space, 0, sizeof(space));
    memset(&range, 0, sizeof(range));
    memset(slots, 0, sizeof(slots));
    range.part.object.type = OBJECT_PORTS;
    range.count = PORTS_COUNT;
    chain_init(&range.part.object.nodes);
    if (!space_init(&space, pool, kernel_root) || !slot_claim(&slots[0]))
        abort();
    node_insert_first(&range.part.object, &slots[0], RIGHTS_ALL);
}

static enum status open_ports(unsigned slot, uint32_t first, uint32_t count)
{
    return mapping_open_ports(&space, &slots[slot], slots[slot].word, first, count, &needs);
}

static enum status close_ports(uint32_t first)
{
    return mapping_unmap(&space, ports_address(first), 0);
}

static void revoke(unsigned slot)
{
    unsigned budget = 64;

    ok(!slot_revoke_step(&slots[slot], &budget, false), "revoked in a step");
    shoot_flush(0);
}

static uint64_t word(uint32_t port)
{
    return space.ports[port / PORTS_A_FRAME][port % PORTS_A_FRAME / 64];
}

static void test_open(void)
{
    world_open(16);
    ok(close_ports(0x60) == STATUS_BAD_PARAMETER, "nothing is open");
    ok(open_ports(0, 0x60, 8) == STATUS_SUCCESS, "open eight");
    ok(space.ports[0] && space.ports[1], "the space has a bitmap");
    is_u64(word(0x60), ALL_FORBIDDEN & ~(0xffull << 0x20), "these eight, no others");
    is_u64(word(0), ALL_FORBIDDEN, "none below");
    is_u64(word(0x80), ALL_FORBIDDEN, "none above");
    ok(open_ports(0, 0x5f, 2) == STATUS_IN_USE, "one is open already");
    ok(open_ports(0, 0x67, 1) == STATUS_IN_USE, "the last one is");
    ok(open_ports(0, 0x68, 1) == STATUS_SUCCESS, "the next one is not");
    ok(close_ports(0x61) == STATUS_BAD_PARAMETER, "ports are closed as they were opened");
    uint64_t free_frames = pool->free_frames;
    ok(close_ports(0x68) == STATUS_SUCCESS && close_ports(0x60) == STATUS_SUCCESS, "closed");
    is_u64(word(0x60), ALL_FORBIDDEN, "all are forbidden");
    ok(pool->free_frames == free_frames + 1, "only the frame of records went back");
    ok(mapping_split(&space, ports_address(0x60), 0) == STATUS_BAD_PARAMETER, "no split");

    ok(slot_delegate(&slots[0], slots[0].word, &slots[1], RIGHTS_ALL) == STATUS_SUCCESS, "a grant");
    ok(open_ports(1, 0x7fff, 2) == STATUS_SUCCESS && open_ports(0, 1, 1) == STATUS_SUCCESS,
       "ports over both frames through it, and one through the first capability");
    ok(mapping_split(&space, ports_address(1), 0) == STATUS_BAD_PARAMETER, "a port has no parts");
    revoke(1);
    ok(word(0x7fff) == ALL_FORBIDDEN && word(0x8000) == ALL_FORBIDDEN, "the grant's are closed");
    is_u64(word(1), ALL_FORBIDDEN & ~2ull, "the other is open");
    while (mapping_die_step(&space, 1, 0))
        ;
    is_u64(word(1), ALL_FORBIDDEN, "the end of the space closes it");
    ok(open_ports(0, 1, 1) == STATUS_BAD_CAPABILITY, "nothing is opened in a dying space");
}

/* With each number of frames: all or nothing. */
static void test_exhaustion(void)
{
    for (unsigned frames = 0; frames <= 3; frames++) {
        world_open(16);
        void *list = pool_drain(pool, frames);
        enum status status = open_ports(0, 0x60, 1);
        ok(status == (frames < 3 ? STATUS_NEEDS_FRAMES : STATUS_SUCCESS), "%u frames", frames);
        ok(status == STATUS_SUCCESS || (pool->free_frames == frames && !space.spare &&
                                        !space.ports[0] && !trie_any(&space.mappings)),
           "nothing has changed");
        ok(status == STATUS_SUCCESS || (needs > 0 && needs <= 3 - frames), "it needs more");
        pool_refill(pool, list);
    }
}

int main(void)
{
    if (!arena_open(64))
        return 1;
    test_holds();
    test_vectors();
    test_ports();
    test_open();
    test_exhaustion();
    return done_testing();
}
