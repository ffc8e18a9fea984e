/*
 * The loader's memory map against a reference that stores a type for every cell of a small memory:
 * every pair of additions exhaustively, then long random sequences of all operations.
 */
#include "ranges.h"

#include <stdlib.h>

#include "tap.h"

#define CELL  512ull /* bytes; eight to a page, so that page rounding is seen */
#define CELLS 384u

struct model {
    uint8_t type[CELLS]; /* 0: not in the map */
    uint8_t index[CELLS];
};

static const enum memory_type firmware_types[] = {
    MEMORY_FREE,     MEMORY_ACPI_TABLES, MEMORY_ACPI_NVS,
    MEMORY_RESERVED, MEMORY_DEFECTIVE,   MEMORY_FRAMEBUFFER,
};

#define FIRMWARE_TYPES (sizeof(firmware_types) / sizeof(firmware_types[0]))

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static unsigned strictness(unsigned type)
{
    for (unsigned i = 0; i < FIRMWARE_TYPES; i++)
        if (firmware_types[i] == type)
            return i + 1;
    return type ? 100 : 0;
}

static void model_add(struct model *model, unsigned start, unsigned end, enum memory_type type)
{
    for (unsigned i = start; i < end; i++)
        if (strictness(type) > strictness(model->type[i])) {
            model->type[i] = (uint8_t)type;
            model->index[i] = 0;
        }
}

static void model_set(struct model *model, unsigned start, unsigned end, enum memory_type type,
                      unsigned index)
{
    memset(model->type + start, (int)type, end - start);
    memset(model->index + start, (int)index, end - start);
}

/* A page keeps its free cells only if all of it is free. */
static void model_trim(struct model *model)
{
    for (unsigned page = 0; page < CELLS; page += 8) {
        unsigned free = 0;

        for (unsigned i = page; i < page + 8; i++)
            free += model->type[i] == MEMORY_FREE;
        for (unsigned i = page; i < page + 8 && free < 8; i++)
            if (model->type[i] == MEMORY_FREE)
                model->type[i] = 0;
    }
}

/* First cell of the lowest free run, or CELLS. */
static unsigned model_take(const struct model *model, unsigned cells, unsigned align,
                           unsigned floor, unsigned limit)
{
    for (unsigned start = 0; start + cells <= limit; start += align) {
        unsigned free = 0;

        if (start < floor)
            continue;
        while (free < cells && model->type[start + free] == MEMORY_FREE)
            free++;
        if (free == cells)
            return start;
    }
    return CELLS;
}

/* Sorted, not empty, not overlapping, alike neighbours joined, and the same as the model. */
static bool map_agrees(const struct ranges *map, const struct model *model)
{
    struct model seen = {{0}, {0}};
    uint64_t end = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        const struct boot_memory *range = &map->entry[i];

        if (!range->size || range->base < end || range->base + range->size > CELLS * CELL)
            return false;
        if (i && range->base == end && range->type == map->entry[i - 1].type &&
            range->index == map->entry[i - 1].index)
            return false;
        end = range->base + range->size;
        model_set(&seen, (unsigned)(range->base / CELL), (unsigned)(end / CELL),
                  (enum memory_type)range->type, range->index);
    }
    for (unsigned i = 0; i < CELLS; i++)
        if (seen.type[i] != model->type[i] || (seen.type[i] && seen.index[i] != model->index[i]))
            return false;
    return true;
}

static void test_pairs(void)
{
    enum { WIDTH = 6, INTERVALS = WIDTH * (WIDTH + 1) / 2 };
    unsigned interval[INTERVALS][2], count = 0, wrong = 0, tried = 0;

    for (unsigned start = 0; start < WIDTH; start++)
        for (unsigned end = start + 1; end <= WIDTH; end++, count++) {
            interval[count][0] = start;
            interval[count][1] = end;
        }
    for (unsigned n = 0; n < FIRMWARE_TYPES * FIRMWARE_TYPES * INTERVALS * INTERVALS; n++) {
        const unsigned *one = interval[n % INTERVALS];
        const unsigned *two = interval[n / INTERVALS % INTERVALS];
        unsigned types = n / (INTERVALS * INTERVALS);
        enum memory_type first = firmware_types[types % FIRMWARE_TYPES];
        enum memory_type second = firmware_types[types / FIRMWARE_TYPES];
        struct ranges map = {.count = 0};
        struct model model = {{0}, {0}};

        wrong += ranges_add(&map, one[0] * CELL, (one[1] - one[0]) * CELL, first) != 0;
        wrong += ranges_add(&map, two[0] * CELL, (two[1] - two[0]) * CELL, second) != 0;
        model_add(&model, one[0], one[1], first);
        model_add(&model, two[0], two[1], second);
        wrong += !map_agrees(&map, &model);
        tried++;
    }
    is_u64(wrong, 0, "every pair of additions agrees with the model");
    is_u64(tried, 21u * 21 * 36, "all pairs were tried");
}

static bool random_take(struct ranges *map, struct model *model)
{
    unsigned pages = 1 + random_below(6), align = 8u << random_below(3);
    unsigned floor = 8 * random_below(8), limit = CELLS - 8 * random_below(8);
    struct ranges_place place = {align * CELL, floor * CELL, limit * CELL};
    unsigned expected = model_take(model, pages * 8, align, floor, limit);
    uint64_t size = pages * PAGE_SIZE - random_below(PAGE_SIZE), base = UINT64_MAX;
    enum ranges_status status = ranges_take(map, size, place, MEMORY_MODULE, 3, &base);

    if (expected == CELLS)
        return status == RANGES_NO_MEMORY && base == UINT64_MAX;
    model_set(model, expected, expected + pages * 8, MEMORY_MODULE, 3);
    return status == RANGES_SUCCESS && base == expected * CELL;
}

static bool random_queries(const struct ranges *map, const struct model *model)
{
    unsigned start = random_below(CELLS), end = start + random_below(CELLS - start + 1);
    enum memory_type type = firmware_types[random_below(FIRMWARE_TYPES)];
    unsigned alike = 0;

    for (unsigned i = start; i < end; i++)
        alike += model->type[i] == type;
    return ranges_total(map, type, start * CELL, end * CELL) == alike * CELL &&
           ranges_covered(map, start * CELL, (end - start) * CELL, type) == (alike == end - start);
}

static bool random_step(struct ranges *map, struct model *model)
{
    unsigned start = random_below(CELLS), end = start + 1 + random_below(CELLS - start);
    enum memory_type type = firmware_types[random_below(FIRMWARE_TYPES)];
    uint64_t base = start * CELL, size = (end - start) * CELL;
    unsigned index = random_below(3);

    switch (random_below(6)) {
    case 0:
    case 1:
        model_add(model, start, end, type);
        return ranges_add(map, base, size, type) == RANGES_SUCCESS;
    case 2:
        model_set(model, start, end, MEMORY_FREE, 0);
        return ranges_set(map, base, size, MEMORY_FREE, 0) == RANGES_SUCCESS;
    case 3:
        model_set(model, start, end, MEMORY_MODULE, index);
        return ranges_set(map, base, size, MEMORY_MODULE, index) == RANGES_SUCCESS;
    case 4:
        model_trim(model);
        ranges_trim_free(map);
        return true;
    default:
        model_trim(model);
        ranges_trim_free(map);
        return random_take(map, model);
    }
}

static void test_random(void)
{
    unsigned wrong = 0;

    for (unsigned round = 0; round < 60; round++) {
        struct ranges map = {.count = 0};
        struct model model = {{0}, {0}};

        for (unsigned step = 0; step < 100; step++) {
            wrong += !random_step(&map, &model);
            wrong += !random_queries(&map, &model);
            wrong += !map_agrees(&map, &model);
        }
    }
    is_u64(wrong, 0, "6000 random steps agree with the model");
}

static void test_limits(void)
{
    struct ranges map = {.count = 0};
    uint64_t base;

    ok(ranges_add(&map, UINT64_MAX - 10, 100, MEMORY_FREE) == RANGES_SUCCESS && map.count == 0,
       "a range that wraps at the end of everything is dropped");
    ok(ranges_add(&map, RANGES_LIMIT - 4096, UINT64_MAX, MEMORY_RESERVED) == RANGES_SUCCESS,
       "a size that wraps is accepted");
    is_u64(map.entry[0].size, 4096, "and cut off at the limit");
    ok(!ranges_covered(&map, RANGES_LIMIT - 4096, UINT64_MAX, MEMORY_RESERVED),
       "a query that wraps is not covered");
    ok(ranges_covered(&map, 5, 0, MEMORY_FREE), "no bytes are covered by anything");
    ok(ranges_take(&map, 0, (struct ranges_place){4096, 0, RANGES_LIMIT}, MEMORY_MODULE, 0,
                   &base) == RANGES_NO_MEMORY,
       "no bytes cannot be taken");
    ok(ranges_take(&map, UINT64_MAX, (struct ranges_place){4096, 0, RANGES_LIMIT}, MEMORY_MODULE, 0,
                   &base) == RANGES_NO_MEMORY,
       "a size that would wrap in rounding cannot be taken");
    is_u64(ranges_find(&map, RANGES_LIMIT - 4096), 0, "a range is found by its base");
    is_u64(ranges_find(&map, 1), map.count, "no range is found at another base");
}

static void test_capacity(void)
{
    struct ranges map = {.count = 0};
    enum ranges_status status = RANGES_SUCCESS;
    uint32_t added = 0;

    while (!status && added < 2 * BOOT_MAX_RANGES) {
        status = ranges_add(&map, PAGE_SIZE * 2 * added, PAGE_SIZE, MEMORY_FREE);
        added += !status;
    }
    is_u64(status, RANGES_FULL, "too many ranges are refused");
    ok(map.count == added && map.count >= BOOT_MAX_RANGES - 2, "the map holds %u ranges", added);
    ok(map.entry[map.count - 1].base == PAGE_SIZE * 2 * (added - 1), "the last one is unharmed");
}

int main(void)
{
    test_pairs();
    test_random();
    test_limits();
    test_capacity();
    return done_testing();
}
