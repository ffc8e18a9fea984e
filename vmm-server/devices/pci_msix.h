/*
 * MSI-X (PCI 3.0, 6.8.2): a table of messages, and a bit for each that could not be sent yet. Both
 * are in a BAR of 4 KiB: the table at 0, the bits at MSIX_PENDING.
 *
 * A message that is masked, or that its function cannot send because it is no bus master, is
 * pending, and is sent when it can be.
 */
#pragma once

#include "pci.h"

#define MSIX_VECTORS 64u
#define MSIX_PENDING 0x800u
#define MSIX_BYTES   0x1000u

struct msix {
    struct pci_function *function;
    struct message_port port;
    uint32_t capability; /* its offset */
    uint32_t vectors;
    uint64_t pending;
    struct msix_entry {
        uint32_t word[4]; /* address, its upper half, data, control */
    } table[MSIX_VECTORS];
};

/* Before pci_add: adds capability and BAR; vectors is 1 to MSIX_VECTORS. */
void msix_open(struct msix *msix, struct pci_function *function, uint32_t bar, uint32_t vectors,
               const struct message_port *port);
/* From the function's own operations. */
void msix_reset(struct msix *msix);
void msix_config_written(struct msix *msix);

/* The guest uses MSI-X, so INTA is silent. */
bool msix_enabled(const struct msix *msix);
/* Nothing, if there is no such vector or MSI-X is off. */
void msix_send(struct msix *msix, uint32_t vector);
