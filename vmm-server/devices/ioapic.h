/*
 * I/O APIC (Intel 82093AA) with 24 pins, and the EOI register of version 0x20 (ICH9, 13.5).
 *
 * A line says whether its device asks, not a voltage: so the polarity bit of an entry is kept and
 * read back, and does not invert anything. An edge on a masked pin is lost. A level is asked again
 * when its entry is written, its line rises, or its remote IRR is cleared.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "apics.h"
#include "devices.h"

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_PINS 24u

struct ioapic {
    struct apics *apics;
    uint64_t entry[IOAPIC_PINS]; /* redirection table, as read */
    uint32_t lines;              /* their levels */
    uint32_t remote;             /* pins whose remote IRR is set */
    uint8_t select, id;
};

/* False: there is no room on the memory bus. */
bool ioapic_open(struct ioapic *ioapic, struct machine *machine, struct apics *apics);
void ioapic_reset(struct ioapic *ioapic);

/* A line's level; pins from IOAPIC_PINS on are ignored. Is the function of a struct line. */
void ioapic_set(void *ioapic, uint32_t pin, bool level);
/* End of interrupt of that vector, for all pins that have it; the hook apics.eoi. */
void ioapic_eoi(void *ioapic, uint8_t vector);
