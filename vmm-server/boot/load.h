/*
 * Where things go in the guest's RAM. Everything that a boot protocol writes has a place here, so
 * nothing lies over anything else, over the ACPI tables or outside of RAM. Also the memory map that
 * the guest is told.
 */
#pragma once

#include "boot.h"
#include "text.h"

/* Types of memory, as in ACPI 6.4, 15 (INT 15h, E820h); the three protocols use them. */
enum boot_memory { BOOT_RAM = 1, BOOT_RESERVED = 2, BOOT_ACPI = 3 };

struct boot_map_entry {
    uint64_t base, size; /* bytes */
    uint32_t type;       /* enum boot_memory */
};

/* RAM is three pieces at most, one of which the ACPI tables divide; they; the PCI configuration. */
#define BOOT_MAP_ENTRIES 8u

struct boot_map {
    uint32_t count;
    struct boot_map_entry entry[BOOT_MAP_ENTRIES]; /* by address; they do not overlap */
};

#define BOOT_PLACES 64u

struct boot_place {
    uint64_t base, size;
    const char *what;
};

struct boot_load {
    const struct boot_request *request;
    struct boot_error *error;
    struct boot_map map;
    uint32_t count;
    struct boot_place place[BOOT_PLACES];
};

/* A place that is wanted anywhere within [min, end). */
struct boot_wish {
    const char *what; /* it is for, in messages */
    uint64_t size, align, min, end;
    bool highest; /* as high as possible, instead of as low as possible */
};

#define BOOT_PAGE     4096ull
#define BOOT_LOW      0x1000ull   /* nobody is given the first page, */
#define BOOT_LOW_END  0xa0000ull  /* nor what is behind this, up to */
#define BOOT_HIGH     0x100000ull /* here */
#define BOOT_4G       0x100000000ull
#define BOOT_MMCONFIG 0xe0000000ull /* PCI configuration space, 256 MiB */

/* Says why, and is false. */
#define boot_fail(load, ...) \
    ((void)text_format((load)->error->text, sizeof((load)->error->text), __VA_ARGS__), false)

bool boot_load_begin(struct boot_load *load, const struct boot_request *request,
                     struct boot_error *error);

/* Takes exactly [gpa, gpa + size). Where the VMM has it, or NULL: it is not free RAM. */
void *boot_place_at(struct boot_load *load, uint64_t gpa, uint64_t size, const char *what);

/* Takes what is wished. Where the VMM has it, and in *gpa where the guest has it; or NULL. */
void *boot_place_find(struct boot_load *load, const struct boot_wish *wish, uint64_t *gpa);

/* Puts a string somewhere below 4 GiB, with its NUL. */
bool boot_place_string(struct boot_load *load, const char *string, const char *what, uint64_t *gpa);

/* Puts an image into whole pages below 4 GiB, as the wish says where. */
bool boot_place_image(struct boot_load *load, const struct boot_image *image, struct boot_wish wish,
                      uint64_t *gpa);
