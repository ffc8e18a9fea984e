/*
 * ACPI tables of the platform (ACPI 6.4, 5.2; PCI Firmware Specification 3.0, 4.1.2; HPET 1.0a,
 * 3.2.4) in the guest's RAM. All but the number of VCPUs is the same for every guest; the DSDT is
 * dsdt.asl, compiled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest_memory.h"

struct acpi_request {
    const struct guest_memory *memory;
    uint64_t rsdp;       /* guest-physical address of the root pointer: a multiple of 16; systems
                          * that nobody tells it look for it from 0xe0000 to 0xfffff; not
                          * among the tables */
    uint64_t base, size; /* of all other tables; a multiple of 64 */
    uint32_t vcpus;      /* their APIC IDs are 0, 1, 2... */
    uint32_t hpet_id;    /* low half of the HPET's capabilities register */
};

#define ACPI_RSDP_SIZE 36u
#define ACPI_VCPUS     1024u /* at most */

/* In PIC mode: the IRQ of a wire of PCI's interrupts, 0 to 3. */
#define ACPI_PCI_IRQ(wire) (10u + (wire) % 2)

/* Bytes that the tables but the root pointer take for so many VCPUs. */
uint64_t acpi_tables_size(uint32_t vcpus);

/* False, and nothing is written: they do not fit, or it is not RAM. */
bool acpi_tables_write(const struct acpi_request *request);

/* dsdt.c */
extern const uint8_t acpi_dsdt[];
extern const uint32_t acpi_dsdt_size;
