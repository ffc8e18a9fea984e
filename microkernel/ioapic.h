/*
 * I/O APICs and the legacy interrupt controllers.
 */
#ifndef CAIRN_IOAPIC_H
#define CAIRN_IOAPIC_H

#include "types.h"

/*
 * Masks every input of every I/O APIC and of the two 8259 PICs, and records each I/O APIC's number
 * of inputs in the boot information. Before any local APIC masks LINT0: the firmware may have left
 * a PIC with a request pending, which must be withdrawn while its way to the CPU is still open.
 */
void interrupts_mask_all(void);

#define LINES_MAX 1024u /* global system interrupts that can be bound */

/* One past the highest input of all I/O APICs; at most LINES_MAX. */
extern uint32_t lines_count;

/* An input of an I/O APIC. */
struct line {
    volatile uint32_t *registers; /* of the I/O APIC; NULL: no line, to which nothing is done */
    uint32_t gsi;
    uint32_t redirection; /* register of the lower half of its entry */
    uint32_t entry;       /* what that is while it is open */
    bool level;
};

/* Where a global system interrupt comes in; flags of IRQ_BIND. False: nowhere. */
bool line_find(struct line *line, uint32_t gsi, uint64_t flags) __attribute__((warn_unused_result));

/* Lets the line interrupt the CPU with that APIC id, which is below 255. */
void line_open(struct line *line, uint32_t apic_id, uint32_t vector);

/* Of an open line. */
void line_mask(const struct line *line, bool masked);

/*
 * Masks it, and makes it an edge-triggered one: otherwise an interrupt that was not yet ended under
 * the old vector would keep the input from sending another one for good.
 */
void line_close(struct line *line);

#endif
