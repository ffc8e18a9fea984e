/*
 * Ranges of what the machine has numbers for: I/O ports, interrupt lines (global system interrupts)
 * and PCI functions. A range made within another one is a part (object.h). It says nothing about
 * who else may use the same numbers. What is exclusive is in use where it is used: a line has one
 * binding, a port is open in a domain once.
 */
#pragma once

#include "derive.h"

#define PORTS_COUNT 0xfff8u  /* the bitmap ends with its page, so the last eight are never open */
#define PCI_COUNT   0x10000u /* functions of segment 0: bus << 8 | device << 3 | function */

struct range {
    struct part part;
    uint32_t base, count;
};

/* Are the `count` numbers at an offset a range within this one, and not none? */
static inline bool range_holds(const struct range *range, uint64_t offset, uint64_t count)
{
    return count && offset < range->count && count <= range->count - offset;
}

/*
 * Makes a new part, whose object is complete, one of the object that slot names by `word`, and puts
 * its first capability, with the rights of `word` and that to destroy it, into destination, a
 * claimed slot. One of a CPU takes that share. STATUS_BAD_CAPABILITY: slot has changed;
 * STATUS_IN_USE: less is free; STATUS_DEPTH.
 */
__attribute__((warn_unused_result)) enum status part_derive(struct node *slot, uint64_t word,
                                                            struct part *part, uint32_t share,
                                                            struct node *destination);

/*
 * CONTROL of ranges of that type. RDI: selector, RSI: operation, RDX, R8, R9 (ipc/abi/README.md).
 */
struct ec;
uint64_t range_control(struct ec *ec, enum object_type type);
