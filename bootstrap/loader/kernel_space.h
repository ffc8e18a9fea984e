/*
 * The kernel's half of all address spaces (ipc/abi/kernel_layout.h), built by the loader because it
 * is built once. It is pure but for the frames that it fills, which are mapped one to one.
 */
#pragma once

#include <stdint.h>

#include "handoff.h"
#include "hardware.h"
#include "ranges.h"

struct kernel_space_source {
    const struct ranges *map;
    const struct hardware *hardware;
    const struct handoff_segment *segment; /* of the kernel; the first one begins its image */
    uint32_t segments;
};

/* Frames that kernel_space_build may take, in one piece. */
uint64_t kernel_space_frames(const struct kernel_space_source *source);

/*
 * Builds it out of the frames from base on and fills root, ports_none, trace, cpu_frames and pool
 * of the handoff, which names the boot information already. Returns the first frame not taken.
 */
uint64_t kernel_space_build(const struct kernel_space_source *source, uint64_t base,
                            struct handoff *handoff);
