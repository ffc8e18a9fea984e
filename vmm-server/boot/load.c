#include "load.h"

#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- the map --- */

static void map_add(struct boot_map *map, uint64_t base, uint64_t end, uint32_t type)
{
    uint32_t at = map->count;

    if (base >= end || map->count == BOOT_MAP_ENTRIES)
        return;
    for (; at > 0 && map->entry[at - 1].base > base; at--)
        map->entry[at] = map->entry[at - 1];
    map->entry[at] = (struct boot_map_entry){base, end - base, type};
    map->count++;
}

/* RAM but for the ACPI tables. */
static void map_add_ram(struct boot_map *map, const struct boot_request *r, uint64_t base,
                        uint64_t end)
{
    uint64_t acpi_end = r->acpi_base + r->acpi_size;

    if (!r->acpi_size || r->acpi_base >= end || acpi_end <= base) {
        map_add(map, base, end, BOOT_RAM);
        return;
    }
    map_add(map, base, r->acpi_base, BOOT_RAM);
    map_add(map, acpi_end, end, BOOT_RAM);
}

/* A PC has ROMs from the VGA's window to 1 MiB: no RAM there is told of, but for ACPI tables. */
static void map_make(struct boot_map *map, const struct boot_request *r)
{
    map->count = 0;
    for (uint32_t i = 0; i < r->memory->count; i++) {
        uint64_t base = r->memory->ram[i].gpa, end = base + r->memory->ram[i].size;
        map_add_ram(map, r, base, least(end, BOOT_LOW_END));
        map_add_ram(map, r, base > BOOT_HIGH ? base : BOOT_HIGH, end);
    }
    map_add(map, r->acpi_base, r->acpi_base + r->acpi_size, BOOT_ACPI);
    map_add(map, BOOT_MMCONFIG, BOOT_MMCONFIG + (256ull << 20), BOOT_RESERVED);
}

bool boot_load_begin(struct boot_load *load, const struct boot_request *request,
                     struct boot_error *error)
{
    load->request = request;
    load->error = error;
    load->count = 0;
    error->text[0] = 0;
    if (request->acpi_size && !guest_at(request->memory, request->acpi_base, request->acpi_size))
        return boot_fail(load, "ACPI tables: %lx bytes at %lx are not RAM", request->acpi_size,
                         request->acpi_base);
    map_make(&load->map, request);
    return true;
}

/* --- places --- */

/* What lies over [base, base + size), or NULL. */
static const struct boot_place *place_over(const struct boot_load *load, uint64_t base,
                                           uint64_t size)
{
    for (uint32_t i = 0; i < load->count; i++) {
        const struct boot_place *p = &load->place[i];
        if (base < p->base + p->size && p->base < base + size)
            return p;
    }
    return NULL;
}

static bool is_free_ram(const struct boot_load *load, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < load->map.count; i++) {
        const struct boot_map_entry *e = &load->map.entry[i];
        if (e->type == BOOT_RAM && base >= e->base && base - e->base <= e->size &&
            size <= e->size - (base - e->base))
            return true;
    }
    return false;
}

static void *place_take(struct boot_load *load, uint64_t base, uint64_t size, const char *what)
{
    if (load->count == BOOT_PLACES) {
        (void)boot_fail(load, "%s: more than %lu pieces", what, (unsigned long)BOOT_PLACES);
        return NULL;
    }
    load->place[load->count++] = (struct boot_place){base, size, what};
    return guest_at(load->request->memory, base, size);
}

void *boot_place_at(struct boot_load *load, uint64_t gpa, uint64_t size, const char *what)
{
    const struct boot_place *over;

    if (!size || !is_free_ram(load, gpa, size)) {
        (void)boot_fail(load, "%s: %lx bytes at %lx are not RAM that is free", what, size, gpa);
        return NULL;
    }
    over = place_over(load, gpa, size);
    if (over) {
        (void)boot_fail(load, "%s: %lx bytes at %lx lie over the %s", what, size, gpa, over->what);
        return NULL;
    }
    return place_take(load, gpa, size, what);
}

/* Aligned, in [base, end) and free: the lowest address. align is a power of two. */
static bool find_lowest(const struct boot_load *load, const struct boot_wish *wish, uint64_t base,
                        uint64_t end, uint64_t *found)
{
    for (uint32_t tries = 0; tries <= load->count; tries++) {
        const struct boot_place *over;
        uint64_t at = (base + wish->align - 1) & ~(wish->align - 1);
        if (at < base || at > end || wish->size > end - at)
            return false;
        over = place_over(load, at, wish->size);
        if (!over) {
            *found = at;
            return true;
        }
        base = over->base + over->size;
    }
    return false;
}

/* The highest one. */
static bool find_highest(const struct boot_load *load, const struct boot_wish *wish, uint64_t base,
                         uint64_t end, uint64_t *found)
{
    for (uint32_t tries = 0; tries <= load->count; tries++) {
        const struct boot_place *over;
        if (end < base || wish->size > end - base)
            return false;
        uint64_t at = (end - wish->size) & ~(wish->align - 1);
        if (at < base)
            return false;
        over = place_over(load, at, wish->size);
        if (!over) {
            *found = at;
            return true;
        }
        end = over->base;
    }
    return false;
}

void *boot_place_find(struct boot_load *load, const struct boot_wish *wish, uint64_t *gpa)
{
    const struct boot_map *map = &load->map;

    for (uint32_t i = 0; i < map->count && wish->size; i++) {
        const struct boot_map_entry *e = &map->entry[wish->highest ? map->count - 1 - i : i];
        uint64_t base = e->base > wish->min ? e->base : wish->min;
        uint64_t end = least(e->base + e->size, wish->end);
        if (e->type != BOOT_RAM || base >= end)
            continue;
        if (wish->highest ? find_highest(load, wish, base, end, gpa)
                          : find_lowest(load, wish, base, end, gpa))
            return place_take(load, *gpa, wish->size, wish->what);
    }
    (void)boot_fail(load, "%s: no %lx bytes of RAM are free from %lx to %lx", wish->what,
                    wish->size, wish->min, wish->end);
    return NULL;
}

bool boot_place_string(struct boot_load *load, const char *string, const char *what, uint64_t *gpa)
{
    struct boot_wish wish = {what, strlen(string) + 1, 16, BOOT_LOW, BOOT_4G, false};
    char *to = boot_place_find(load, &wish, gpa);

    if (to)
        memcpy(to, string, wish.size);
    return to != NULL;
}

bool boot_place_image(struct boot_load *load, const struct boot_image *image, struct boot_wish wish,
                      uint64_t *gpa)
{
    uint8_t *to;

    if (image->size > BOOT_4G)
        return boot_fail(load, "%s: %lx bytes are too many", wish.what, image->size);
    wish.size = (image->size + BOOT_PAGE - 1) & ~(BOOT_PAGE - 1);
    wish.align = BOOT_PAGE;
    if (!wish.size)
        wish.size = BOOT_PAGE;
    to = boot_place_find(load, &wish, gpa);
    if (!to)
        return false;
    if (image->size)
        memcpy(to, image->data, image->size);
    memset(to + image->size, 0, wish.size - image->size);
    return true;
}
