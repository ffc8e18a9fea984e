/* The ACPI tables of a guest: field by field, by iasl, and against what the devices say. */
#include "acpi_tables.h"

#include <stdlib.h>
#include <unistd.h>

#include "acpi_pm.h"
#include "rtc.h"
#include "tap.h"

#define RSDP 0xe0000u
#define BASE 0x100000u
#define SIZE 0x10000u
#define RAM  (2u << 20)

static uint8_t ram[RAM];
static struct guest_memory memory;

static struct acpi_request request_make(uint32_t vcpus)
{
    memset(ram, 0x5a, sizeof(ram));
    guest_memory_lay(&memory, ram, sizeof(ram));
    return (struct acpi_request){&memory, RSDP, BASE, SIZE, vcpus, 0x8086a201};
}

static uint64_t get(const uint8_t *from, uint32_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, from, bytes);
    return value;
}

static uint8_t sum_of(const uint8_t *data, uint64_t size)
{
    uint8_t sum = 0;

    while (size--)
        sum += *data++;
    return sum;
}

/* A field of a table: its offset, bytes and value. */
struct field {
    uint32_t at, bytes;
    uint64_t value;
};

/* All of a table is these fields, and elsewhere 0 from `from` on. */
static void fields_check(const char *name, const uint8_t *table, uint32_t from,
                         const struct field *fields, uint32_t count)
{
    uint32_t size = (uint32_t)get(table + 4, 4);
    uint8_t *rest = malloc(size);

    memcpy(rest, table, size);
    for (uint32_t i = 0; i < count; i++) {
        is_u64(get(table + fields[i].at, fields[i].bytes), fields[i].value, "%s at %u", name,
               fields[i].at);
        memset(rest + fields[i].at, 0, fields[i].bytes);
    }
    uint32_t other = 0;
    for (uint32_t i = from; i < size; i++)
        other += rest[i] != 0;
    is_u64(other, 0, "%s: the rest is 0", name);
    free(rest);
}
#define FIELDS(name, table, from, fields) \
    fields_check(name, table, from, fields, sizeof(fields) / sizeof((fields)[0]))

/* The table of a signature that the XSDT lists; NULL: it lists none. */
static const uint8_t *table_find(const char *signature)
{
    const uint8_t *xsdt = ram + get(ram + RSDP + 24, 8);

    for (uint32_t at = 36; at < get(xsdt + 4, 4); at += 8)
        if (!memcmp(ram + get(xsdt + at, 8), signature, 4))
            return ram + get(xsdt + at, 8);
    return NULL;
}

static void header_check(const uint8_t *table, const char *signature, uint32_t size,
                         uint8_t revision)
{
    uint64_t at = (uint64_t)(table - ram);

    ok(at >= BASE && at + size <= BASE + SIZE, "%s lies in its area", signature);
    ok(!memcmp(table, signature, 4), "its signature");
    is_u64(get(table + 4, 4), size, "length");
    is_u64(table[8], revision, "revision");
    is_u64(sum_of(table, size), 0, "the sum of its bytes is 0");
    ok(!memcmp(table + 10, "CAIRN ", 6) || !memcmp(table + 10, "CAIRN\0", 6), "who made it");
}

static void test_root(void)
{
    struct acpi_request request = request_make(1);
    const uint8_t *rsdp = ram + RSDP;

    ok(acpi_tables_write(&request), "tables are written");
    ok(!memcmp(rsdp, "RSD PTR ", 8) && !memcmp(rsdp + 9, "CAIRN ", 6), "RSDP: its signature");
    ok(rsdp[15] == 2 && get(rsdp + 20, 4) == 36, "its revision and length");
    ok(sum_of(rsdp, 20) == 0 && sum_of(rsdp, 36) == 0, "both of its sums");
    const uint8_t *rsdt = ram + get(rsdp + 16, 4);
    const uint8_t *xsdt = ram + get(rsdp + 24, 8);
    header_check(rsdt, "RSDT", 36 + 4 * 4, 1);
    header_check(xsdt, "XSDT", 36 + 4 * 8, 1);
    for (size_t i = 0; i < 4; i++)
        is_u64(get(rsdt + 36 + i * 4, 4), get(xsdt + 36 + i * 8, 8), "they list the same");
    ok(table_find("FACP") && table_find("APIC") && table_find("MCFG") && table_find("HPET"),
       "four tables");
}

static void test_fadt(void)
{
    struct acpi_request request = request_make(1);

    acpi_tables_write(&request);
    const uint8_t *fadt = table_find("FACP");
    const uint8_t *facs = ram + get(fadt + 36, 4);
    const uint8_t *dsdt = ram + get(fadt + 40, 4);
    const struct field fields[] = {
        {36, 4, (uint64_t)(facs - ram)},
        {40, 4, (uint64_t)(dsdt - ram)},
        {46, 2, 9},                              /* SCI_INT */
        {56, 4, ACPI_PM_PORT + ACPI_PM_EVENT},   /* PM1a_EVT_BLK */
        {64, 4, ACPI_PM_PORT + ACPI_PM_CONTROL}, /* PM1a_CNT_BLK */
        {76, 4, ACPI_PM_PORT + ACPI_PM_TIMER},   /* PM_TMR_BLK */
        {88, 1, 4},                              /* lengths of these */
        {89, 1, 2},
        {91, 1, 4},
        {96, 2, 0xfff}, /* P_LVL2_LAT, P_LVL3_LAT */
        {98, 2, 0xfff},
        {108, 1, RTC_CENTURY},
        {109, 2, 7}, /* legacy devices, 8042, no VGA */
        {112, 4, 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 10},
        {116, 4, 0x01000801}, /* RESET_REG: I/O port, a byte */
        {120, 8, 0xcf9},
        {128, 1, 6},                      /* RESET_VALUE */
        {140, 8, (uint64_t)(dsdt - ram)}, /* X_DSDT */
        {148, 4, 0x02002001},             /* X_PM1a_EVT_BLK */
        {152, 8, ACPI_PM_PORT + ACPI_PM_EVENT},
        {172, 4, 0x02001001}, /* X_PM1a_CNT_BLK */
        {176, 8, ACPI_PM_PORT + ACPI_PM_CONTROL},
        {208, 4, 0x03002001}, /* X_PM_TMR_BLK */
        {212, 8, ACPI_PM_PORT + ACPI_PM_TIMER},
    };

    header_check(fadt, "FACP", 276, 6);
    FIELDS("FADT", fadt, 36, fields);
    const struct field facs_fields[] = {{0, 4, 0x53434146}, {4, 4, 64}, {32, 1, 2}};
    FIELDS("FACS", facs, 0, facs_fields);
    ok((facs - ram) % 64 == 0, "the FACS is aligned");
    header_check(dsdt, "DSDT", acpi_dsdt_size, 2);
    ok(!memcmp(dsdt, acpi_dsdt, acpi_dsdt_size), "the DSDT is as it was compiled");
}

static void test_madt(uint32_t vcpus)
{
    struct acpi_request request = request_make(vcpus);
    uint32_t small = vcpus < 255 ? vcpus : 255;
    uint32_t size = 44 + small * 8 + (vcpus - small) * 16 + 12 + 10 + 10 + 6;
    uint32_t wrong = 0;

    ok(acpi_tables_write(&request), "%u VCPUs", vcpus);
    const uint8_t *madt = table_find("APIC");
    header_check(madt, "APIC", size, 5);
    is_u64(get(madt + 36, 8), 0x1fee00000, "local APICs' address, and there are PICs");
    const uint8_t *at = madt + 44;
    for (uint32_t i = 0; i < small; i++, at += 8)
        wrong += get(at, 8) != (0x100000800ull | i << 16 | (uint64_t)i << 24);
    for (uint32_t i = small; i < vcpus; i++, at += 16)
        wrong += get(at, 8) != (0x1009ull | (uint64_t)i << 32) ||
                 get(at + 8, 8) != (1 | (uint64_t)i << 32);
    is_u64(wrong, 0, "each has its entry, x2APIC from 255 on");
    is_u64(get(at, 8), 0xfec0000000000c01, "I/O APIC 0");
    is_u64(get(at + 8, 4), 0, "its first GSI is 0");
    is_u64(get(at + 12, 8), 0x0000000200000a02, "IRQ 0 is GSI 2");
    is_u64(get(at + 20, 2), 0, "as ISA has it");
    is_u64(get(at + 22, 8), 0x0000000909000a02, "IRQ 9 is GSI 9");
    is_u64(get(at + 30, 2), 0xd, "active high, level");
    is_u64(get(at + 32, 6), 0x010000ff0604, "NMI at pin 1 of every local APIC");
}

static void test_others(void)
{
    struct acpi_request request = request_make(2);
    const struct field mcfg[] = {{44, 8, 0xe0000000}, {54, 2, 0}};
    const struct field hpet[] = {
        {36, 4, 0x8086a201}, {40, 4, 0x00004000}, {44, 8, 0xfed00000}, {53, 2, 100}};

    acpi_tables_write(&request);
    header_check(table_find("MCFG"), "MCFG", 60, 1);
    FIELDS("MCFG", table_find("MCFG"), 36, mcfg);
    header_check(table_find("HPET"), "HPET", 56, 1);
    FIELDS("HPET", table_find("HPET"), 36, hpet);
    is_u64(ACPI_PCI_IRQ(0) | ACPI_PCI_IRQ(1) << 8 | ACPI_PCI_IRQ(2) << 16 | ACPI_PCI_IRQ(3) << 24,
           0x0b0a0b0a, "PCI's IRQs without the I/O APIC");
}

static uint32_t untouched(uint32_t from, uint32_t to)
{
    while (from < to && ram[from] == 0x5a)
        from++;
    return from == to;
}

static void test_bounds(void)
{
    static const uint32_t counts[] = {1, 64, 255, 256, ACPI_VCPUS};

    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct acpi_request request = request_make(counts[i]);
        uint32_t size = (uint32_t)acpi_tables_size(counts[i]);
        request.size = size;
        ok(acpi_tables_write(&request), "%u VCPUs: %u bytes are enough", counts[i], size);
        ok(untouched(0, RSDP) && untouched(RSDP + 36, BASE) && untouched(BASE + size, RAM),
           "and nothing else is written");
        request = request_make(counts[i]);
        request.size = size - 1;
        ok(!acpi_tables_write(&request) && untouched(0, RAM),
           "one less is not: nothing is written");
    }
}

static void test_refused(void)
{
    static const struct {
        uint64_t rsdp, base;
        uint32_t vcpus;
        const char *why;
    } requests[] = {
        {RSDP, BASE, ACPI_VCPUS + 1, "too many VCPUs"},
        {RSDP, BASE, UINT32_MAX, "far too many VCPUs"},
        {RSDP, BASE + 16, 1, "a base that is no multiple of 64"},
        {RSDP + 8, BASE, 1, "a root pointer that is none of 16"},
        {0xa0000, BASE, 1, "a root pointer where no RAM is"},
        {RAM, BASE, 1, "one behind RAM"},
        {RAM - 32, BASE, 1, "one that leaves RAM"},
        {RSDP, 0xa0000 - 64, 1, "tables that leave RAM"},
        {RSDP, RAM, 1, "tables behind RAM"},
        {RSDP, UINT64_MAX - 63, 1, "tables that wrap"},
    };

    for (uint32_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct acpi_request request = request_make(requests[i].vcpus);
        request.rsdp = requests[i].rsdp;
        request.base = requests[i].base;
        ok(!acpi_tables_write(&request) && untouched(0, RAM), "%s", requests[i].why);
    }
    struct acpi_request request = request_make(1);
    memory.ram[1].gpa = GUEST_HIGH;
    request.base = GUEST_HIGH;
    ok(!acpi_tables_write(&request), "tables above 4 GiB");
}

/* --- by iasl --- */

static char folder[] = "/tmp/acpi.XXXXXX";

static bool file_write(const char *name, const uint8_t *data, uint64_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(data, 1, size, file) == size;
    return file && !fclose(file) && written;
}

/* Reads at most `most` bytes; how many there were. */
static uint64_t file_read(const char *name, uint8_t *data, uint64_t most)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint64_t size = file ? fread(data, 1, most, file) : 0;
    if (file)
        fclose(file);
    return size;
}

/* Runs iasl in the folder. It is to succeed and to say this, and nothing of warnings. */
static void iasl(const char *arguments, const char *says)
{
    static char text[65536];
    char command[512];

    snprintf(command, sizeof(command), "cd %s && iasl %s > said 2>&1", folder, arguments);
    int status = system(command); /* NOLINT(cert-env33-c): names are our own */
    text[file_read("said", (uint8_t *)text, sizeof(text) - 1)] = 0;
    bool fine = !status && strstr(text, says) && !strstr(text, "Warning  ") &&
                !strstr(text, "Error  ") && !strstr(text, "ncorrect") && !strstr(text, "nvalid");
    if (!ok(fine, "iasl %s", arguments))
        printf("# %s\n", text);
}

#define COMPILED "0 Errors, 0 Warnings, 0 Remarks"

/* Taken apart and put together again by iasl it is the same, byte by byte. */
static void table_check(const uint8_t *table, const char *name)
{
    static uint8_t again[65536];
    uint64_t size = get(table + 4, 4);
    char file[16];
    char arguments[64];

    snprintf(file, sizeof(file), "%s.dat", name);
    ok(file_write(file, table, size), "%s is %u bytes", name, (unsigned)size);
    snprintf(arguments, sizeof(arguments), "-d %s.dat", name);
    iasl(arguments, strcmp(name, "dsdt") ? "Formatted output:" : "ASL Output:");
    snprintf(arguments, sizeof(arguments), "-p again %s.dsl", name);
    iasl(arguments, COMPILED);
    ok(file_read("again.aml", again, sizeof(again)) == size &&
           !memcmp(again + 36, table + 36, size - 36),
       "the same again");
}

static void test_iasl(uint32_t vcpus)
{
    struct acpi_request request = request_make(vcpus);

    acpi_tables_write(&request);
    table_check(table_find("APIC"), "apic");
    if (vcpus > 1)
        return;
    const uint8_t *fadt = table_find("FACP");
    table_check(fadt, "facp");
    table_check(table_find("MCFG"), "mcfg");
    table_check(table_find("HPET"), "hpet");
    table_check(ram + get(fadt + 36, 4), "facs");
    table_check(ram + get(fadt + 40, 4), "dsdt");
    table_check(ram + get(ram + RSDP + 16, 4), "rsdt");
    table_check(ram + get(ram + RSDP + 24, 8), "xsdt");
}

/* The header names the compiler's version, and so has another sum. */
static void test_dsdt(void)
{
    static uint8_t compiled[65536];
    char arguments[4300];
    char *here = realpath("vmm-server/boot/dsdt.asl", NULL);

    ok(here != NULL, "dsdt.asl is there");
    snprintf(arguments, sizeof(arguments), "-p asl %s", here ? here : "");
    free(here);
    iasl(arguments, COMPILED);
    uint64_t size = file_read("asl.aml", compiled, sizeof(compiled));
    is_u64(size, acpi_dsdt_size, "dsdt.c is as long as dsdt.asl, compiled");
    ok(size == acpi_dsdt_size && !memcmp(compiled + 36, acpi_dsdt + 36, size - 36), "and the same");
}

int main(void)
{
    char command[64];

    test_root();
    test_fadt();
    test_madt(1);
    test_madt(255);
    test_madt(300);
    test_others();
    test_bounds();
    test_refused();
    if (ok(mkdtemp(folder) != NULL, "a folder for iasl")) {
        test_iasl(1);
        test_iasl(4);
        test_iasl(300);
        test_dsdt();
        snprintf(command, sizeof(command), "rm -r %s", folder);
        ok(!system(command), "it is gone again");
    }
    return done_testing();
}
