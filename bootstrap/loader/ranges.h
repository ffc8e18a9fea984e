/*
 * The map of physical memory: what each range is used for.
 *
 * Ranges are sorted by base, never overlap, are never empty, and end at or below RANGES_LIMIT, so
 * no sum of a base and a size wraps. Neighbours that touch and are alike are one range.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_info.h"

#define PAGE_SIZE    4096ull
#define RANGES_LIMIT (1ull << 52) /* x86 has no physical address at or above (SDM 3A, 4.1.4) */

enum ranges_status {
    RANGES_SUCCESS = 0,
    RANGES_FULL,      /* the map cannot hold another range */
    RANGES_NO_MEMORY, /* no free range is large enough */
};

struct ranges {
    uint32_t count;
    struct boot_memory entry[BOOT_MAX_RANGES];
};

/* Where ranges_take may look: [floor, limit), at multiples of align (a power of two of pages). */
struct ranges_place {
    uint64_t align;
    uint64_t floor;
    uint64_t limit;
};

/* Round a size in bytes up to whole pages. The size must be at most RANGES_LIMIT. */
static inline uint64_t page_round_up(uint64_t size)
{
    return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

/*
 * Enter a range as the firmware gave it. Where it meets another range, the stricter type wins:
 * FREE < ACPI_TABLES < ACPI_NVS < RESERVED < DEFECTIVE < FRAMEBUFFER. What lies at or above
 * RANGES_LIMIT is cut off. RANGES_FULL: a part may have been entered; the map is consistent.
 */
enum ranges_status ranges_add(struct ranges *map, uint64_t base, uint64_t size,
                              enum memory_type type) __attribute__((warn_unused_result));

/*
 * Give a range this type and index whatever it was before. base + size must not be above
 * RANGES_LIMIT. RANGES_FULL: nothing was changed.
 */
enum ranges_status ranges_set(struct ranges *map, uint64_t base, uint64_t size,
                              enum memory_type type, uint32_t index)
    __attribute__((warn_unused_result));

/* Shrink every FREE range to whole pages; FREE ranges of less than a page disappear. */
void ranges_trim_free(struct ranges *map);

/*
 * Find the lowest FREE range of size bytes, rounded up to pages, at the place; give it the type
 * and index and store its base. On an error the map and *base are unchanged.
 */
enum ranges_status ranges_take(struct ranges *map, uint64_t size, struct ranges_place place,
                               enum memory_type type, uint32_t index, uint64_t *base)
    __attribute__((warn_unused_result));

/* Is all of [base, base + size) of this type? False if the sum wraps; true for no bytes. */
bool ranges_covered(const struct ranges *map, uint64_t base, uint64_t size, enum memory_type type);

/* Bytes of this type in [floor, limit). */
uint64_t ranges_total(const struct ranges *map, enum memory_type type, uint64_t floor,
                      uint64_t limit);

/* The number of the range that starts at base, or map->count if there is none. */
uint32_t ranges_find(const struct ranges *map, uint64_t base);
