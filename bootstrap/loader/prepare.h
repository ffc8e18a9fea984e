/*
 * Each CPU as the kernel wants to find it (ipc/abi/handoff.h): its registers, its local APIC, VMX
 * or SVM switched on.
 */
#pragma once

#include "hardware.h"

/*
 * Last of all, when the kernel's half is mapped and cpu_frames are there: prepares every CPU. Fills
 * handoff's x2apic, space_levels, guest and barriers, and the features in table[], the CPUs of the
 * boot information. Says why there can be no guests, where it is so. The other CPUs wait for
 * handoff->ap_entry then.
 */
enum hardware_status hardware_prepare_cpus(const struct hardware *hw, struct handoff *handoff,
                                           struct boot_cpu *table)
    __attribute__((warn_unused_result));
