/*
 * ACPI tables: what is read from good ones, how bad ones are refused, and that no damage makes the
 * reader leave a table or run for ever.
 */
#include "loader_acpi_machine.h"
#include "loader_fakes.h"
#include "tap.h"

/* MADT content: two words, then entries. */
static const uint8_t madt[] = {
    0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0, /* APICs at 0xfee00000 */
    0,    8,    0,    0,    1,    0,    0,    0, /* CPU 0 */
    0,    8,    1,    2,    1,    0,    0,    0, /* CPU 2 */
    0,    8,    2,    4,    0,    0,    0,    0, /* CPU 4, not enabled */
    0,    8,    3,    255,  1,    0,    0,    0, /* broadcast id */
    0,    8,    4,    2,    1,    0,    0,    0, /* CPU 2 again */
    9,    16,   0,    0,    7,    0,    0,    0,    1,  0, 0, 0, 5, 0, 0, 0, /* CPU 7 */
    9,    16,   0,    0,    0,    1,    0,    0,    1,  0, 0, 0, 6, 0, 0, 0, /* CPU 256 */
    9,    16,   0,    0,    255,  255,  255,  255,  1,  0, 0, 0, 6, 0, 0, 0, /* broadcast id */
    1,    12,   3,    0,    0x00, 0x00, 0xc0, 0xfe, 16, 0, 0, 0,             /* I/O APIC 3 */
    2,    10,   0,    9,    20,   0,    0,    0,    13, 0,                   /* IRQ 9 is GSI 20 */
    0x80, 6,    1,    2,    3,    4,                                         /* somebody's own */
};

static const uint8_t dsdt[] = {0xaa, 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x01, 0};

/* FADT of ACPI 2.0 or later: 244 bytes with its header; fields are set by offset. */
static uint8_t fadt[244 - ACPI_HEADER_SIZE];

static void fadt_set(uint32_t offset, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        fadt[offset - ACPI_HEADER_SIZE + i] = (uint8_t)(value >> (8 * i));
}

static void fadt_make(uint32_t dsdt_address)
{
    memset(fadt, 0, sizeof(fadt));
    fadt_set(40, dsdt_address, 4);
    fadt_set(64, 0x604, 4); /* PM1a control */
    fadt_set(68, 0x704, 4); /* PM1b control */
    fadt_set(76, 0x608, 4); /* PM timer */
    fadt_set(89, 2, 1);
    fadt_set(91, 4, 1);
    fadt_set(112, 1u << 8, 4);
}

static struct hardware hw;

/* Makes the machine from the given tables, reads it; returns what acpi_describe or _open says. */
static enum hardware_status read_machine(bool x2apic)
{
    struct acpi_boot_cpu boot_cpu = {.apic_id = 2, .x2apic = x2apic};
    struct acpi_root root;

    memset(&hw, 0, sizeof(hw));
    console_lines = 0;
    enum hardware_status status = acpi_open(&root, &machine_memory, MACHINE_RSDP);
    if (status == HARDWARE_OK)
        status = acpi_describe(&root, &boot_cpu, &hw);
    views_free();
    return status;
}

static uint32_t madt_at, fadt_at, dsdt_at, list_at;

static void machine_make(const void *madt_content, uint32_t madt_size, uint32_t fadt_size)
{
    static const uint8_t mcfg[] = {0, 0, 0, 0,    0, 0, 0, 0, /* reserved */
                                   0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0,
                                   0, 0, 0, 0xc0, 1, 0, 0, 0, 1, 0, 9, 3,   0, 0, 0, 0,
                                   0, 0, 0, 0xd0, 0, 0, 0, 0, 2, 0, 4, 7,   0, 0, 0, 0};

    static const uint8_t dmar[12] = {47};

    machine_clear();
    dsdt_at = table_put("DSDT", dsdt, sizeof(dsdt));
    madt_at = table_put("APIC", madt_content, madt_size);
    fadt_set(40, dsdt_at, 4);
    fadt_at = table_put("FACP", fadt, fadt_size);
    uint64_t entries[] = {fadt_at, madt_at, table_put("MCFG", mcfg, sizeof(mcfg)),
                          table_put("DMAR", dmar, sizeof(dmar))};
    list_at = list_put("XSDT", entries, 4, 8);
    rsdp_put(2, list_put("RSDT", entries, 4, 4), list_at);
}

static void test_good(void)
{
    fadt_make(0);
    machine_make(madt, sizeof(madt), sizeof(fadt));
    is_u64(read_machine(true), HARDWARE_OK, "a good machine");
    ok(hw.cpus == 4 && hw.apic_id[0] == 2 && hw.apic_id[1] == 0 && hw.apic_id[2] == 7 &&
           hw.apic_id[3] == 256,
       "CPUs: boot CPU first, none twice, none that is off");
    is_u64(hw.lapic_base, 0xfee00000, "local APIC");
    ok(hw.ioapics == 1 && hw.ioapic[0].id == 3 && hw.ioapic[0].base == 0xfec00000 &&
           hw.ioapic[0].gsi_base == 16,
       "I/O APIC");
    ok(hw.overrides == 1 && hw.override[0].isa_irq == 9 && hw.override[0].gsi == 20 &&
           hw.override[0].flags == 13,
       "interrupt override");
    is_u64(hw.pm_timer_port, 0x608, "PM timer");
    is_u64(hw.boot_flags, BOOT_FLAG_PM_TIMER_32 | BOOT_FLAG_VTD, "flags");
    ok(hw.power_off.port_a == 0x604 && hw.power_off.value_a == 0x3400 &&
           hw.power_off.port_b == 0x704 && hw.power_off.value_b == 0x2400,
       "power off");
    ok(hw.segments == 2 && hw.segment[0].base == 0xb0000000 && hw.segment[0].last_bus == 255 &&
           hw.segment[1].segment == 2 && hw.segment[1].first_bus == 4,
       "PCI segments, the senseless one left out");
    is_str(console_last_line,
           "warning: ACPI table MCFG: the entry for PCI segment 1 makes no sense", "  with a line");
    is_u64(console_lines, 1, "  and no other");
    is_u64(hw.rsdp, MACHINE_RSDP, "root pointer");

    is_u64(read_machine(false), HARDWARE_OK, "the same in xAPIC mode");
    is_u64(hw.cpus, 3, "CPU 256 is out of reach");
}

static void test_root(void)
{
    struct acpi_root root;

    machine_make(madt, sizeof(madt), sizeof(fadt));
    console_lines = 0;
    is_u64(acpi_open(&root, &machine_memory, 0), HARDWARE_OK, "root pointer found by search");
    is_u64(root.rsdp, MACHINE_RSDP, "  where it is");
    is_u64(console_lines, 0, "  without a word");
    is_u64(acpi_open(&root, &machine_memory, MACHINE_RSDP + 16), HARDWARE_OK, "bad hint");
    is_u64(console_lines, 1, "  with a line");
    is_u64(root.entry_size, 8, "XSDT comes first");
    views_free();

    put(list_at + 20, 0x55, 1);
    is_u64(read_machine(true), HARDWARE_OK, "XSDT with a wrong checksum: the RSDT will do");
    machine_make(madt, sizeof(madt), sizeof(fadt));
    rsdp_put(0, 0, list_at);
    is_u64(read_machine(true), HARDWARE_NO_ROOT_TABLE, "ACPI 1.0 has no XSDT");
    rsdp_put(2, 0, 0x100000000);
    is_u64(read_machine(true), HARDWARE_NO_ROOT_TABLE, "XSDT above 4 GiB");
    put(MACHINE_RSDP + 8, 0, 1);
    is_u64(read_machine(true), HARDWARE_NO_RSDP, "root pointer with a wrong checksum");
    rsdp_put(2, 0, list_at);
    put(MACHINE_RSDP + 20, 0xffffffff, 4);
    is_u64(read_machine(true), HARDWARE_NO_RSDP, "root pointer with a wrong length");
}

/* A machine with this MADT content instead. */
static enum hardware_status read_madt(const void *content, uint32_t size)
{
    machine_make(content, size, sizeof(fadt));
    return read_machine(true);
}

static void test_madt(void)
{
    uint8_t many[8 + 8 * 100] = {0};
    static const uint8_t moved[] = {0, 0, 0xe0, 0xfe, 0,    0,    0, 0, 5, 12,
                                    0, 0, 0,    0,    0xd0, 0xfe, 0, 0, 0, 0};

    machine_make(madt, sizeof(madt), sizeof(fadt));
    put(madt_at + 9, machine[madt_at - MACHINE_BASE + 9] + 1u, 1);
    is_u64(read_machine(true), HARDWARE_NO_MADT, "MADT with a wrong checksum");
    machine_make(madt, sizeof(madt), sizeof(fadt));
    put(madt_at + 4, 0x7fffffff, 4);
    is_u64(read_machine(true), HARDWARE_NO_MADT, "MADT with a wrong length");

    is_u64(read_madt(madt, 4), HARDWARE_BAD_MADT, "MADT without its fixed part");
    is_u64(read_madt(madt, 8 + 8 + 7), HARDWARE_BAD_MADT, "entry past the end");
    is_u64(read_madt(madt, 8 + 8 + 1), HARDWARE_BAD_MADT, "entry of one byte");
    memcpy(many, madt, 16);
    many[9] = 0;
    is_u64(read_madt(many, 16), HARDWARE_BAD_MADT, "entry of length zero");
    many[9] = 6;
    is_u64(read_madt(many, 14), HARDWARE_BAD_MADT, "CPU entry too short");

    for (size_t i = 0; i < 100; i++)
        memcpy(&many[8 + 8 * i], (uint8_t[]){0, 8, 0, (uint8_t)i, 1, 0, 0, 0}, 8);
    is_u64(read_madt(many, sizeof(many)), HARDWARE_OK, "more CPUs than we take");
    ok(hw.cpus == BOOT_MAX_CPUS && hw.cpus_beyond == 100 - BOOT_MAX_CPUS, "  are counted");

    is_u64(read_madt(moved, sizeof(moved)), HARDWARE_OK, "no CPU listed");
    ok(hw.cpus == 1 && hw.apic_id[0] == 2, "  there is the boot CPU");
    is_u64(hw.lapic_base, 0xfed00000, "64-bit address of the local APIC");

    for (size_t i = 0; i < 30; i++)
        memcpy(&many[8 + 10 * i], (uint8_t[]){2, 10, 0, (uint8_t)i, 1, 0, 0, 0, 0, 0}, 10);
    is_u64(read_madt(many, 8 + 300), HARDWARE_OK, "more overrides than we take");
    is_u64(hw.overrides, BOOT_MAX_OVERRIDES, "  the first are kept");
    for (size_t i = 0; i < 10; i++)
        memcpy(&many[8 + 12 * i], (uint8_t[]){1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12);
    is_u64(read_madt(many, 8 + 120), HARDWARE_OK, "more I/O APICs than we take");
    is_u64(hw.ioapics, BOOT_MAX_IOAPICS, "  the first are kept");
}

static enum hardware_status read_fadt(uint32_t size)
{
    machine_make(madt, sizeof(madt), size);
    return read_machine(true);
}

static void test_fadt(void)
{
    fadt_make(0);
    is_u64(read_fadt(116 - ACPI_HEADER_SIZE), HARDWARE_OK, "FADT of ACPI 1.0");
    ok(hw.pm_timer_port == 0x608 && hw.power_off.port_a == 0x604, "  has what is needed");
    is_u64(read_fadt(100 - ACPI_HEADER_SIZE), HARDWARE_BAD_FADT, "FADT too short");

    fadt_set(208, 1, 1); /* X_PM_TMR_BLK, I/O space */
    fadt_set(212, 0x1008, 8);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "extended PM timer field");
    is_u64(hw.pm_timer_port, 0x1008, "  counts");
    is_u64(read_fadt(219 - ACPI_HEADER_SIZE), HARDWARE_OK, "  cut off by one byte");
    is_u64(hw.pm_timer_port, 0x608, "  does not count");
    fadt_set(208, 0, 1);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "PM timer in memory");
    is_u64(hw.pm_timer_port, 0, "  is none");
    fadt_set(208, 1, 1);
    fadt_set(212, 0xfffd, 8);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "PM timer past the last port");
    is_u64(hw.pm_timer_port, 0, "  is none");

    fadt_make(0);
    fadt_set(91, 0, 1);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "no PM timer");
    is_u64(hw.pm_timer_port, 0, "  is none");
    fadt_make(0);
    fadt_set(112, 1u << 20, 4);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "hardware-reduced ACPI");
    is_u64(hw.power_off.port_a, 0, "  has no power off by port");
    fadt_make(0);
    fadt_set(140, 0x123456789, 8);
    is_u64(read_fadt(sizeof(fadt)), HARDWARE_OK, "extended DSDT field above 4 GiB");
    is_u64(hw.power_off.value_a, 0x3400, "  the other field counts");
}

/* Damages a few bytes anywhere, mends the checksums of some tables, and reads it all. */
static void test_damage(void)
{
    uint64_t state = 12345;
    unsigned statuses = 0, wild = 0;

    for (unsigned round = 0; round < 6000; round++) {
        fadt_make(0);
        machine_make(madt, sizeof(madt), sizeof(fadt));
        for (uint64_t i = noise(&state) % 4 + 1; i > 0; i--)
            machine[0x40 + noise(&state) % (machine_used - 0x40)] = (uint8_t)noise(&state);
        const uint32_t tables[] = {madt_at, fadt_at, dsdt_at, list_at};
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t length = acpi_read32(machine + (tables[i] - MACHINE_BASE) + 4);

            if (length >= ACPI_HEADER_SIZE && length <= MACHINE_SIZE - (tables[i] - MACHINE_BASE))
                checksum(tables[i], length, 9);
        }
        if (noise(&state) % 4) {
            checksum(MACHINE_RSDP, 20, 8);
            checksum(MACHINE_RSDP, 36, 32);
        }
        statuses |= 1u << read_machine(true);
        wild += hw.cpus > BOOT_MAX_CPUS || hw.ioapics > BOOT_MAX_IOAPICS ||
                hw.overrides > BOOT_MAX_OVERRIDES || hw.segments > BOOT_MAX_BUSES;
    }
    is_u64(wild, 0, "damaged tables: no count past its table");
    is_u64(views_refused, 0, "  and no endless reading");
    ok(statuses & 1u << HARDWARE_OK && statuses & 1u << HARDWARE_BAD_MADT &&
           statuses & 1u << HARDWARE_NO_FADT,
       "  many of them read, many refused");
}

int main(void)
{
    test_good();
    test_root();
    test_madt();
    test_fadt();
    test_damage();
    return done_testing();
}
