/* First fit over a bitmap: selectors stay low, so a domain's table stays small. */
#include "selectors.h"

#include <stdbool.h>

static bool is_taken(const struct selectors *s, uint32_t i)
{
    return s->taken[i / 64] >> i % 64 & 1;
}

void selectors_open(struct selectors *s, uint32_t first, uint32_t count)
{
    *s = (struct selectors){.first = first, .count = count < SELECTORS_MAX ? count : SELECTORS_MAX};
}

uint32_t selectors_take(struct selectors *s, uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        run = is_taken(s, i) ? 0 : run + 1;
        if (run != count)
            continue;
        for (uint32_t k = i + 1 - count; k <= i; k++)
            s->taken[k / 64] |= 1ull << k % 64;
        return s->first + i + 1 - count;
    }
    return SELECTOR_NONE;
}

void selectors_give(struct selectors *s, uint32_t selector, uint32_t count)
{
    for (uint32_t i = selector - s->first; count-- > 0 && i < s->count; i++)
        s->taken[i / 64] &= ~(1ull << i % 64);
}
