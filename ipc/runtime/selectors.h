/*
 * Which selectors of a domain's capability table are free, as far as this allocator knows: it hands
 * out each selector of its range once until it is given back. Not safe for two threads at a time:
 * whoever shares one holds a lock.
 */
#pragma once

#include <stdint.h>

#define SELECTORS_MAX 1024u /* of one allocator */

/* No capability ever stands at selector 0 by this allocator's doing, so it means "none". */
#define SELECTOR_NONE 0u

struct selectors {
    uint32_t first, count;
    uint64_t taken[SELECTORS_MAX / 64];
};

/* Hands out selectors first to first + count - 1; count is at most SELECTORS_MAX, first not 0. */
void selectors_open(struct selectors *s, uint32_t first, uint32_t count);

/* count adjacent selectors, the lowest that are free; SELECTOR_NONE: there are not so many. */
uint32_t selectors_take(struct selectors *s, uint32_t count);

/* Gives back count selectors from selector on, which are empty. */
void selectors_give(struct selectors *s, uint32_t selector, uint32_t count);
