/* A set of the 256 interrupt vectors that knows its highest one in a few instructions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vectors {
    uint64_t word[4];
    uint32_t words; /* bit n: word[n] is not 0 */
};

static inline bool vectors_has(const struct vectors *set, uint8_t vector)
{
    return set->word[vector >> 6] >> (vector & 63) & 1;
}

static inline void vectors_add(struct vectors *set, uint8_t vector)
{
    set->word[vector >> 6] |= 1ull << (vector & 63);
    set->words |= 1u << (vector >> 6);
}

static inline void vectors_remove(struct vectors *set, uint8_t vector)
{
    uint64_t left = set->word[vector >> 6] & ~(1ull << (vector & 63));

    set->word[vector >> 6] = left;
    if (!left)
        set->words &= ~(1u << (vector >> 6));
}

/* The highest one; -1: it is empty. */
static inline int vectors_highest(const struct vectors *set)
{
    if (!set->words)
        return -1;
    uint32_t at = 31u - (uint32_t)__builtin_clz(set->words);
    return (int)(at * 64 + 63u - (uint32_t)__builtin_clzll(set->word[at]));
}
