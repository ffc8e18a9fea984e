/*
 * ACPI tables: finding and checking them (acpi.c), and reading what the kernel is told from them
 * (acpi_describe.c). ACPI 6.4, chapter 5. Everything here was written by the firmware: a table is
 * used only after its length and checksum were checked, through acpi_memory alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hardware.h"

/*
 * Access to physical memory. map returns a pointer to [address, address + size), readable for as
 * long as the tables are used, or NULL when any byte of it cannot be reached. Any alignment, any
 * size, sums that overflow included.
 */
struct acpi_memory {
    const void *(*map)(void *context, uint64_t address, uint64_t size);
    void *context;
};

/* A table in memory: length bytes at data, of which the first ACPI_HEADER_SIZE are its header. */
struct acpi_table {
    const uint8_t *data;
    uint32_t length;
    uint64_t address;
};

#define ACPI_HEADER_SIZE 36u

/* The list of tables that the root pointer leads to. */
struct acpi_root {
    const struct acpi_memory *memory;
    uint64_t rsdp;          /* physical address of the root pointer */
    const uint8_t *entries; /* addresses of tables, little-endian */
    uint32_t count;
    uint32_t entry_size; /* 4 (RSDT) or 8 (XSDT) */
};

/* Little-endian numbers at any alignment. */
static inline uint16_t acpi_read16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t acpi_read32(const uint8_t *p)
{
    return acpi_read16(p) | (uint32_t)acpi_read16(p + 2) << 16;
}

static inline uint64_t acpi_read64(const uint8_t *p)
{
    return acpi_read32(p) | (uint64_t)acpi_read32(p + 4) << 32;
}

/*
 * Finds the root pointer, at hint if that is not 0 and valid, otherwise by searching low memory,
 * and the XSDT, or else the RSDT, that it names. Errors: NO_RSDP, NO_ROOT_TABLE.
 */
enum hardware_status acpi_open(struct acpi_root *root, const struct acpi_memory *memory,
                               uint64_t hint) __attribute__((warn_unused_result));

/*
 * Checks the table at address: readable, signature (4 characters), length, checksum. A warning
 * line and false if it cannot be used.
 */
bool acpi_table_at(const struct acpi_memory *memory, uint64_t address, const char *signature,
                   struct acpi_table *table);

/*
 * The next usable table with that signature from entry *cursor on (start with 0); moves *cursor
 * behind it. false when there is none.
 */
bool acpi_next(const struct acpi_root *root, const char *signature, uint32_t *cursor,
               struct acpi_table *table);

/* This CPU's local APIC, which decides how the tables' CPU list is read. */
struct acpi_boot_cpu {
    uint32_t apic_id;
    bool x2apic; /* it is in x2APIC mode: ids above 254 can be reached */
};

/*
 * Fills all of hw that the tables tell. Errors: NO_MADT, BAD_MADT, NO_FADT,
 * BAD_FADT. hw must be zero before.
 */
enum hardware_status acpi_describe(const struct acpi_root *root,
                                   const struct acpi_boot_cpu *boot_cpu, struct hardware *hw)
    __attribute__((warn_unused_result));
