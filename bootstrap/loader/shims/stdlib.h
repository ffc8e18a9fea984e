/*
 * The lz4 sources mention malloc as the fallback for a caller without an allocator. Ours has one
 * (unpack.c), so this is never reached; were it reached, it would fail cleanly.
 */
#pragma once

#include <stddef.h>

static inline void *malloc(size_t size)
{
    (void)size;
    return NULL;
}

static inline void *calloc(size_t count, size_t size)
{
    (void)count;
    (void)size;
    return NULL;
}

static inline void free(void *memory)
{
    (void)memory;
}
