/*
 * What CPUID tells a guest (Intel SDM 2A, "CPUID"; AMD APM 3, appendix E): the host's features that
 * we know and can give, and topology, frequencies and hypervisor leaves of our own. Nothing depends
 * on the CPU that the VMM happens to run on, so answers never change but for OSXSAVE and the size
 * of the XSAVE area, which follow the guest's CR4 and XCR0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_info.h"

#define CPUID_LAPIC_HZ 1000000000u /* at which the LAPIC's timer counts, undivided */

struct cpuid_view {
    void (*host)(uint32_t leaf, uint32_t subleaf, uint32_t out[4]); /* EAX, EBX, ECX, EDX */
    struct boot_guest limits;
    uint64_t tsc_hz;   /* of the guest's TSC */
    uint32_t vcpus;    /* in one package, each a core; 1 to 256 */
    uint32_t apic_id;  /* of this VCPU */
    uint64_t cr4;      /* of this VCPU now */
    uint64_t xcr0;     /* the same */
    bool apic_enabled; /* IA32_APIC_BASE bit 11 of this VCPU */
};

void cpuid(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
