/*
 * Control registers and MSRs of one CPU. What is recorded as a protection was read back from the
 * register that enforces it, so the record is what is in force, not what was asked for. What every
 * CPU must have, the loader has looked for.
 */
#include "cpu.h"
#include "vectors.h"
#include "x86.h"

#define LEAF1_ECX_PCID         (1u << 17)
#define LEAF1_ECX_X2APIC       (1u << 21)
#define LEAF1_ECX_TSC_DEADLINE (1u << 24)
#define LEAF7_EBX_SMEP         (1u << 7)
#define LEAF7_EBX_SMAP         (1u << 20)
#define LEAF7_ECX_UMIP         (1u << 2)

/*
 * Memory types by page-table bits PWT and PCD: 0 write-back, 1 write-combining, 2 uncached unless
 * an MTRR says write-combining, 3 uncached; the upper half repeats them (SDM 3A, 11.12.4).
 */
#define PAT_VALUE 0x0007010600070106ull

uint64_t cpu_features_enable(struct cpu *cpu)
{
    struct cpuid leaf1 = cpuid(1, 0);
    struct cpuid leaf7 = cpuid(7, 0);
    uint64_t cr4 = CR4_DE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT |
                   CR4_OSXSAVE | CR4_FSGSBASE;

    cr4 |= leaf7.ebx & LEAF7_EBX_SMEP ? CR4_SMEP : 0;
    cr4 |= leaf7.ebx & LEAF7_EBX_SMAP ? CR4_SMAP : 0;
    cr4 |= leaf7.ecx & LEAF7_ECX_UMIP ? CR4_UMIP : 0;
    cr4 |= leaf1.ecx & LEAF1_ECX_PCID ? CR4_PCIDE : 0; /* CR3's low bits are zero so far */
    cr4_write(cr4);
    msr_write(MSR_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    cr0_write(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG);
    msr_write(MSR_PAT, PAT_VALUE);
    dr7_write(0x400);
    vectors_enable(cpu);

    cpu->x2apic = leaf1.ecx & LEAF1_ECX_X2APIC;
    cpu->tsc_deadline = leaf1.ecx & LEAF1_ECX_TSC_DEADLINE;
    cr4 = cr4_read();
    return (msr_read(MSR_EFER) & EFER_NXE ? CPU_FEATURE_NX : 0) |
           (cr0_read() & CR0_WP ? CPU_FEATURE_WP : 0) | (cr4 & CR4_SMEP ? CPU_FEATURE_SMEP : 0) |
           (cr4 & CR4_SMAP ? CPU_FEATURE_SMAP : 0) | (cr4 & CR4_UMIP ? CPU_FEATURE_UMIP : 0) |
           (cpu->x2apic ? CPU_FEATURE_X2APIC : 0) |
           (cpu->tsc_deadline ? CPU_FEATURE_TSC_DEADLINE : 0);
}
