#include "acpi_tables.h"

#include <stddef.h>
#include <string.h>

#define IOAPIC_BASE 0xfec00000u
#define LAPIC_BASE  0xfee00000u
#define HPET_BASE   0xfed00000u
#define PCI_CONFIG  0xe0000000u

enum { PM_EVENT = 0x600, PM_CONTROL = 0x604, PM_TIMER = 0x608, RESET_PORT = 0xcf9 };
enum { SCI = 9, CENTURY = 0x32, RESET_VALUE = 6 };
enum { PIN_OF_IRQ_0 = 2, HIGH_LEVEL = 0xd /* polarity and trigger mode of an override */ };
enum { LAPIC_IDS = 255 /* what an entry of a local APIC can say */ };

/* Flags of the FADT (ACPI 6.4, tables 5.10 and 5.11). */
enum { BOOT_LEGACY_DEVICES = 1, BOOT_8042 = 2, BOOT_NO_VGA = 4 };
enum { WBINVD = 1 << 0, PROC_C1 = 1 << 2, NO_SLEEP_BUTTON = 1 << 5, NO_FIXED_RTC = 1 << 6 };
enum { TIMER_32_BITS = 1 << 8, HAS_RESET_REGISTER = 1 << 10 };

/* Layouts: ACPI 6.4, 5.2.5.3, 5.2.6, 5.2.3.2, 5.2.9, 5.2.10, 5.2.12. */
#define PACKED __attribute__((packed))

struct PACKED rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t whole_checksum, reserved[3];
};
_Static_assert(sizeof(struct rsdp) == ACPI_RSDP_SIZE, "ACPI 6.4, 5.2.5.3");

struct PACKED header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
};

struct PACKED address {
    uint8_t space, width, offset, access;
    uint64_t address;
};

struct PACKED fadt {
    struct header header;
    uint32_t facs, dsdt;
    uint8_t model, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_on, acpi_off, s4_bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t event_length, control_length, pm2_length, timer_length, gpe0_length, gpe1_length;
    uint8_t gpe1_base, cstate;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved;
    uint32_t flags;
    struct address reset;
    uint8_t reset_value;
    uint16_t arm_flags;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control;
    struct address x_pm_timer, x_gpe0, x_gpe1, sleep_control, sleep_status;
    uint64_t hypervisor;
};
_Static_assert(sizeof(struct fadt) == 276, "ACPI 6.4, table 5.9");

struct PACKED facs {
    char signature[4];
    uint32_t length, hardware_signature, waking_vector, lock, flags;
    uint64_t x_waking_vector;
    uint8_t version, reserved[31];
};
_Static_assert(sizeof(struct facs) == 64, "ACPI 6.4, table 5.12");

struct PACKED madt {
    struct header header;
    uint32_t lapic_base, flags;
};

struct PACKED madt_lapic {
    uint8_t type, length, uid, id;
    uint32_t flags;
};

struct PACKED madt_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t id, flags, uid;
};

/* What comes after the processors. */
struct PACKED madt_rest {
    struct PACKED {
        uint8_t type, length, id, reserved;
        uint32_t base, first_gsi;
    } ioapic;
    struct PACKED {
        uint8_t type, length, bus, irq;
        uint32_t gsi;
        uint16_t flags;
    } overrides[2];
    struct PACKED {
        uint8_t type, length, uid;
        uint16_t flags;
        uint8_t pin;
    } nmi;
};

struct PACKED mcfg {
    struct header header;
    uint64_t reserved, base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved_too;
};

struct PACKED hpet {
    struct header header;
    uint32_t id;
    struct address base;
    uint8_t number;
    uint16_t minimum; /* periods of its counter that a period of a timer has at least */
    uint8_t protection;
};

#define LISTED 4ul /* tables that RSDT and XSDT name */

/* Where the next table goes, and where those to be listed are. */
struct builder {
    uint8_t *to;
    uint64_t gpa;
    uint32_t count;
    uint64_t listed[LISTED];
};

static uint64_t rounded(uint64_t size)
{
    return (size + 15) & ~15ull;
}

static uint64_t madt_size(uint32_t vcpus)
{
    uint64_t small = vcpus < LAPIC_IDS ? vcpus : LAPIC_IDS;

    return sizeof(struct madt) + small * sizeof(struct madt_lapic) +
           (vcpus - small) * sizeof(struct madt_x2apic) + sizeof(struct madt_rest);
}

uint64_t acpi_tables_size(uint32_t vcpus)
{
    return sizeof(struct facs) + rounded(acpi_dsdt_size) + rounded(sizeof(struct fadt)) +
           rounded(madt_size(vcpus)) + rounded(sizeof(struct mcfg)) + rounded(sizeof(struct hpet)) +
           rounded(sizeof(struct header) + LISTED * 4) +
           rounded(sizeof(struct header) + LISTED * 8);
}

/* What makes the sum of all bytes 0. */
static uint8_t checksum(const void *data, uint64_t size)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    for (uint64_t i = 0; i < size; i++)
        sum += bytes[i];
    return (uint8_t)-sum;
}

/* What is at builder->to is so long; its address. */
static uint64_t advance(struct builder *builder, uint64_t size)
{
    uint64_t gpa = builder->gpa;

    builder->to += rounded(size);
    builder->gpa += rounded(size);
    return gpa;
}

static uint64_t bytes_add(struct builder *builder, const void *data, uint64_t size)
{
    memcpy(builder->to, data, size);
    return advance(builder, size);
}

/* The table at builder->to gets its header; its address. */
static uint64_t table_finish(struct builder *builder, const char *signature, uint8_t revision,
                             uint64_t size)
{
    struct header header = {.length = (uint32_t)size,
                            .revision = revision,
                            .oem = "CAIRN ",
                            .oem_table = "CAIRNPC ",
                            .oem_revision = 1,
                            .creator = "CAIR",
                            .creator_revision = 1};

    memcpy(header.signature, signature, sizeof(header.signature));
    memcpy(builder->to, &header, sizeof(header));
    builder->to[offsetof(struct header, checksum)] = checksum(builder->to, size);
    return advance(builder, size);
}

/* A table that is to be listed: its header is made here. */
static void table_add(struct builder *builder, const char *signature, uint8_t revision,
                      const void *table, uint64_t size)
{
    memcpy(builder->to, table, size);
    builder->listed[builder->count++] = table_finish(builder, signature, revision, size);
}

static struct address port(uint8_t bytes, uint64_t number)
{
    uint8_t access = bytes == 4 ? 3 : bytes;

    return (struct address){1, (uint8_t)(bytes * 8), 0, access, number};
}

static void fadt_add(struct builder *builder, uint64_t facs, uint64_t dsdt)
{
    struct fadt fadt = {
        .facs = (uint32_t)facs,
        .dsdt = (uint32_t)dsdt,
        .sci = SCI,
        .pm1a_event = PM_EVENT,
        .pm1a_control = PM_CONTROL,
        .pm_timer = PM_TIMER,
        .event_length = 4,
        .control_length = 2,
        .timer_length = 4,
        .c2_latency = 0xfff, /* there is no C2, */
        .c3_latency = 0xfff, /* and no C3 */
        .century = CENTURY,
        .boot_flags = BOOT_LEGACY_DEVICES | BOOT_8042 | BOOT_NO_VGA,
        .flags =
            WBINVD | PROC_C1 | NO_SLEEP_BUTTON | NO_FIXED_RTC | TIMER_32_BITS | HAS_RESET_REGISTER,
        .reset = port(1, RESET_PORT),
        .reset_value = RESET_VALUE,
        .x_dsdt = dsdt,
        .x_pm1a_event = port(4, PM_EVENT),
        .x_pm1a_control = port(2, PM_CONTROL),
        .x_pm_timer = port(4, PM_TIMER),
    };

    fadt.x_pm1a_event.access = 2; /* its two registers are of 16 bits */
    table_add(builder, "FACP", 6, &fadt, sizeof(fadt));
}

static void madt_add(struct builder *builder, uint32_t vcpus)
{
    const struct madt madt = {.lapic_base = LAPIC_BASE, .flags = 1 /* there are PICs too */};
    const struct madt_rest rest = {
        .ioapic = {.type = 1, .length = sizeof(rest.ioapic), .base = IOAPIC_BASE},
        .overrides = {{.type = 2, .length = sizeof(rest.overrides[0]), .gsi = PIN_OF_IRQ_0},
                      {.type = 2,
                       .length = sizeof(rest.overrides[0]),
                       .irq = SCI,
                       .gsi = SCI,
                       .flags = HIGH_LEVEL}},
        .nmi = {.type = 4, .length = sizeof(rest.nmi), .uid = 0xff, .pin = 1}};
    uint8_t *to = builder->to;

    memcpy(to, &madt, sizeof(madt));
    to += sizeof(madt);
    for (uint32_t i = 0; i < vcpus; i++) {
        const struct madt_lapic lapic = {0, sizeof(lapic), (uint8_t)i, (uint8_t)i, 1};
        const struct madt_x2apic x2apic = {9, sizeof(x2apic), 0, i, 1, i};
        uint32_t size = i < LAPIC_IDS ? sizeof(lapic) : sizeof(x2apic);
        memcpy(to, i < LAPIC_IDS ? (const void *)&lapic : &x2apic, size);
        to += size;
    }
    memcpy(to, &rest, sizeof(rest));
    builder->listed[builder->count++] = table_finish(builder, "APIC", 5, madt_size(vcpus));
}

/* The addresses of the tables, so many bytes each. */
static uint64_t list_add(struct builder *builder, const char *signature, uint64_t size)
{
    for (uint32_t i = 0; i < builder->count; i++)
        memcpy(builder->to + sizeof(struct header) + i * size, &builder->listed[i], size);
    return table_finish(builder, signature, 1, sizeof(struct header) + builder->count * size);
}

bool acpi_tables_write(const struct acpi_request *request)
{
    const struct guest_memory *memory = request->memory;
    uint64_t size = request->vcpus <= ACPI_VCPUS ? acpi_tables_size(request->vcpus) : UINT64_MAX;
    struct builder builder = {.to = guest_at(memory, request->base, size), .gpa = request->base};
    const struct facs facs = {.signature = "FACS", .length = sizeof(facs), .version = 2};
    /* There is one bus. If tables tell of more, Linux looks for bridges to them by 16,000 accesses.
     */
    const struct mcfg mcfg = {.base = PCI_CONFIG, .last_bus = 0};
    const struct hpet hpet = {
        .id = request->hpet_id, .base = {.width = 64, .address = HPET_BASE}, .minimum = 100};
    struct rsdp rsdp = {
        .signature = "RSD PTR ", .oem = "CAIRN ", .revision = 2, .length = sizeof(rsdp)};

    if (!builder.to || request->size < size || request->base % 64 || request->rsdp % 16 ||
        request->base + size > UINT32_MAX || !guest_at(memory, request->rsdp, sizeof(rsdp)))
        return false;
    memset(builder.to, 0, size);
    uint64_t facs_at = bytes_add(&builder, &facs, sizeof(facs));
    fadt_add(&builder, facs_at, bytes_add(&builder, acpi_dsdt, acpi_dsdt_size));
    madt_add(&builder, request->vcpus);
    table_add(&builder, "MCFG", 1, &mcfg, sizeof(mcfg));
    table_add(&builder, "HPET", 1, &hpet, sizeof(hpet));
    rsdp.rsdt = (uint32_t)list_add(&builder, "RSDT", 4);
    rsdp.xsdt = list_add(&builder, "XSDT", 8);
    rsdp.checksum = checksum(&rsdp, offsetof(struct rsdp, length));
    rsdp.whole_checksum = checksum(&rsdp, sizeof(rsdp));
    return guest_write(memory, request->rsdp, &rsdp, sizeof(rsdp));
}
