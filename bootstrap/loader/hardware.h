/*
 * The machine as the loader finds it: what the kernel is told about CPUs, timers, interrupt
 * controllers, PCI and power, and the few things that must be done to them before it starts.
 *
 * Order of calls, all on the boot CPU in 64-bit mode, interrupts off, low 4 GiB mapped one to one:
 * hardware_check_cpu, hardware_find_tables, hardware_calibrate, hardware_start_cpus,
 * hardware_stop_bus_masters, hardware_mask_interrupts, hardware_prepare_cpus (prepare.h). Warnings
 * are printed as they are met; an error is returned, and nothing is printed about it.
 */
#pragma once

#include <stdint.h>

#include "boot_info.h"
#include "handoff.h"

/* Memory below it is mapped one to one; nothing at or above is ever touched. */
#define ADDRESS_LIMIT (1ull << 32)

/* Why the machine cannot be used. The words for each are in hardware_status_text. */
enum hardware_status {
    HARDWARE_OK,
    /* hardware_check_cpu */
    HARDWARE_NO_VIRTUALIZATION,
    HARDWARE_VMX_OFF,
    HARDWARE_SVM_OFF,
    HARDWARE_NO_NX,
    HARDWARE_NO_SYSCALL,
    HARDWARE_NO_SSE2,
    HARDWARE_NO_FXSR,
    HARDWARE_NO_XSAVE,
    HARDWARE_NO_FSGSBASE,
    HARDWARE_NO_XGETBV1,
    HARDWARE_VECTORS_LARGE,
    HARDWARE_NO_PAT,
    HARDWARE_NO_TSC,
    HARDWARE_NO_MSR,
    HARDWARE_NO_APIC,
    HARDWARE_APIC_OFF,
    HARDWARE_APIC_HIGH,
    /* hardware_find_tables */
    HARDWARE_NO_RSDP,
    HARDWARE_NO_ROOT_TABLE,
    HARDWARE_NO_MADT,
    HARDWARE_BAD_MADT,
    HARDWARE_NO_FADT,
    HARDWARE_BAD_FADT,
    /* hardware_calibrate */
    HARDWARE_NO_CLOCK,
    HARDWARE_CLOCK_STANDS_STILL,
    HARDWARE_CLOCK_UNSTEADY,
    HARDWARE_TIMER_STANDS_STILL,
    /* hardware_start_cpus */
    HARDWARE_BAD_TRAMPOLINE,
    HARDWARE_IPI_STUCK,
    HARDWARE_CPU_SILENT,
    HARDWARE_TSC_DIFFERS,
    /* hardware_prepare_cpus */
    HARDWARE_APIC_ID_DIFFERS,
    HARDWARE_STATUS_COUNT,
};

/* All that the later steps and the boot information area need to know about the machine. */
struct hardware {
    uint64_t rsdp;       /* physical address, 0 never */
    uint64_t dmar;       /* physical address of DMAR or else IVRS, 0 if neither */
    uint32_t boot_flags; /* BOOT_FLAG_VTD, BOOT_FLAG_AMDVI, BOOT_FLAG_PM_TIMER_32 as they apply */

    uint16_t pm_timer_port; /* 0 if there is none in I/O space */
    uint16_t reserved;

    /*
     * Running or startable CPUs, the boot CPU first, no id twice. After hardware_start_cpus only
     * those that answered, in index order, and cpus_silent counts the others.
     */
    uint32_t cpus;
    uint32_t apic_id[BOOT_MAX_CPUS];
    uint64_t tsc_skew[BOOT_MAX_CPUS]; /* of each, an upper bound of what its TSC differs by */
    uint32_t cpus_beyond; /* enabled CPUs that were left out because there are too many */
    uint32_t cpus_silent; /* not 0: the trampoline's frame must become MEMORY_RESERVED */

    uint64_t lapic_base; /* physical */
    uint64_t lapic_hz;   /* see struct handoff */
    uint64_t tsc_hz;

    struct handoff_power_off power_off;

    uint32_t ioapics, overrides, segments;
    struct boot_ioapic ioapic[BOOT_MAX_IOAPICS]; /* hardware_mask_interrupts fills gsi_count */
    struct boot_override override[BOOT_MAX_OVERRIDES];
    struct boot_pci segment[BOOT_MAX_BUSES];
};

/* One line of words for an error, static, without "error:" or a full stop. */
const char *hardware_status_text(enum hardware_status status);

/*
 * Does this CPU have all that the kernel relies on, switched on by the firmware? Call it before
 * anything else; it needs nothing but long mode.
 */
enum hardware_status hardware_check_cpu(void) __attribute__((warn_unused_result));

/*
 * Finds and checks the ACPI tables and fills hw (all of it; fields of later steps become zero).
 * rsdp_hint: physical address of the ACPI root pointer from the boot loader, or 0. A hint that
 * does not hold a valid one is ignored with a warning and memory is searched (ACPI 6.4, 5.2.5.1).
 */
enum hardware_status hardware_find_tables(uint64_t rsdp_hint, struct hardware *hw)
    __attribute__((warn_unused_result));

/*
 * Measures tsc_hz (within 200 ppm) and, where there is no TSC deadline timer, lapic_hz, into hw.
 * Takes at most about 0.1 s.
 */
enum hardware_status hardware_calibrate(struct hardware *hw) __attribute__((warn_unused_result));

/*
 * Starts the other CPUs one after the other and parks them in the loader's code, where they wait
 * for hardware_prepare_cpus. Drops the CPUs that do not answer from hw, with a warning line each,
 * and compares the TSCs of the others with this one's. Fills handoff's cpus, apic_id, timer_ratio,
 * tsc_hz and power_off.
 *
 * trampoline: physical address of a free frame below 640 KiB, not 0. Report it to the kernel as
 * MEMORY_LOADER, or as MEMORY_RESERVED when hw->cpus_silent is not 0: a CPU that comes very late
 * still runs a few instructions there. handoff and the loader's page tables and code stay where
 * they are from now on, below 4 GiB; the other CPUs take over CR0, CR3, CR4 and EFER of this CPU.
 */
enum hardware_status hardware_start_cpus(struct hardware *hw, uint64_t trampoline,
                                         struct handoff *handoff)
    __attribute__((warn_unused_result));

/*
 * Clears the bus master bit of every PCI function and reads it back. Returns the number of
 * functions on which it is still on, of which the first BOOT_MAX_FUNCTIONS are in table[]; prints
 * a warning line for each.
 */
uint32_t hardware_stop_bus_masters(const struct hardware *hw,
                                   struct boot_function table[BOOT_MAX_FUNCTIONS]);

/*
 * Masks every input of every I/O APIC and of the two 8259 PICs, and fills each I/O APIC's number of
 * inputs, and handoff's lines. Before any local APIC masks LINT0: the firmware may have left a PIC
 * with a request pending, which must be withdrawn while its way to the CPU is still open.
 */
void hardware_mask_interrupts(struct hardware *hw, struct handoff *handoff);
