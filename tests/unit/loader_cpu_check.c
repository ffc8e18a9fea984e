/*
 * What each missing CPU feature is answered with.
 */
#include "cpu_check.h"

#include <stddef.h>

#include "tap.h"

static const struct cpu_facts with_vmx = {.leaf1_ecx = 1u << 5 | 1u << 26,
                                          .leaf1_edx = 0x07810230u | 1u << 24,
                                          .leaf7_ebx = 1u << 0,
                                          .ext1_edx = 1u << 20 | 1u << 11,
                                          .xsave_ecx = HANDOFF_VECTORS_MAX,
                                          .xsave1_eax = 1u << 2,
                                          .apic_base = 0xfee00900};

static struct cpu_facts with_svm(void)
{
    struct cpu_facts facts = with_vmx;

    facts.leaf1_ecx &= ~(1u << 5);
    facts.ext1_ecx = 1u << 2;
    return facts;
}

/* One bit of one register is taken away. */
static const struct {
    const char *what;
    size_t offset;
    unsigned bit;
    enum hardware_status status;
} needed[] = {
    {"TSC", offsetof(struct cpu_facts, leaf1_edx), 4, HARDWARE_NO_TSC},
    {"MSR", offsetof(struct cpu_facts, leaf1_edx), 5, HARDWARE_NO_MSR},
    {"APIC", offsetof(struct cpu_facts, leaf1_edx), 9, HARDWARE_NO_APIC},
    {"PAT", offsetof(struct cpu_facts, leaf1_edx), 16, HARDWARE_NO_PAT},
    {"FXSR", offsetof(struct cpu_facts, leaf1_edx), 24, HARDWARE_NO_FXSR},
    {"SSE2", offsetof(struct cpu_facts, leaf1_edx), 26, HARDWARE_NO_SSE2},
    {"XSAVE", offsetof(struct cpu_facts, leaf1_ecx), 26, HARDWARE_NO_XSAVE},
    {"FSGSBASE", offsetof(struct cpu_facts, leaf7_ebx), 0, HARDWARE_NO_FSGSBASE},
    {"VMX", offsetof(struct cpu_facts, leaf1_ecx), 5, HARDWARE_NO_VIRTUALIZATION},
    {"SYSCALL", offsetof(struct cpu_facts, ext1_edx), 11, HARDWARE_NO_SYSCALL},
    {"XGETBV(1)", offsetof(struct cpu_facts, xsave1_eax), 2, HARDWARE_NO_XGETBV1},
    {"NX", offsetof(struct cpu_facts, ext1_edx), 20, HARDWARE_NO_NX},
};

int main(void)
{
    struct cpu_facts facts = with_vmx;

    is_u64(cpu_facts_judge(&facts), HARDWARE_OK, "VMX, feature control unlocked");
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        facts = with_vmx;
        *(uint32_t *)((char *)&facts + needed[i].offset) &= ~(1u << needed[i].bit);
        is_u64(cpu_facts_judge(&facts), needed[i].status, "no %s", needed[i].what);
    }

    facts = with_vmx;
    facts.feature_control = 5;
    is_u64(cpu_facts_judge(&facts), HARDWARE_OK, "VMX, locked on");
    facts.feature_control = 1;
    is_u64(cpu_facts_judge(&facts), HARDWARE_VMX_OFF, "VMX, locked off");
    facts.feature_control = 3;
    is_u64(cpu_facts_judge(&facts), HARDWARE_VMX_OFF, "VMX, locked on inside SMX only");

    facts = with_svm();
    is_u64(cpu_facts_judge(&facts), HARDWARE_OK, "SVM");
    facts.vm_cr = 1u << 4;
    is_u64(cpu_facts_judge(&facts), HARDWARE_SVM_OFF, "SVM switched off");

    facts = with_vmx;
    facts.xsave_ecx++;
    is_u64(cpu_facts_judge(&facts), HARDWARE_VECTORS_LARGE, "too much vector state");

    facts = with_vmx;
    facts.apic_base = 0xfee00100;
    is_u64(cpu_facts_judge(&facts), HARDWARE_APIC_OFF, "local APIC off");
    facts.apic_base = 0x1fee00900;
    is_u64(cpu_facts_judge(&facts), HARDWARE_APIC_HIGH, "local APIC above 4 GiB");
    facts.apic_base = 0xfee00d00;
    is_u64(cpu_facts_judge(&facts), HARDWARE_OK, "x2APIC mode");
    return done_testing();
}
