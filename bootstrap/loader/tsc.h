/*
 * Do the CPUs' TSCs agree? Time is the TSC, on every CPU the same, or the machine is refused.
 */
#pragma once

#include <stdint.h>

#include "hardware.h"

/*
 * Compares the TSC of the CPU with this index, which waits in the loader (trampoline.S), with this
 * one's. *skew: an upper bound of the difference in ticks. HARDWARE_TSC_DIFFERS if it certainly is
 * not zero, after a line that says by how much; HARDWARE_CPU_SILENT if the CPU does not answer
 * within some seconds.
 */
enum hardware_status tsc_compare(uint32_t index, uint64_t tsc_hz, uint64_t *skew)
    __attribute__((warn_unused_result));
