/*
 * The map of physical memory. See ranges.h for the invariants. Every change goes through
 * range_replace, which cuts a hole into the map and fills it.
 */
#include "ranges.h"

static uint64_t range_end(const struct boot_memory *range)
{
    return range->base + range->size;
}

static unsigned type_strictness(uint32_t type)
{
    switch (type) {
    case MEMORY_FREE:
        return 0;
    case MEMORY_ACPI_TABLES:
        return 1;
    case MEMORY_ACPI_NVS:
        return 2;
    case MEMORY_RESERVED:
        return 3;
    case MEMORY_DEFECTIVE:
        return 4;
    case MEMORY_FRAMEBUFFER:
        return 5;
    default:
        return 6; /* already in use */
    }
}

/* Number of the first range that ends after the address. */
static uint32_t range_after(const struct ranges *map, uint64_t address)
{
    uint32_t i = 0;

    while (i < map->count && range_end(&map->entry[i]) <= address)
        i++;
    return i;
}

/* Join ranges [first, last] with their neighbours where these touch and are alike. */
static void ranges_join(struct ranges *map, uint32_t first, uint32_t last)
{
    uint32_t kept = first;

    for (uint32_t i = first + 1; i < map->count; i++) {
        struct boot_memory *before = &map->entry[kept];
        const struct boot_memory *range = &map->entry[i];

        if (i <= last && range_end(before) == range->base && before->type == range->type &&
            before->index == range->index)
            before->size += range->size;
        else
            map->entry[++kept] = *range;
    }
    map->count = kept + 1;
}

/*
 *      before:  [ first ....... ] [ .. ] [ ..... last ]
 *      new:              [================]
 *      after:   [ left  ][      new       ][ right    ]
 *
 * left and right are missing where the new range covers that end.
 */
enum ranges_status ranges_set(struct ranges *map, uint64_t base, uint64_t size,
                              enum memory_type type, uint32_t index)
{
    uint64_t end = base + size;
    struct boot_memory piece[3];
    uint32_t pieces = 0, first, past;

    if (size == 0)
        return RANGES_SUCCESS;
    if (map->count + 2 > BOOT_MAX_RANGES)
        return RANGES_FULL;
    first = range_after(map, base);
    past = first;
    while (past < map->count && map->entry[past].base < end)
        past++;

    if (first < past && map->entry[first].base < base) {
        piece[pieces] = map->entry[first];
        piece[pieces++].size = base - map->entry[first].base;
    }
    piece[pieces++] = (struct boot_memory){base, size, type, index};
    if (first < past && range_end(&map->entry[past - 1]) > end) {
        piece[pieces] = map->entry[past - 1];
        piece[pieces].base = end;
        piece[pieces++].size = range_end(&map->entry[past - 1]) - end;
    }

    if (first + pieces > past) {
        for (uint32_t i = map->count; i-- > past;)
            map->entry[i + first + pieces - past] = map->entry[i];
    } else {
        for (uint32_t i = past; i < map->count; i++)
            map->entry[i + first + pieces - past] = map->entry[i];
    }
    map->count = map->count + first + pieces - past;
    for (uint32_t i = 0; i < pieces; i++)
        map->entry[first + i] = piece[i];
    ranges_join(map, first ? first - 1 : 0, first + pieces);
    return RANGES_SUCCESS;
}

enum ranges_status ranges_add(struct ranges *map, uint64_t base, uint64_t size,
                              enum memory_type type)
{
    uint64_t end;

    if (base >= RANGES_LIMIT)
        return RANGES_SUCCESS;
    end = size > RANGES_LIMIT - base ? RANGES_LIMIT : base + size;

    /* Each turn handles one gap or one existing range, so it ends. */
    while (base < end) {
        uint32_t i = range_after(map, base);
        const struct boot_memory *range = &map->entry[i];
        bool hit = i < map->count && range->base <= base;
        uint64_t stop = end;

        if (hit && range_end(range) < end)
            stop = range_end(range);
        else if (!hit && i < map->count && range->base < end)
            stop = range->base;
        if (!hit || type_strictness(range->type) < type_strictness(type)) {
            enum ranges_status status = ranges_set(map, base, stop - base, type, 0);

            if (status)
                return status;
        }
        base = stop;
    }
    return RANGES_SUCCESS;
}

void ranges_trim_free(struct ranges *map)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        struct boot_memory range = map->entry[i];

        if (range.type == MEMORY_FREE) {
            uint64_t base = page_round_up(range.base);
            uint64_t end = range_end(&range) & ~(PAGE_SIZE - 1);

            if (base >= end)
                continue;
            range.base = base;
            range.size = end - base;
        }
        map->entry[kept++] = range;
    }
    map->count = kept;
}

enum ranges_status ranges_take(struct ranges *map, uint64_t size, struct ranges_place place,
                               enum memory_type type, uint32_t index, uint64_t *base)
{
    if (size == 0 || size > RANGES_LIMIT)
        return RANGES_NO_MEMORY;
    size = page_round_up(size);

    for (uint32_t i = 0; i < map->count; i++) {
        const struct boot_memory *range = &map->entry[i];
        uint64_t start = range->base > place.floor ? range->base : place.floor;
        uint64_t end = range_end(range) < place.limit ? range_end(range) : place.limit;
        enum ranges_status status;

        if (range->type != MEMORY_FREE || start >= end)
            continue;
        start = (start + place.align - 1) & ~(place.align - 1);
        if (start >= end || end - start < size)
            continue;
        status = ranges_set(map, start, size, type, index);
        if (!status)
            *base = start;
        return status;
    }
    return RANGES_NO_MEMORY;
}

bool ranges_covered(const struct ranges *map, uint64_t base, uint64_t size, enum memory_type type)
{
    uint64_t end = base + size;

    if (size == 0)
        return true;
    if (end < base)
        return false;
    for (uint32_t i = range_after(map, base); i < map->count; i++) {
        const struct boot_memory *range = &map->entry[i];

        if (range->base > base || range->type != type)
            return false;
        base = range_end(range);
        if (base >= end)
            return true;
    }
    return false;
}

uint64_t ranges_total(const struct ranges *map, enum memory_type type, uint64_t floor,
                      uint64_t limit)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        const struct boot_memory *range = &map->entry[i];
        uint64_t start = range->base > floor ? range->base : floor;
        uint64_t end = range_end(range) < limit ? range_end(range) : limit;

        if (range->type == type && start < end)
            total += end - start;
    }
    return total;
}

uint32_t ranges_find(const struct ranges *map, uint64_t base)
{
    uint32_t i = 0;

    while (i < map->count && map->entry[i].base != base)
        i++;
    return i;
}
