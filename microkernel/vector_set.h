/*
 * Interrupt vectors of one CPU that are handed out to devices. One that comes back is handed out
 * again as late as possible: an interrupt that is still on its way then finds nobody.
 */
#ifndef CAIRN_VECTOR_SET_H
#define CAIRN_VECTOR_SET_H

#include "types.h"

#define VECTOR_DEVICES 0x30u /* the first one; those below are for exceptions and the 8259s */
#define DEVICE_VECTORS 192u  /* up to VECTOR_TIMER */

struct vector_set {
    uint64_t used[DEVICE_VECTORS / 64];
    uint32_t next; /* where the search begins */
};

/* Takes one, as a number from 0; DEVICE_VECTORS: all are in use. */
__attribute__((warn_unused_result)) static inline uint32_t vector_take(struct vector_set *set)
{
    for (uint32_t i = 0; i < DEVICE_VECTORS; i++) {
        uint32_t n = (set->next + i) % DEVICE_VECTORS;
        if (!(set->used[n / 64] >> n % 64 & 1)) {
            set->used[n / 64] |= 1ull << n % 64;
            set->next = n + 1;
            return n;
        }
    }
    return DEVICE_VECTORS;
}

static inline void vector_give(struct vector_set *set, uint32_t n)
{
    set->used[n / 64] &= ~(1ull << n % 64);
}

#endif
