/*
 * MSRs that a guest can have of its own, and the choice (MSR_PASS_*) by which it gets each.
 */
#ifndef CAIRN_GUEST_MSRS_H
#define CAIRN_GUEST_MSRS_H

#include "types.h"

#define GUEST_MSRS 11u

extern const struct guest_msr {
    uint32_t choice, msr;
} guest_msrs_passed[GUEST_MSRS];

#endif
