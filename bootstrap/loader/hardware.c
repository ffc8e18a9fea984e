/*
 * The machine itself behind the pure parts: real registers and real memory are read here and
 * handed to the code that judges them. See hardware.h.
 */
#include "hardware.h"

#include <stddef.h>

#include "acpi.h"
#include "console.h"
#include "cpu_check.h"
#include "lapic.h"
#include "x86.h"

const char *hardware_status_text(enum hardware_status status)
{
    static const char *const texts[HARDWARE_STATUS_COUNT] = {
        [HARDWARE_OK] = "no error",
        [HARDWARE_NO_VIRTUALIZATION] = "this CPU has no virtualization (neither VMX nor SVM)",
        [HARDWARE_VMX_OFF] = "VMX is switched off by the firmware",
        [HARDWARE_SVM_OFF] = "SVM is switched off by the firmware",
        [HARDWARE_NO_NX] = "this CPU has no no-execute pages (NX)",
        [HARDWARE_NO_SYSCALL] = "this CPU has no SYSCALL instruction",
        [HARDWARE_NO_SSE2] = "this CPU has no SSE2",
        [HARDWARE_NO_FXSR] = "this CPU has no FXSAVE",
        [HARDWARE_NO_XSAVE] = "this CPU has no XSAVE",
        [HARDWARE_NO_FSGSBASE] = "this CPU has no instructions for segment bases (FSGSBASE)",
        [HARDWARE_NO_XGETBV1] = "a CPU cannot tell which vector state is in use (XGETBV(1))",
        [HARDWARE_VECTORS_LARGE] = "a CPU has more vector state than the kernel has room for",
        [HARDWARE_NO_PAT] = "this CPU has no page attribute table (PAT)",
        [HARDWARE_NO_TSC] = "this CPU has no time-stamp counter",
        [HARDWARE_NO_MSR] = "this CPU has no model-specific registers",
        [HARDWARE_NO_APIC] = "this CPU has no local APIC",
        [HARDWARE_APIC_OFF] = "the local APIC is switched off by the firmware",
        [HARDWARE_APIC_HIGH] = "the local APIC's registers lie above 4 GiB",
        [HARDWARE_NO_RSDP] = "no ACPI root pointer (RSDP)",
        [HARDWARE_NO_ROOT_TABLE] = "no usable ACPI root table (XSDT or RSDT)",
        [HARDWARE_NO_MADT] = "no usable ACPI table APIC (MADT)",
        [HARDWARE_BAD_MADT] = "the ACPI table APIC (MADT) is malformed",
        [HARDWARE_NO_FADT] = "no usable ACPI table FACP (FADT)",
        [HARDWARE_BAD_FADT] = "the ACPI table FACP (FADT) is too short",
        [HARDWARE_NO_CLOCK] = "no clock to measure the time-stamp counter with",
        [HARDWARE_CLOCK_STANDS_STILL] = "the ACPI PM timer stands still",
        [HARDWARE_CLOCK_UNSTEADY] = "the time-stamp counter cannot be measured within 200 ppm",
        [HARDWARE_TIMER_STANDS_STILL] = "the local APIC's timer cannot be measured",
        [HARDWARE_BAD_TRAMPOLINE] = "no frame below 640 KiB to start CPUs from",
        [HARDWARE_IPI_STUCK] = "the local APIC does not send interrupts to other CPUs",
        [HARDWARE_CPU_SILENT] = "a CPU that has started does not answer",
        [HARDWARE_TSC_DIFFERS] = "the CPUs' time-stamp counters differ",
        [HARDWARE_APIC_ID_DIFFERS] = "a local APIC has another id than ACPI says",
    };

    if (status >= HARDWARE_STATUS_COUNT || !texts[status])
        return "unknown error";
    return texts[status];
}

enum hardware_status hardware_check_cpu(void)
{
    struct cpuid leaf1 = cpuid(1, 0), ext1 = cpuid(0x80000001, 0);
    struct cpu_facts facts = {.leaf1_ecx = leaf1.ecx,
                              .leaf1_edx = leaf1.edx,
                              .leaf7_ebx = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ebx : 0,
                              .ext1_ecx = ext1.ecx,
                              .ext1_edx = ext1.edx,
                              .xsave_ecx = cpuid(0xd, 0).ecx,
                              .xsave1_eax = cpuid(0xd, 1).eax};

    if (leaf1.edx & LEAF1_EDX_MSR) {
        if (leaf1.edx & LEAF1_EDX_APIC)
            facts.apic_base = msr_read(MSR_APIC_BASE);
        if (leaf1.ecx & LEAF1_ECX_VMX)
            facts.feature_control = msr_read(MSR_FEATURE_CONTROL);
        if (ext1.ecx & EXT1_ECX_SVM)
            facts.vm_cr = msr_read(MSR_VM_CR);
    }
    return cpu_facts_judge(&facts);
}

/* The low 4 GiB are mapped one to one. Address 0 is refused: a pointer to it would be NULL. */
static const void *memory_map(void *context, uint64_t address, uint64_t size)
{
    (void)context;
    if (address == 0 || address >= ADDRESS_LIMIT || size > ADDRESS_LIMIT - address)
        return NULL;
    return (const void *)address;
}

enum hardware_status hardware_find_tables(uint64_t rsdp_hint, struct hardware *hw)
{
    static const struct acpi_memory memory = {.map = memory_map};
    struct acpi_boot_cpu boot_cpu = {.apic_id = lapic_id(), .x2apic = lapic_is_x2apic()};
    struct acpi_root root;

    *hw = (struct hardware){0};
    enum hardware_status status = acpi_open(&root, &memory, rsdp_hint);
    if (status == HARDWARE_OK)
        status = acpi_describe(&root, &boot_cpu, hw);
    if (status != HARDWARE_OK)
        return status;
    if (hw->lapic_base != lapic_address())
        console_line("warning: the local APIC is at %lx, ACPI says %lx",
                     (unsigned long)lapic_address(), (unsigned long)hw->lapic_base);
    hw->lapic_base = lapic_address();
    return HARDWARE_OK;
}
