/* Free memory in pieces: where a part is taken from, and what is left. */
#include <stdlib.h>

#include "pieces.h"
#include "tap.h"

#define MEBIBYTE (1ull << 20)

static struct pieces all;
static struct piece got;

static void begin(uint64_t base, uint64_t size, uint32_t range)
{
    pieces_add(&all, &(struct piece){base, size, range});
}

static void test_one(void)
{
    all.count = 0;
    begin(5 * MEBIBYTE, 20 * MEBIBYTE, 7);
    ok(pieces_take(&all, 4 * MEBIBYTE, 2 * MEBIBYTE, &got), "a part");
    is_u64(got.base, 6 * MEBIBYTE, "where it is aligned");
    is_u64(got.size, 4 * MEBIBYTE, "of that size");
    is_u64(got.range, 7, "of that range");
    is_u64(pieces_sum(&all), 16 * MEBIBYTE, "nothing is lost");
    is_u64(pieces_largest(&all), 15 * MEBIBYTE, "behind it");
    ok(pieces_take(&all, 4096, 4096, &got), "a page");
    is_u64(got.base, 5 * MEBIBYTE, "of the piece in front");
    ok(!pieces_take(&all, 16 * MEBIBYTE, 4096, &got), "more than a piece has");
    ok(!pieces_take(&all, 4096, 64 * MEBIBYTE, &got), "no place that is aligned");
    ok(pieces_take(&all, 15 * MEBIBYTE, 4096, &got), "a whole piece");
    is_u64(all.count, 1, "which is none any more");
}

static void test_best(void)
{
    all.count = 0;
    begin(0, 100 * MEBIBYTE, 0);
    begin(200 * MEBIBYTE, 9 * MEBIBYTE, 1);
    begin(300 * MEBIBYTE, 50 * MEBIBYTE, 2);
    begin(400 * MEBIBYTE, 0, 3);
    is_u64(all.count, 3, "a piece of nothing is none");
    ok(pieces_take(&all, 8 * MEBIBYTE, 2 * MEBIBYTE, &got) && got.range == 1, "the smallest");
    ok(pieces_take(&all, 8 * MEBIBYTE, 2 * MEBIBYTE, &got) && got.range == 2, "then the next");
    ok(pieces_take(&all, 60 * MEBIBYTE, 4096, &got) && got.range == 0, "the large one is whole");
}

static bool overlap(const struct piece *a, const struct piece *b)
{
    return a->base < b->base + b->size && b->base < a->base + a->size;
}

/* Any sizes and alignments, until there is nothing: no byte twice, none lost. */
static void test_random(void)
{
    static struct piece taken[2000];
    unsigned count = 0, wrong = 0, most = 0;
    uint64_t sum = 0, seed = 1;

    all.count = 0;
    for (unsigned i = 0; i < 8; i++)
        begin(i * (1000 * MEBIBYTE + 4096), (i + 1) * (37 * MEBIBYTE), i);
    const uint64_t whole = pieces_sum(&all);
    for (unsigned n = 0; n < 4000 && count < 700; n++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t size = ((seed >> 33) % 3000 + 1) * 4096, align = 4096ull << (seed >> 60);
        if (!pieces_take(&all, size, align, &got))
            continue;
        wrong += got.size != size || got.base % align || all.count > PIECES_MAX;
        most = all.count > most ? all.count : most;
        taken[count++] = got;
        sum += size;
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            wrong += overlap(&taken[i], &taken[k]);
    is_u64(sum + pieces_sum(&all), whole, "what is taken and what is left is all");
    is_u64(wrong, 0, "no byte twice, all where it was asked for, of %u pieces", count);
    ok(most <= 8 + count, "at most %u pieces", most);
}

int main(void)
{
    test_one();
    test_best();
    test_random();
    return done_testing();
}
