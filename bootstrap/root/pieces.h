/*
 * Free memory as pieces, of which parts are taken and never given back. Pure. Bases and sizes are
 * multiples of a page's 4096 bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PIECES_MAX 768u

struct piece {
    uint64_t base, size; /* physical */
    uint32_t range;      /* the caller's name for what it is a part of */
};

struct pieces {
    uint32_t count;
    struct piece piece[PIECES_MAX];
};

void pieces_add(struct pieces *all, const struct piece *piece);

/*
 * Takes size bytes at a multiple of align, a power of two, from the smallest piece that has them,
 * so that large ones stay whole; what is around them stays. False: there is no such piece.
 */
__attribute__((warn_unused_result)) bool pieces_take(struct pieces *all, uint64_t size,
                                                     uint64_t align, struct piece *taken);

uint64_t pieces_sum(const struct pieces *all);
uint64_t pieces_largest(const struct pieces *all);
