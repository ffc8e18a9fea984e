/*
 * Model-specific registers that the monitor answers itself (Intel SDM 4; AMD APM 2, appendix A;
 * Linux's Documentation/virt/kvm/x86/msr.rst for KVM's). Those of the state page (EFER, PAT,
 * STAR.., SYSENTER, bases) and of the LAPIC (0x1b, 0x6e0, 0x800 to 0x8ff) are not among them.
 *
 * What is written is kept and told again, but for what the SDM calls reserved, which faults;
 * nothing of it has an effect but where there is a hook.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MSR_KVM_WALL_CLOCK  0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u
#define MSR_KVM_PV_EOI      0x4b564d04u

enum msr_result { MSR_DONE, MSR_FAULT /* #GP(0) */ };

/* None is NULL. */
struct msr_hooks {
    uint64_t (*now)(void *owner); /* the kernel's TSC, times the guest's ratio */
    /* The guest's TSC is now() + offset from now on (STATE_TSC). */
    void (*tsc_offset)(void *owner, uint64_t offset);
    /* KVM's: write the wall clock at gpa (pvclock_wall_clock). */
    void (*wall_clock)(void *owner, uint64_t gpa);
    /* Bit 0: on; the others: gpa of pvclock_vcpu_time_info, a multiple of 4. False: #GP. */
    bool (*system_time)(void *owner, uint64_t value);
    /* Bit 0: on; the others: gpa of a word, a multiple of 4. False: #GP. */
    bool (*pv_eoi)(void *owner, uint64_t value);
    void *owner;
};

#define MSR_MTRRS  4u  /* pairs of variable ones */
#define MSR_STORED 39u /* registers that are only kept */

struct msrs {
    struct msr_hooks hooks;
    bool amd;
    uint32_t physical_bits; /* of addresses: CPUID 0x80000008 */
    uint64_t microcode;     /* IA32_BIOS_SIGN_ID or PATCH_LEVEL: what the host has, or 0 */

    uint64_t tsc_offset, tsc_adjust;
    uint64_t stored[MSR_STORED];
};

/*
 * As after RESET, and as firmware leaves MTRRs: RAM is write-back, from GUEST_LOW_END to 4 GiB is
 * uncached; KVM's are off, which no hook is told. hooks, amd, physical_bits, microcode and
 * tsc_offset stay as they are.
 */
void msrs_reset(struct msrs *msrs);
enum msr_result msr_read(struct msrs *msrs, uint32_t number, uint64_t *value);
enum msr_result msr_write(struct msrs *msrs, uint32_t number, uint64_t value);
