/*
 * What the ACPI tables say about CPUs, interrupt controllers, the PM timer, power off, PCI and
 * IOMMUs, as struct hardware has it. ACPI 6.4, 5.2.9 (FADT), 5.2.12 (MADT); PCI Firmware 3.3,
 * 4.1.2 (MCFG).
 */
#include "acpi.h"
#include "console.h"
#include "s5.h"

#define MADT_LAPIC_ADDRESS  36u
#define MADT_ENTRIES        44u
#define MADT_LAPIC          0u
#define MADT_IOAPIC         1u
#define MADT_OVERRIDE       2u
#define MADT_LAPIC_OVERRIDE 5u
#define MADT_X2APIC         9u
#define MADT_CPU_ENABLED    (1u << 0)
#define XAPIC_ID_LAST       254u /* 255 is the broadcast */
#define X2APIC_ID_LAST      0xfffffffeu

#define FADT_SIZE_1           116u /* ACPI 1.0 */
#define FADT_DSDT             40u
#define FADT_PM1A_CONTROL     64u
#define FADT_PM1B_CONTROL     68u
#define FADT_PM_TIMER         76u
#define FADT_PM1_CONTROL_LEN  89u
#define FADT_PM_TIMER_LEN     91u
#define FADT_FLAGS            112u
#define FADT_TIMER_32         (1u << 8)
#define FADT_HARDWARE_REDUCED (1u << 20)
#define FADT_X_DSDT           140u
#define FADT_X_PM1A_CONTROL   172u
#define FADT_X_PM1B_CONTROL   184u
#define FADT_X_PM_TIMER       208u
#define GAS_SIZE              12u
#define GAS_SYSTEM_IO         1u

#define MCFG_ENTRIES    44u
#define MCFG_ENTRY_SIZE 16u

#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_EN        (1u << 13)

/* One CPU of the MADT. The boot CPU is already there, and an id counts once. */
static void cpu_add(struct hardware *hw, const struct acpi_boot_cpu *boot_cpu, uint32_t id,
                    bool *boot_cpu_seen)
{
    if (id == boot_cpu->apic_id)
        *boot_cpu_seen = true;
    for (uint32_t i = 0; i < hw->cpus; i++)
        if (hw->apic_id[i] == id)
            return;
    if (id > XAPIC_ID_LAST && !boot_cpu->x2apic)
        console_line(
            "warning: the CPU with APIC id %u is out of reach: the local APIC is not in x2APIC "
            "mode",
            id);
    else if (hw->cpus == BOOT_MAX_CPUS)
        hw->cpus_beyond++;
    else
        hw->apic_id[hw->cpus++] = id;
}

static void ioapic_add(struct hardware *hw, const uint8_t *entry)
{
    if (hw->ioapics == BOOT_MAX_IOAPICS) {
        console_line("warning: more than %u I/O APICs, the one at %x is left out", BOOT_MAX_IOAPICS,
                     acpi_read32(entry + 4));
        return;
    }
    hw->ioapic[hw->ioapics++] = (struct boot_ioapic){
        .base = acpi_read32(entry + 4), .id = entry[2], .gsi_base = acpi_read32(entry + 8)};
}

static void override_add(struct hardware *hw, const uint8_t *entry)
{
    if (hw->overrides == BOOT_MAX_OVERRIDES) {
        console_line("warning: more than %u interrupt overrides, the one for IRQ %u is left out",
                     BOOT_MAX_OVERRIDES, entry[3]);
        return;
    }
    hw->override[hw->overrides++] = (struct boot_override){
        .isa_irq = entry[3], .gsi = acpi_read32(entry + 4), .flags = acpi_read16(entry + 8)};
}

/* Shortest sound length of an entry of that type. */
static uint32_t madt_entry_size(uint8_t type)
{
    switch (type) {
    case MADT_LAPIC:
        return 8;
    case MADT_IOAPIC:
    case MADT_LAPIC_OVERRIDE:
        return 12;
    case MADT_OVERRIDE:
        return 10;
    case MADT_X2APIC:
        return 16;
    default:
        return 2;
    }
}

static void madt_entry(struct hardware *hw, const struct acpi_boot_cpu *boot_cpu,
                       const uint8_t *entry, bool *boot_cpu_seen)
{
    switch (entry[0]) {
    case MADT_LAPIC:
        if ((acpi_read32(entry + 4) & MADT_CPU_ENABLED) && entry[3] <= XAPIC_ID_LAST)
            cpu_add(hw, boot_cpu, entry[3], boot_cpu_seen);
        break;
    case MADT_X2APIC:
        if ((acpi_read32(entry + 8) & MADT_CPU_ENABLED) && acpi_read32(entry + 4) <= X2APIC_ID_LAST)
            cpu_add(hw, boot_cpu, acpi_read32(entry + 4), boot_cpu_seen);
        break;
    case MADT_IOAPIC:
        ioapic_add(hw, entry);
        break;
    case MADT_OVERRIDE:
        override_add(hw, entry);
        break;
    case MADT_LAPIC_OVERRIDE:
        hw->lapic_base = acpi_read64(entry + 4);
        break;
    }
}

static enum hardware_status madt_read(const struct acpi_table *madt,
                                      const struct acpi_boot_cpu *boot_cpu, struct hardware *hw)
{
    bool boot_cpu_seen = false;

    if (madt->length < MADT_ENTRIES)
        return HARDWARE_BAD_MADT;
    hw->apic_id[0] = boot_cpu->apic_id;
    hw->cpus = 1;
    hw->lapic_base = acpi_read32(madt->data + MADT_LAPIC_ADDRESS);

    for (uint32_t offset = MADT_ENTRIES; offset < madt->length;) {
        uint32_t left = madt->length - offset;
        const uint8_t *entry = madt->data + offset;

        if (left < 2 || entry[1] > left || entry[1] < madt_entry_size(entry[0]))
            return HARDWARE_BAD_MADT;
        madt_entry(hw, boot_cpu, entry, &boot_cpu_seen);
        offset += entry[1];
    }
    if (!boot_cpu_seen)
        console_line("warning: the ACPI table APIC does not list the boot CPU (APIC id %u)",
                     boot_cpu->apic_id);
    if (hw->cpus_beyond)
        console_line("warning: %u CPUs are left out: at most %u are used", hw->cpus_beyond,
                     BOOT_MAX_CPUS);
    return HARDWARE_OK;
}

/*
 * An I/O port block of the FADT: the extended field counts where it is there and not zero, the old
 * one otherwise. 0 where there is none in I/O space.
 */
static uint16_t fadt_port(const struct acpi_table *fadt, uint32_t field, uint32_t x_field,
                          uint32_t size)
{
    uint64_t port = acpi_read32(fadt->data + field);

    if (fadt->length >= x_field + GAS_SIZE && acpi_read64(fadt->data + x_field + 4)) {
        if (fadt->data[x_field] != GAS_SYSTEM_IO)
            return 0;
        port = acpi_read64(fadt->data + x_field + 4);
    }
    return port <= 0x10000 - size ? (uint16_t)port : 0;
}

/* DSDT and then the SSDTs, until one of them defines \_S5_. */
static bool s5_search(const struct acpi_root *root, const struct acpi_table *fadt,
                      struct s5_values *values)
{
    struct acpi_table table;
    uint32_t cursor = 0;
    uint64_t dsdt = acpi_read32(fadt->data + FADT_DSDT);

    if (fadt->length >= FADT_X_DSDT + 8) {
        uint64_t x_dsdt = acpi_read64(fadt->data + FADT_X_DSDT);
        if (x_dsdt && (x_dsdt < ADDRESS_LIMIT || !dsdt))
            dsdt = x_dsdt;
    }
    if (dsdt && acpi_table_at(root->memory, dsdt, "DSDT", &table) &&
        s5_find(table.data + ACPI_HEADER_SIZE, table.length - ACPI_HEADER_SIZE, values))
        return true;
    while (acpi_next(root, "SSDT", &cursor, &table))
        if (s5_find(table.data + ACPI_HEADER_SIZE, table.length - ACPI_HEADER_SIZE, values))
            return true;
    return false;
}

static void power_off_read(const struct acpi_root *root, const struct acpi_table *fadt,
                           struct handoff_power_off *power_off)
{
    struct s5_values values;

    if ((acpi_read32(fadt->data + FADT_FLAGS) & FADT_HARDWARE_REDUCED) ||
        fadt->data[FADT_PM1_CONTROL_LEN] < 2) {
        console_line("warning: power off is not possible: ACPI names no PM1 control register");
        return;
    }
    uint16_t port_a = fadt_port(fadt, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL, 2);
    if (!port_a) {
        console_line(
            "warning: power off is not possible: ACPI's PM1a control register is no I/O port");
        return;
    }
    if (!s5_search(root, fadt, &values)) {
        console_line("warning: power off is not possible: no \\_S5_ in the ACPI tables");
        return;
    }
    *power_off = (struct handoff_power_off){
        .port_a = port_a,
        .port_b = fadt_port(fadt, FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL, 2),
        .value_a = (uint16_t)((uint32_t)values.a << PM1_SLP_TYP_SHIFT | PM1_SLP_EN),
        .value_b = (uint16_t)((uint32_t)values.b << PM1_SLP_TYP_SHIFT | PM1_SLP_EN),
    };
}

static enum hardware_status fadt_read(const struct acpi_root *root, const struct acpi_table *fadt,
                                      struct hardware *hw)
{
    if (fadt->length < FADT_SIZE_1)
        return HARDWARE_BAD_FADT;
    if (fadt->data[FADT_PM_TIMER_LEN] == 4) {
        hw->pm_timer_port = fadt_port(fadt, FADT_PM_TIMER, FADT_X_PM_TIMER, 4);
        if (hw->pm_timer_port && (acpi_read32(fadt->data + FADT_FLAGS) & FADT_TIMER_32))
            hw->boot_flags |= BOOT_FLAG_PM_TIMER_32;
    }
    power_off_read(root, fadt, &hw->power_off);
    return HARDWARE_OK;
}

/* An entry whose configuration space is no sound address range is left out. */
static void mcfg_read(const struct acpi_table *mcfg, struct hardware *hw)
{
    for (uint32_t offset = MCFG_ENTRIES;
         offset < mcfg->length && mcfg->length - offset >= MCFG_ENTRY_SIZE;
         offset += MCFG_ENTRY_SIZE) {
        const uint8_t *entry = mcfg->data + offset;
        struct boot_pci segment = {.base = acpi_read64(entry),
                                   .segment = acpi_read16(entry + 8),
                                   .first_bus = entry[10],
                                   .last_bus = entry[11]};

        if (segment.first_bus > segment.last_bus || !segment.base || segment.base & 0xfffff ||
            segment.base > UINT64_MAX - (256ull << 20)) {
            console_line("warning: ACPI table MCFG: the entry for PCI segment %u makes no sense",
                         segment.segment);
        } else if (hw->segments == BOOT_MAX_BUSES) {
            console_line("warning: more than %u PCI segments, segment %u is left out",
                         BOOT_MAX_BUSES, segment.segment);
        } else {
            hw->segment[hw->segments++] = segment;
        }
    }
}

/* The first usable table of that name. */
static bool table_find(const struct acpi_root *root, const char *signature,
                       struct acpi_table *table)
{
    uint32_t cursor = 0;

    return acpi_next(root, signature, &cursor, table);
}

enum hardware_status acpi_describe(const struct acpi_root *root,
                                   const struct acpi_boot_cpu *boot_cpu, struct hardware *hw)
{
    struct acpi_table table;
    enum hardware_status status;

    hw->rsdp = root->rsdp;
    if (!table_find(root, "APIC", &table))
        return HARDWARE_NO_MADT;
    status = madt_read(&table, boot_cpu, hw);
    if (status != HARDWARE_OK)
        return status;

    if (!table_find(root, "FACP", &table))
        return HARDWARE_NO_FADT;
    status = fadt_read(root, &table, hw);
    if (status != HARDWARE_OK)
        return status;

    if (table_find(root, "MCFG", &table))
        mcfg_read(&table, hw);
    if (table_find(root, "DMAR", &table)) {
        hw->boot_flags |= BOOT_FLAG_VTD;
        hw->dmar = table.address;
    } else if (table_find(root, "IVRS", &table)) {
        hw->boot_flags |= BOOT_FLAG_AMDVI;
        hw->dmar = table.address;
    }
    return HARDWARE_OK;
}
