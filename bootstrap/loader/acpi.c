/*
 * Finding ACPI tables. Nothing is read that acpi_memory did not map for exactly that length, and
 * every loop is bounded by a length that was checked against a constant first.
 */
#include "acpi.h"

#include <stddef.h>

#include "console.h"

#define RSDP_SIZE_1    20u /* ACPI 1.0: what the first checksum covers */
#define RSDP_SIZE_2    36u
#define RSDP_SIZE_MAX  4096u
#define TABLE_SIZE_MAX (8u << 20)
#define ROOT_ENTRIES   1024u
#define EBDA_POINTER   0x40eu /* word in the BIOS data area: segment of the EBDA */
#define EBDA_SEARCH    1024u
#define BIOS_AREA      0xe0000u
#define BIOS_AREA_SIZE 0x20000u

static bool sum_is_zero(const uint8_t *data, uint32_t size)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + data[i]);
    return sum == 0;
}

static bool same_bytes(const uint8_t *data, const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (data[i] != (uint8_t)text[i])
            return false;
    return true;
}

/* The root pointer's bytes at address, checked (ACPI 6.4, 5.2.5.3), or NULL. */
static const uint8_t *rsdp_at(const struct acpi_memory *memory, uint64_t address)
{
    const uint8_t *rsdp = memory->map(memory->context, address, RSDP_SIZE_1);

    if (!rsdp || !same_bytes(rsdp, "RSD PTR ", 8) || !sum_is_zero(rsdp, RSDP_SIZE_1))
        return NULL;
    if (rsdp[15] < 2)
        return rsdp;
    rsdp = memory->map(memory->context, address, RSDP_SIZE_2);
    if (!rsdp)
        return NULL;
    uint32_t length = acpi_read32(rsdp + 20);
    if (length < RSDP_SIZE_2 || length > RSDP_SIZE_MAX)
        return NULL;
    rsdp = memory->map(memory->context, address, length);
    return rsdp && sum_is_zero(rsdp, length) ? rsdp : NULL;
}

/* Searches [base, base + size) at multiples of 16; its address, or 0. */
static uint64_t rsdp_search(const struct acpi_memory *memory, uint64_t base, uint32_t size)
{
    for (uint32_t offset = 0; offset < size; offset += 16)
        if (rsdp_at(memory, base + offset))
            return base + offset;
    return 0;
}

/* ACPI 6.4, 5.2.5.1: the first KiB of the EBDA, then the BIOS area. */
static uint64_t rsdp_find(const struct acpi_memory *memory, uint64_t hint)
{
    if (hint) {
        if (rsdp_at(memory, hint))
            return hint;
        console_line("warning: the boot loader's ACPI root pointer at %lx is not valid, searching",
                     (unsigned long)hint);
    }
    const uint8_t *pointer = memory->map(memory->context, EBDA_POINTER, 2);
    uint64_t ebda = pointer ? (uint64_t)acpi_read16(pointer) << 4 : 0;
    uint64_t found = ebda >= 0x400 ? rsdp_search(memory, ebda, EBDA_SEARCH) : 0;

    return found ? found : rsdp_search(memory, BIOS_AREA, BIOS_AREA_SIZE);
}

bool acpi_table_at(const struct acpi_memory *memory, uint64_t address, const char *signature,
                   struct acpi_table *table)
{
    const uint8_t *data = memory->map(memory->context, address, ACPI_HEADER_SIZE);

    if (!data) {
        console_line("warning: ACPI table %s at %lx lies outside the low 4 GiB", signature,
                     (unsigned long)address);
        return false;
    }
    if (!same_bytes(data, signature, 4)) {
        console_line("warning: no ACPI table %s at %lx", signature, (unsigned long)address);
        return false;
    }
    uint32_t length = acpi_read32(data + 4);
    if (length < ACPI_HEADER_SIZE || length > TABLE_SIZE_MAX ||
        !(data = memory->map(memory->context, address, length))) {
        console_line("warning: ACPI table %s at %lx has the impossible length %u", signature,
                     (unsigned long)address, length);
        return false;
    }
    if (!sum_is_zero(data, length)) {
        console_line("warning: ACPI table %s at %lx has a wrong checksum", signature,
                     (unsigned long)address);
        return false;
    }
    *table = (struct acpi_table){.data = data, .length = length, .address = address};
    return true;
}

/* Takes the XSDT or RSDT at address as the list of tables. */
static bool root_take(struct acpi_root *root, uint64_t address, const char *signature,
                      uint32_t entry_size)
{
    struct acpi_table table;

    if (!address || !acpi_table_at(root->memory, address, signature, &table))
        return false;
    root->entries = table.data + ACPI_HEADER_SIZE;
    root->entry_size = entry_size;
    root->count = (table.length - ACPI_HEADER_SIZE) / entry_size;
    if (root->count > ROOT_ENTRIES) {
        console_line("warning: ACPI table %s lists %u tables, using the first %u", signature,
                     root->count, ROOT_ENTRIES);
        root->count = ROOT_ENTRIES;
    }
    return true;
}

static uint64_t root_entry(const struct acpi_root *root, uint32_t index)
{
    const uint8_t *entry = root->entries + (uint64_t)index * root->entry_size;

    return root->entry_size == 8 ? acpi_read64(entry) : acpi_read32(entry);
}

/* Says once which of the listed tables cannot be reached; acpi_next passes over them silently. */
static void root_report_unreachable(const struct acpi_root *root)
{
    for (uint32_t i = 0; i < root->count; i++) {
        uint64_t address = root_entry(root, i);

        if (!root->memory->map(root->memory->context, address, ACPI_HEADER_SIZE))
            console_line("warning: an ACPI table at %lx lies outside the low 4 GiB",
                         (unsigned long)address);
    }
}

enum hardware_status acpi_open(struct acpi_root *root, const struct acpi_memory *memory,
                               uint64_t hint)
{
    *root = (struct acpi_root){.memory = memory, .rsdp = rsdp_find(memory, hint)};
    if (!root->rsdp)
        return HARDWARE_NO_RSDP;

    const uint8_t *rsdp = rsdp_at(memory, root->rsdp);
    if (!rsdp)
        return HARDWARE_NO_RSDP;
    if (!(rsdp[15] >= 2 && root_take(root, acpi_read64(rsdp + 24), "XSDT", 8)) &&
        !root_take(root, acpi_read32(rsdp + 16), "RSDT", 4))
        return HARDWARE_NO_ROOT_TABLE;
    root_report_unreachable(root);
    return HARDWARE_OK;
}

bool acpi_next(const struct acpi_root *root, const char *signature, uint32_t *cursor,
               struct acpi_table *table)
{
    while (*cursor < root->count) {
        uint64_t address = root_entry(root, (*cursor)++);
        const uint8_t *header = root->memory->map(root->memory->context, address, ACPI_HEADER_SIZE);

        if (header && same_bytes(header, signature, 4) &&
            acpi_table_at(root->memory, address, signature, table))
            return true;
    }
    return false;
}
