#include "pieces.h"

void pieces_add(struct pieces *all, const struct piece *piece)
{
    if (piece->size && all->count < PIECES_MAX)
        all->piece[all->count++] = *piece;
}

/* Bytes in front of the first multiple. */
static uint64_t gap_of(const struct piece *p, uint64_t align)
{
    return -p->base & (align - 1);
}

static bool has(const struct piece *p, uint64_t size, uint64_t align)
{
    uint64_t gap = gap_of(p, align);

    return gap < p->size && p->size - gap >= size;
}

bool pieces_take(struct pieces *all, uint64_t size, uint64_t align, struct piece *taken)
{
    struct piece *best = 0;

    for (uint32_t i = 0; i < all->count; i++)
        if (has(&all->piece[i], size, align) && (!best || all->piece[i].size < best->size))
            best = &all->piece[i];
    if (!best)
        return false;
    const struct piece whole = *best;
    uint64_t gap = gap_of(best, align);
    *taken = (struct piece){whole.base + gap, size, whole.range};
    *best = all->piece[--all->count];
    pieces_add(all, &(struct piece){whole.base, gap, whole.range});
    pieces_add(all, &(struct piece){taken->base + size, whole.size - gap - size, whole.range});
    return true;
}

uint64_t pieces_sum(const struct pieces *all)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < all->count; i++)
        sum += all->piece[i].size;
    return sum;
}

uint64_t pieces_largest(const struct pieces *all)
{
    uint64_t largest = 0;

    for (uint32_t i = 0; i < all->count; i++)
        largest = all->piece[i].size > largest ? all->piece[i].size : largest;
    return largest;
}
