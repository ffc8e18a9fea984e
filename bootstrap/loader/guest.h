/*
 * What guests can have on a CPU, and how the kernel is to run them there, chosen from what the CPU
 * says of itself. Pure: guest_facts_read (prepare.c) asks the CPU.
 */
#pragma once

#include "handoff.h"
#include "x86.h"

#define MSR_VMX     0x480u /* the first of those that tell what VMX can do (SDM 3D, appendix A) */
#define VMX_MSRS    18u
#define VMX_BASIC   0u /* by their number from there on */
#define VMX_MISC    5u
#define VMX_CR0_SET 6u
#define VMX_CR4_SET 8u
#define VMX_CR4_MAY 9u
#define VMX_PROC2   11u
#define VMX_EPT     12u
#define VMX_PIN     13u /* "true" ones, those that tell which of the default bits may be 0 */
#define VMX_PROC    14u
#define VMX_EXIT    15u
#define VMX_ENTRY   16u

#define VMX_BASIC_REVISION 0x7fffffffull
#define VMX_BASIC_TRUE     (1ull << 55)

#define SVM_NESTED_PAGING (1u << 0) /* CPUID 0x8000000a, EDX */

/* A register that a CPU does not have is 0 here. */
struct guest_facts {
    struct cpuid leaf1, leaf7, ext1, ext8, svm; /* 1, 7, 0x80000001, 0x80000008, 0x8000000a */
    struct cpuid xsave[XSAVE_COMPONENTS];       /* 0xd, by subleaf */
    uint64_t feature_control, vmx[VMX_MSRS];    /* CPUs with VMX */
    uint64_t vm_cr;                             /* CPUs with SVM */
    uint64_t arch_caps;                         /* IA32_ARCH_CAPABILITIES */
    uint64_t tsc_hz;
};

/* Fills guest, which is zero. Returns NULL, or what the CPU lacks: then guest says nothing. */
const char *guest_choose(const struct guest_facts *facts, struct handoff_guest *guest);

/* Of guest_choose, what is VMX's or SVM's own: kind, features, cr0, cr4, efer and tags of limits.
 */
const char *guest_choose_vmx(const struct guest_facts *facts, struct handoff_guest *guest);
const char *guest_choose_svm(const struct guest_facts *facts, struct handoff_guest *guest);

/* Which barriers the CPU needs (enum guest_barrier), by what it enumerates. */
uint32_t guest_barriers(const struct guest_facts *facts);

/*
 * Controls with all bits of `must`, those of `may` that can be had, and none of `never`; false if
 * there are no such ones. The capability has bits that must be 1 in its lower half, those that may
 * be in the upper one (SDM 3D, A.3).
 */
static inline _Bool vmx_choose(uint64_t capability, uint32_t must, uint32_t may, uint32_t never,
                               uint32_t *result)
{
    uint32_t set = (uint32_t)capability, allowed = (uint32_t)(capability >> 32);

    *result = (must | (may & allowed)) | set;
    return !(must & ~allowed) && !(set & never);
}
