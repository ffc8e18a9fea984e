/*
 * Does a CPU have what the kernel relies on? The facts are gathered by hardware_check_cpu; judging
 * them is pure.
 */
#ifndef CAIRN_LOADER_CPU_CHECK_H
#define CAIRN_LOADER_CPU_CHECK_H

#include <stdint.h>

#include "hardware.h"

/* CPUID bits that also say which of the registers below may be read. */
#define LEAF1_ECX_VMX  (1u << 5)
#define LEAF1_EDX_MSR  (1u << 5)
#define LEAF1_EDX_APIC (1u << 9)
#define EXT1_ECX_SVM   (1u << 2)

/* A register that a CPU does not have, or must not be read on it, is 0 here. */
struct cpu_facts {
    uint32_t leaf1_ecx, leaf1_edx; /* CPUID 1 */
    uint32_t leaf7_ebx;            /* CPUID 7 */
    uint32_t ext1_ecx, ext1_edx;   /* CPUID 0x80000001 */
    uint64_t apic_base;            /* IA32_APIC_BASE */
    uint64_t feature_control;      /* IA32_FEATURE_CONTROL, Intel's CPUs with VMX */
    uint64_t vm_cr;                /* VM_CR, CPUs with SVM */
};

enum hardware_status cpu_facts_judge(const struct cpu_facts *facts)
    __attribute__((warn_unused_result));

#endif
