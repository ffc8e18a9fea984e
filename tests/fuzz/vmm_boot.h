/*
 * What the targets of the boot protocols share: a small guest, each of whose pieces of RAM, and
 * each image, is memory of its own, so that a byte read or written beside it is seen.
 *
 * An input is 8 bytes and the kernel's image: bits of what is asked (ASK_*), 100s of bytes of
 * initrd, pages behind which ACPI's tables are, bytes of the command line, bytes of the first
 * module, three unused.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "bytes.h"

#define ASK_INITRD  1u
#define ASK_MODULES 2u
#define ASK_TABLES  4u

#define LOW_SIZE  0xa0000u
#define HIGH_SIZE 0x60000u
#define HIGH      0xc0000ull
#define FAR_SIZE  0x8000u
#define FAR_BASE  0x200000ull
#define TABLES    0x1800u /* bytes */
#define PATTERN   0x5a

typedef bool boot_protocol(const struct boot_request *, struct vcpu_state *, uint32_t *,
                           struct boot_error *);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Memory to the byte. */
static struct boot_image image_make(const uint8_t *data, size_t size, const char *arguments)
{
    uint8_t *copy = malloc(size ? size : 1);

    require(copy);
    if (size && data)
        memcpy(copy, data, size);
    else
        memset(copy, 0x11, size ? size : 1);
    return (struct boot_image){copy, size, arguments};
}

static const struct guest_memory *memory_make(void)
{
    static struct guest_memory memory;

    if (!memory.count) {
        memory = (struct guest_memory){3,
                                       {{0, LOW_SIZE, malloc(LOW_SIZE)},
                                        {HIGH, HIGH_SIZE, malloc(HIGH_SIZE)},
                                        {FAR_BASE, FAR_SIZE, malloc(FAR_SIZE)}}};
        require(memory.ram[0].host && memory.ram[1].host && memory.ram[2].host);
        for (uint32_t i = 0; i < memory.count; i++)
            memset(memory.ram[i].host, 0xff, memory.ram[i].size);
    }
    return &memory;
}

/* Boots it, and looks at what no image may do. False: it was refused. */
static bool boot_one(boot_protocol *protocol, const uint8_t *data, size_t size,
                     struct vcpu_state *state)
{
    static char line[256];
    struct boot_image modules[2] = {image_make(NULL, data[4], "a module"),
                                    image_make(NULL, 0, NULL)};
    struct boot_request r = {.memory = memory_make(),
                             .kernel = image_make(data + 8, size - 8, NULL),
                             .initrd = image_make(NULL, data[1] * 100ull, NULL),
                             .modules = modules,
                             .module_count = data[0] & ASK_MODULES ? 2 : 0,
                             .command_line = line};
    struct boot_image initrd = r.initrd;
    struct boot_error error = {""};
    uint32_t changed = 0;
    uint8_t *tables = NULL;

    memset(line, 'l', data[3]);
    line[data[3]] = 0;
    if (!(data[0] & ASK_INITRD))
        r.initrd.size = 0;
    if (data[0] & ASK_TABLES) {
        r.acpi_base = r.rsdp = data[2] * 4096ull + 0x10;
        r.acpi_size = TABLES;
        tables = guest_at(r.memory, r.acpi_base, TABLES);
        if (tables)
            memset(tables, PATTERN, TABLES);
    }
    bool booted = protocol(&r, state, &changed, &error);
    require(booted ? changed != 0 : strlen(error.text) > 0);
    require(strlen(error.text) < sizeof(error.text));
    for (uint32_t i = 0; tables && i < TABLES; i++)
        require(tables[i] == PATTERN);
    if (booted)
        require(guest_at(r.memory, state->rip, 1) != NULL);
    free((void *)(uintptr_t)r.kernel.data);
    free((void *)(uintptr_t)initrd.data);
    free((void *)(uintptr_t)modules[0].data);
    free((void *)(uintptr_t)modules[1].data);
    return booted;
}

/* An address that the guest was given leads to a string of its RAM with its end. */
static void require_string(uint64_t gpa)
{
    for (uint64_t i = 0; i < 256; i++) {
        const char *c = guest_at(memory_make(), gpa + i, 1);
        require(c != NULL);
        if (!*c)
            return;
    }
    abort();
}

static const uint8_t *require_ram(uint64_t gpa, uint64_t size)
{
    const uint8_t *p = guest_at(memory_make(), gpa, size);

    require(p != NULL);
    return p;
}
