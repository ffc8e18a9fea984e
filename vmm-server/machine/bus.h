/*
 * Address spaces of a guest: I/O ports, and guest-physical addresses that are not RAM. Who is asked
 * for an access is found by its address; a device registers the ranges that it answers.
 *
 * An access is 1, 2, 4 or 8 bytes. It goes to the range that holds all of it; what is wider than
 * the range takes is split into its widest pieces, lowest address first, as a bus does. Where there
 * is no range, or the access leaves one, reads give all ones and writes go nowhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of a device. offset is from the range's base; size is at most the range's `widest`. */
struct bus_operations {
    uint64_t (*read)(void *device, uint64_t offset, unsigned size);
    void (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
};

struct bus_range {
    uint64_t base, size; /* bytes, or ports */
    const struct bus_operations *operations;
    void *device;
    unsigned widest; /* bytes that one access of the device can have: 1, 2, 4 or 8 */
};

#define BUS_RANGES 96u

/* Ranges in order of their addresses; they do not overlap. */
struct bus {
    uint32_t count;
    uint32_t last; /* the range that was found last: the next access is likely there */
    struct bus_range range[BUS_RANGES];
};

/* False: it overlaps another range, its end is not an address, or there are BUS_RANGES. */
bool bus_add(struct bus *bus, const struct bus_range *range);
/* The range that begins there, if any, is gone. */
void bus_remove(struct bus *bus, uint64_t base);

uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size);
void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);
