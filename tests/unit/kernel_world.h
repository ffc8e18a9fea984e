/*
 * What the tests of spaces and memory share: an arena of frames that are reached at their own
 * addresses (FRAME_BASE is 0), a pool that has some of them, and a walk of page tables.
 */
#pragma once

#ifndef SHOOT_MODEL
#define SHOOT_MODEL
#endif

#include <stdlib.h>
#include <sys/mman.h>

#include "boot.h"
#include "mapping.h"

struct handoff boot_handoff = {.space_levels = 2};

static void *arena_memory;
static uint64_t arena; /* in it, aligned */
static struct object arena_source = {.type = OBJECT_MEM};
static uint64_t world_seed = 1;

static inline uint32_t world_random(uint32_t below)
{
    world_seed = world_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((world_seed >> 33) % below);
}

static inline uint64_t arena_frame(unsigned frame)
{
    return arena + frame * FRAME_SIZE;
}

/* Supplied by the kernel: there are no interrupts here. */
void interrupt_remove(struct node *node)
{
    (void)node;
    abort();
}

/* There are no parts but MEMs here, and no time. */
void part_remove(struct node *origin)
{
    interrupt_remove(origin);
}

void sc_remove(struct node *node)
{
    interrupt_remove(node);
}

/* The arena is aligned to 2 MiB, so that its frames can be mapped as large pages. */
static inline bool arena_open(unsigned frames)
{
    uint64_t size = frames * FRAME_SIZE, large = level_bytes(1);

    arena_memory = mmap(NULL, size + large, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    arena = ((uint64_t)arena_memory + large - 1) & ~(large - 1);
    return arena_memory != MAP_FAILED;
}

/* Frame `place` becomes a pool, the `frames` behind it its memory. */
static inline struct pool *world_pool(unsigned place, unsigned frames)
{
    struct pool *pool = (struct pool *)arena_frame(place);

    memset(pool, 0, (frames + 1) * FRAME_SIZE);
    pool_init(pool);
    pool->object.type = OBJECT_POOL;
    struct deposit *deposit =
        pool_deposit_open(pool, (void *)arena_frame(place + 1), frames * FRAME_SIZE, &arena_source);
    for (unsigned i = 0; i < frames; i++)
        pool_deposit_extend(deposit);
    return pool;
}

/* Takes every free frame but `left`; the list of what was taken. */
static inline void *pool_drain(struct pool *pool, uint64_t left)
{
    void *list = NULL;

    while (pool->free_frames > left) {
        void **frame = pool_take_frame(pool);
        *frame = list;
        list = frame;
    }
    return list;
}

static inline void pool_refill(struct pool *pool, void *list)
{
    while (list) {
        void **frame = list;
        list = *frame;
        pool_give_frame(pool, frame);
    }
}

/* The last-level entry that maps address, 0 if there is none, and its level. */
static inline uint64_t world_walk(const struct space *space, uint64_t address, unsigned *level)
{
    const uint64_t *table = space->root;

    for (*level = 3;; --*level) {
        uint64_t entry = table[address >> (12 + 9 * *level) & 511];
        if (!entry || *level == 0 || (entry & (1u << 7)))
            return entry;
        table = (const uint64_t *)(entry & PAGE_ADDRESS);
    }
}

/* The frame of 4 KiB that address is mapped to, 0: none. */
static inline uint64_t world_translate(const struct space *space, uint64_t address)
{
    unsigned level;
    uint64_t entry = world_walk(space, address, &level);

    return entry ? (entry & PAGE_ADDRESS) + (address % level_bytes(level) & ~(FRAME_SIZE - 1)) : 0;
}
