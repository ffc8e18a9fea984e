/* What the tests of MEM objects and mappings share: one range of memory, and calls on it. */
#pragma once

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

static inline void world_open(enum mem_type type)
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

static inline uint64_t ram_at(uint64_t offset)
{
    return ram.base + offset;
}

static inline enum status map(unsigned s, unsigned slot, uint64_t address, uint64_t offset,
                              uint32_t count, uint32_t level, uint32_t rights)
{
    struct map_request request = {address, offset, count, level, rights};

    return mapping_create(&spaces[s], &slots[slot], slots[slot].word, &request, 0, &needs);
}

static inline unsigned revoke(unsigned slot, unsigned budget, bool self)
{
    unsigned steps = 1;
    bool more = true;

    for (; more; steps++) {
        unsigned left = budget;
        more = slot_revoke_step(&slots[slot], &left, self);
        shoot_flush(0);
    }
    return steps;
}

static inline bool unchanged(void)
{
    bool same = pool->free_frames == opened && !ram.mappings;

    for (unsigned i = 0; i < SPACES; i++)
        same = same && !trie_any(&spaces[i].mappings) && !spaces[i].root[0];
    return same;
}

#define R  MEM_RIGHT_READ
#define RW (MEM_RIGHT_READ | MEM_RIGHT_WRITE)
#define RX (MEM_RIGHT_READ | MEM_RIGHT_EXECUTE)
static inline struct mem *divide(unsigned slot, unsigned to, uint64_t offset, uint64_t size,
                                 enum mem_type type, enum status want)
{
    struct mem_part part = {offset, size, type};

    if (!slot_claim(&slots[to]))
        abort();
    struct mem *child = pool_take_object(pool, sizeof(*child));
    if (!child)
        abort();
    child->object.pool = pool;
    enum status got = mem_divide(&slots[slot], slots[slot].word, child, &part, &slots[to]);
    if (got != STATUS_SUCCESS) {
        pool_hide_object(pool, child);
        pool_give_cell(pool, child);
    }
    is_u64(got, want, "divide at 0x%lx, 0x%lx bytes, type %u", offset, size, type);
    if (got != STATUS_SUCCESS)
        slot_unclaim(&slots[to]);
    return got == STATUS_SUCCESS ? mem_of(slots[to].word) : NULL;
}

static inline bool mem_destroy(struct mem *mem)
{
    bool more = true;

    if (mem_close(mem) != STATUS_SUCCESS || !object_claim(&mem->object) ||
        object_claim(&mem->object))
        return false;
    while (more) {
        unsigned budget = 2;
        more = object_die_step(&mem->object, &budget);
        shoot_flush(0);
    }
    part_unclaim((struct part *)mem, 0);
    return true;
}
