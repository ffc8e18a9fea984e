/* Seeded random numbers (xorshift), the same in each run. */
#pragma once

#include <stdint.h>

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static inline uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}
