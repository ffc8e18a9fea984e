/*
 * Does a CPU have what the kernel relies on? The facts are gathered by hardware_check_cpu; judging
 * them is pure.
 */
#pragma once

#include <stdint.h>

#include "hardware.h"

/* CPUID bits that also say which of the registers below may be read. */
#define LEAF1_ECX_VMX  (1u << 5)
#define LEAF1_EDX_MSR  (1u << 5)
#define LEAF1_EDX_APIC (1u << 9)
#define EXT1_ECX_SVM   (1u << 2)

#define FEATURE_CONTROL_LOCKED (1ull << 0)
#define FEATURE_CONTROL_VMX    (1ull << 2) /* outside SMX */
#define VM_CR_SVMDIS           (1ull << 4)

/* A register that a CPU does not have, or must not be read on it, is 0 here. */
struct cpu_facts {
    uint32_t leaf1_ecx, leaf1_edx; /* CPUID 1 */
    uint32_t leaf7_ebx;            /* CPUID 7 */
    uint32_t ext1_ecx, ext1_edx;   /* CPUID 0x80000001 */
    uint32_t xsave_ecx;            /* CPUID 0xd: bytes of the XSAVE area of all components */
    uint32_t xsave1_eax;           /* and its subleaf 1 */
    uint64_t apic_base;            /* IA32_APIC_BASE */
    uint64_t feature_control;      /* IA32_FEATURE_CONTROL, Intel's CPUs with VMX */
    uint64_t vm_cr;                /* VM_CR, CPUs with SVM */
};

/* The vector state alone, of which other CPUs than the first have facts. */
enum hardware_status vectors_judge(const struct cpu_facts *facts)
    __attribute__((warn_unused_result));

enum hardware_status cpu_facts_judge(const struct cpu_facts *facts)
    __attribute__((warn_unused_result));
