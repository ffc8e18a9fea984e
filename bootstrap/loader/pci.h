/*
 * Switching off bus mastering on PCI functions, over an abstract configuration space.
 */
#pragma once

#include <stdint.h>

#include "hardware.h"

/*
 * Configuration space of one segment. A function that is not there reads as all ones. offset is a
 * multiple of the access's size and below 256.
 */
struct pci_space {
    uint32_t (*read32)(void *context, struct boot_function function, uint32_t offset);
    void (*write16)(void *context, struct boot_function function, uint32_t offset, uint16_t value);
    void *context;
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

/* What a scan found. on and functions count further than the table reaches. */
struct pci_masters {
    uint32_t functions;          /* functions that are there */
    uint32_t on;                 /* of those, bus mastering could not be switched off */
    struct boot_function *table; /* BOOT_MAX_FUNCTIONS entries: the first of them */
};

/* Visits every function of the segment; adds to masters; a warning line for each that stays on. */
void pci_stop_masters(const struct pci_space *space, struct pci_masters *masters);
