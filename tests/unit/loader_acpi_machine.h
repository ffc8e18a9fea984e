/*
 * ACPI tables of a made-up machine, and a memory in which every access goes to a heap block of
 * exactly the size that was asked for, so that the sanitizer sees any byte read beyond it.
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"

#define MACHINE_BASE 0xe0000u
#define MACHINE_SIZE 0x2000u
#define MACHINE_RSDP (MACHINE_BASE + 0x40)
#define VIEWS_MAX    20000u

static uint8_t machine[MACHINE_SIZE];
static uint32_t machine_used;
static void *views[VIEWS_MAX];
static unsigned view_count, views_refused;

static const void *machine_map(void *context, uint64_t address, uint64_t size)
{
    (void)context;
    if (address < MACHINE_BASE || address - MACHINE_BASE > MACHINE_SIZE ||
        size > MACHINE_SIZE - (address - MACHINE_BASE))
        return NULL;
    if (view_count == VIEWS_MAX) {
        views_refused++;
        return NULL;
    }
    void *view = malloc(size ? size : 1);
    memcpy(view, machine + (address - MACHINE_BASE), size);
    views[view_count++] = view;
    return view;
}

static const struct acpi_memory machine_memory = {.map = machine_map};

static inline void views_free(void)
{
    while (view_count)
        free(views[--view_count]);
}

static inline void put(uint32_t address, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        machine[address - MACHINE_BASE + i] = (uint8_t)(value >> (8 * i));
}

/* Makes the sum over [address, address + size) zero through the byte at that offset. */
static inline void checksum(uint32_t address, uint32_t size, uint32_t offset)
{
    uint8_t *data = machine + (address - MACHINE_BASE), sum = 0;

    data[offset] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + data[i]);
    data[offset] = (uint8_t)-sum;
}

/* A table with this content after its header; returns its address. */
static inline uint32_t table_put(const char *signature, const void *content, uint32_t size)
{
    uint32_t address = MACHINE_BASE + machine_used;

    memcpy(machine + machine_used, signature, 4);
    put(address + 4, ACPI_HEADER_SIZE + size, 4);
    memcpy(machine + machine_used + ACPI_HEADER_SIZE, content, size);
    checksum(address, ACPI_HEADER_SIZE + size, 9);
    machine_used += (ACPI_HEADER_SIZE + size + 15) & ~15u;
    return address;
}

static inline void rsdp_put(uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
    put(MACHINE_RSDP, 0x2052545020445352, 8); /* "RSD PTR " */
    put(MACHINE_RSDP + 15, revision, 1);
    put(MACHINE_RSDP + 16, rsdt, 4);
    put(MACHINE_RSDP + 20, 36, 4);
    put(MACHINE_RSDP + 24, xsdt, 8);
    checksum(MACHINE_RSDP, 20, 8);
    checksum(MACHINE_RSDP, 36, 32);
}

/* The list of tables, with entries of that many bytes. */
static inline uint32_t list_put(const char *signature, const uint64_t *entries, uint32_t count,
                                uint32_t bytes)
{
    uint8_t content[128];

    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < bytes; k++)
            content[i * bytes + k] = (uint8_t)(entries[i] >> (8 * k));
    return table_put(signature, content, count * bytes);
}

static inline void machine_clear(void)
{
    memset(machine, 0, sizeof(machine));
    machine_used = 0x80;
}
