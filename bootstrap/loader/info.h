/*
 * The boot information area (ipc/abi/boot_info.h), written from what the loader knows.
 *
 * Layout: header, tables in the header's order, a copy of the ACPI root pointer if the boot loader
 * gave one, strings. Everything starts at a multiple of 8, strings excepted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "boot_info.h"
#include "hardware.h"
#include "modules.h"
#include "multiboot.h"
#include "ranges.h"

struct info_source {
    const struct input *input;
    const struct modules *modules;
    const struct hardware *hardware;
    const struct ranges *map;
    const struct boot_function *functions; /* bus mastering still on */
    uint32_t function_count;
};

enum info_status {
    INFO_SUCCESS = 0,
    INFO_TOO_LARGE, /* more than the given size */
};

/* Bytes to provide for info_build if up to more_ranges ranges are added to the map before it. */
uint64_t info_size(const struct info_source *source, uint32_t more_ranges);

/*
 * Write the area to memory[size], size a multiple of 4096, which is where it stays at the physical
 * address base. On an error the content is not to be used.
 */
enum info_status info_build(const struct info_source *source, uint8_t *memory, uint64_t base,
                            uint64_t size) __attribute__((warn_unused_result));
