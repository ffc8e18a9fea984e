/*
 * Boot modules: found by name, unpacked, checked, and put where they stay.
 *
 * Until a module is unpacked, the memory that the boot loader put it into is MEMORY_LOADER;
 * afterwards it is FREE again. Every fault ends the boot with a line that names the module.
 */
#pragma once

#include <stdint.h>

#include "elf.h"
#include "handoff.h"
#include "multiboot.h"
#include "names.h"
#include "ranges.h"

#define MEMORY_BELOW (1ull << 32) /* everything that the loader takes lies below */
#define MEMORY_ABOVE 0x100000ull  /* and above what real mode and firmware can reach */

/* A module as it arrived. */
struct module {
    char name[NAME_MAX_BYTES];
    uint64_t base, size; /* as the boot loader left it */
    const char *arguments;
};

/* A data module as it stays. */
struct data_module {
    const struct module *module;
    uint64_t base, size; /* base on a page; the last page's rest is zero */
};

struct modules {
    uint32_t count, data_count;
    struct module module[INPUT_MAX_MODULES];
    struct data_module data[BOOT_MAX_MODULES];
};

/*
 * Name every module and reserve its memory in the map, in which so far only what the firmware and
 * the loader use is not FREE. Fails on names that are missing, bad or given twice, and on modules
 * that lie outside free memory or overlap.
 */
void modules_claim(struct modules *modules, const struct input *input, struct ranges *map);

/*
 * Load the ELF module of this name: its segments to memory of this type, described in segment[],
 * which has HANDOFF_MAX_SEGMENTS places. limits: virtual addresses allowed. Stores the entry point
 * and returns the number of segments.
 */
uint32_t modules_load(struct modules *modules, struct ranges *map, const char *name,
                      const struct elf_limits *limits, enum memory_type type,
                      struct handoff_segment *segment, uint64_t *entry);

/* Unpack every other module to MEMORY_MODULE; fills data[] in the order of the boot loader. */
void modules_unpack_data(struct modules *modules, struct ranges *map);

/*
 * size bytes of memory at the usual place, or the end of the boot: "what: too little memory ...".
 */
uint64_t memory_require(struct ranges *map, uint64_t size, enum memory_type type, uint32_t index,
                        const char *what);
