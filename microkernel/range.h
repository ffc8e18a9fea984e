/*
 * Ranges of what the machine has numbers for: I/O ports, interrupt lines (global system interrupts)
 * and PCI functions. A range made within another one is an object of its own: it lives as long as
 * nobody destroys it, and says nothing about who else may use the same numbers. What is exclusive
 * is in use where it is used: a line has one binding, a port is open in a domain once.
 */
#ifndef CAIRN_RANGE_H
#define CAIRN_RANGE_H

#include "object.h"
#include "types.h"

#define PORTS_COUNT 0xfff8u  /* the bitmap ends with its page, so the last eight are never open */
#define PCI_COUNT   0x10000u /* functions of segment 0: bus << 8 | device << 3 | function */

struct range {
    struct object object;
    uint32_t base, count;
};

_Static_assert(sizeof(struct range) <= 64, "a small cell");

/* Are the `count` numbers at an offset a range within this one, and not none? */
static inline bool range_holds(const struct range *range, uint64_t offset, uint64_t count)
{
    return count && offset < range->count && count <= range->count - offset;
}

/*
 * CONTROL of ranges. RDI: selector, RSI: operation, RDX, R8, R9 (ipc/abi/README.md).
 */
struct ec;
uint64_t range_control(struct ec *ec);

#endif
