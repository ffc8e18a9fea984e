/*
 * What the boot loader tells, from Multiboot 1 or 2, copied out.
 *
 * The information lies in memory that nobody has reserved. So all of it is copied first, with
 * every size checked against its tag and every text against its bound, and never looked at again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_info.h"

#define MULTIBOOT1_LOADER_MAGIC 0x2badb002u
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289u

#define INPUT_MAX_MODULES  (BOOT_MAX_MODULES + 2) /* kernel and first are not handed on */
#define INPUT_MAX_MEMORY   BOOT_MAX_RANGES
#define INPUT_STRING_BYTES 32768
#define INPUT_TEXT_MAX     4096 /* bytes of one text, its NUL included */
#define INPUT_RSDP_MAX     36

enum multiboot_status {
    MULTIBOOT_SUCCESS = 0,
    MULTIBOOT_BAD_MAGIC,
    MULTIBOOT_BAD_INFORMATION, /* a size, an offset or a tag that cannot be */
    MULTIBOOT_NO_MEMORY_MAP,
    MULTIBOOT_MANY_RANGES,
    MULTIBOOT_MANY_MODULES,
    MULTIBOOT_BAD_MODULE, /* a module that ends before it begins, or above 4 GiB */
    MULTIBOOT_LONG_TEXT,  /* a text that is too long or has no end, or too much of it */
};

struct input_module {
    uint64_t base, size;
    const char *arguments; /* NUL-terminated, in strings[] */
};

/* As the firmware says: E820 types, unsorted, possibly overlapping. */
struct input_memory {
    uint64_t base, size;
    uint32_t type;
};

struct input {
    const char *command_line, *boot_loader; /* NUL-terminated, in strings[]; never NULL */
    uint32_t memory_count, module_count;
    struct input_memory memory[INPUT_MAX_MEMORY];
    struct input_module module[INPUT_MAX_MODULES];
    struct boot_framebuffer framebuffer; /* base 0: none */
    bool text_screen;                    /* VGA text mode is on, as far as can be told */
    uint32_t rsdp_size;                  /* bytes in rsdp[], 0: the boot loader gave none */
    uint8_t rsdp[INPUT_RSDP_MAX];        /* copy of the ACPI root pointer */
    uint32_t strings_used;
    char strings[INPUT_STRING_BYTES];
};

/*
 * Physical memory [address, address + size), or NULL where the loader cannot read it. Never NULL's
 * own page. Defined by the loader's main file, and by the host tests over a made-up memory.
 */
const uint8_t *memory_view(uint64_t address, uint64_t size);

/*
 * Read what the boot loader left: its magic number and the physical address of its information.
 * Sources: Multiboot 0.6.96, 3.3; Multiboot 2.0, 3.6. On an error *input is not to be used.
 */
enum multiboot_status multiboot_read(uint32_t magic, uint64_t information, struct input *input)
    __attribute__((warn_unused_result));

/* The error in words, static. */
const char *multiboot_status_text(enum multiboot_status status);
