/*
 * What a CPU must have before the kernel may start on it. Each feature has its own message; the
 * first one to be missed is virtualization, which matters most to whoever reads it.
 * Intel SDM 3C, 24.7 (IA32_FEATURE_CONTROL); AMD APM 2, 15.4 (VM_CR).
 */
#include "cpu_check.h"

#include "x86.h"

#define LEAF1_ECX_XSAVE    (1u << 26)
#define LEAF1_EDX_TSC      (1u << 4)
#define LEAF1_EDX_PAT      (1u << 16)
#define LEAF1_EDX_FXSR     (1u << 24)
#define LEAF1_EDX_SSE2     (1u << 26)
#define LEAF7_EBX_FSGSBASE (1u << 0)
#define EXT1_EDX_SYSCALL   (1u << 11)
#define EXT1_EDX_NX        (1u << 20)

#define XSAVE1_EAX_XGETBV1 (1u << 2)
#define APIC_BASE_ENABLED  (1ull << 11)

/* Features that are one CPUID bit each. */
static enum hardware_status judge_features(const struct cpu_facts *facts)
{
    const struct {
        uint32_t leaf, bit;
        enum hardware_status status;
    } needed[] = {
        {facts->leaf1_edx, LEAF1_EDX_MSR, HARDWARE_NO_MSR},
        {facts->leaf1_edx, LEAF1_EDX_TSC, HARDWARE_NO_TSC},
        {facts->leaf1_edx, LEAF1_EDX_APIC, HARDWARE_NO_APIC},
        {facts->leaf1_edx, LEAF1_EDX_PAT, HARDWARE_NO_PAT},
        {facts->leaf1_edx, LEAF1_EDX_FXSR, HARDWARE_NO_FXSR},
        {facts->leaf1_edx, LEAF1_EDX_SSE2, HARDWARE_NO_SSE2},
        {facts->leaf1_ecx, LEAF1_ECX_XSAVE, HARDWARE_NO_XSAVE},
        {facts->leaf7_ebx, LEAF7_EBX_FSGSBASE, HARDWARE_NO_FSGSBASE},
        {facts->ext1_edx, EXT1_EDX_NX, HARDWARE_NO_NX},
        {facts->ext1_edx, EXT1_EDX_SYSCALL, HARDWARE_NO_SYSCALL},
    };

    for (uint32_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!(needed[i].leaf & needed[i].bit))
            return needed[i].status;
    return HARDWARE_OK;
}

/* An unlocked IA32_FEATURE_CONTROL is not an error: prepare.c writes it. */
static enum hardware_status judge_virtualization(const struct cpu_facts *facts)
{
    if (facts->leaf1_ecx & LEAF1_ECX_VMX) {
        if ((facts->feature_control & FEATURE_CONTROL_LOCKED) &&
            !(facts->feature_control & FEATURE_CONTROL_VMX))
            return HARDWARE_VMX_OFF;
        return HARDWARE_OK;
    }
    if (facts->ext1_ecx & EXT1_ECX_SVM)
        return (facts->vm_cr & VM_CR_SVMDIS) ? HARDWARE_SVM_OFF : HARDWARE_OK;
    return HARDWARE_NO_VIRTUALIZATION;
}

enum hardware_status vectors_judge(const struct cpu_facts *facts)
{
    if (!(facts->xsave1_eax & XSAVE1_EAX_XGETBV1))
        return HARDWARE_NO_XGETBV1;
    return facts->xsave_ecx > HANDOFF_VECTORS_MAX ? HARDWARE_VECTORS_LARGE : HARDWARE_OK;
}

enum hardware_status cpu_facts_judge(const struct cpu_facts *facts)
{
    enum hardware_status status = judge_virtualization(facts);

    if (status == HARDWARE_OK)
        status = judge_features(facts);
    if (status == HARDWARE_OK)
        status = vectors_judge(facts);
    if (status != HARDWARE_OK)
        return status;
    if (!(facts->apic_base & APIC_BASE_ENABLED))
        return HARDWARE_APIC_OFF;
    if ((facts->apic_base & APIC_BASE_ADDRESS) >= ADDRESS_LIMIT)
        return HARDWARE_APIC_HIGH;
    return HARDWARE_OK;
}
