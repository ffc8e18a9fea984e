/* What the tests of pools share: memory, and a look at it. */
#pragma once

#include "pool.h"

#include <stdlib.h>

#include "kernel_random.h"
#include "tap.h"

#define SOURCES 8u
#define LENGTH  6u /* frames of a source */
#define FRAMES  ((size_t)SOURCES * LENGTH)
#define UNITS   (FRAME_SIZE / CELL_BYTES)

static uint8_t *memory; /* FRAMES frames */
static struct object sources[DEPOSITS_MAX + 1];
static struct deposit *deposits[DEPOSITS_MAX];
static struct pool *pool;
static uint64_t errors;

static inline bool all_are(const uint8_t *at, size_t bytes, uint8_t value)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != value)
            return false;
    return true;
}

static inline void expect(bool good, int line)
{
    if (!good && errors++ < 10)
        printf("# line %d\n", line);
}

#define EXPECT(condition) expect(condition, __LINE__)

static inline size_t frame_of(const void *at)
{
    return (size_t)((const uint8_t *)at - memory) / FRAME_SIZE;
}

static inline uint8_t *base_of(unsigned source)
{
    return memory + (size_t)source * LENGTH * FRAME_SIZE;
}

/* A deposit of no frames yet. */
static inline bool deposit_open(unsigned source)
{
    deposits[source] =
        pool_deposit_open(pool, base_of(source), LENGTH * FRAME_SIZE, &sources[source]);
    return deposits[source];
}

static inline void pool_reset(void)
{
    if (!memory)
        memory = aligned_alloc(FRAME_SIZE, FRAMES * FRAME_SIZE);
    if (!pool)
        pool = aligned_alloc(FRAME_SIZE, FRAME_SIZE);
    memset(memory, 0xaa, FRAMES * FRAME_SIZE);
    memset(pool, 0, FRAME_SIZE);
    pool_init(pool);
}
