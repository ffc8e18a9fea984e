#include "bus.h"

#include <stddef.h>

static uint64_t mask_of(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

bool bus_add(struct bus *bus, const struct bus_range *range)
{
    uint32_t at = 0;

    if (bus->count == BUS_RANGES || !range->size || range->base + (range->size - 1) < range->base)
        return false;
    while (at < bus->count && bus->range[at].base < range->base)
        at++;
    if (at > 0 && range->base - bus->range[at - 1].base < bus->range[at - 1].size)
        return false;
    if (at < bus->count && bus->range[at].base - range->base < range->size)
        return false;
    for (uint32_t i = bus->count; i > at; i--)
        bus->range[i] = bus->range[i - 1];
    bus->range[at] = *range;
    bus->count++;
    bus->last = 0;
    return true;
}

void bus_remove(struct bus *bus, uint64_t base)
{
    uint32_t at = 0;

    while (at < bus->count && bus->range[at].base != base)
        at++;
    if (at == bus->count)
        return;
    bus->count--;
    for (uint32_t i = at; i < bus->count; i++)
        bus->range[i] = bus->range[i + 1];
    bus->last = 0;
}

static bool holds(const struct bus_range *range, uint64_t address, unsigned size)
{
    uint64_t offset = address - range->base;

    return offset < range->size && size <= range->size - offset;
}

static const struct bus_range *find(struct bus *bus, uint64_t address, unsigned size)
{
    uint32_t low = 0;
    uint32_t high = bus->count;

    if (bus->count && holds(&bus->range[bus->last], address, size))
        return &bus->range[bus->last];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bus->range[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || !holds(&bus->range[low - 1], address, size))
        return NULL;
    bus->last = low - 1;
    return &bus->range[low - 1];
}

/* A device may change the bus while it is asked, so the range is copied where more is to come. */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size)
{
    const struct bus_range *range = find(bus, address, size);
    uint64_t value = 0;

    if (!range)
        return mask_of(size);
    if (size <= range->widest)
        return range->operations->read(range->device, address - range->base, size) & mask_of(size);
    struct bus_range copy = *range;
    for (unsigned at = 0; at < size; at += copy.widest)
        value |= (copy.operations->read(copy.device, address - copy.base + at, copy.widest) &
                  mask_of(copy.widest))
                 << at * 8;
    return value;
}

void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    const struct bus_range *range = find(bus, address, size);

    if (!range)
        return;
    if (size <= range->widest) {
        range->operations->write(range->device, address - range->base, size, value & mask_of(size));
        return;
    }
    struct bus_range copy = *range;
    for (unsigned at = 0; at < size; at += copy.widest)
        copy.operations->write(copy.device, address - copy.base + at, copy.widest,
                               value >> at * 8 & mask_of(copy.widest));
}
