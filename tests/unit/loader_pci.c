/*
 * Switching off bus mastering over a made-up configuration space.
 */
#include <stdlib.h>

#include "loader_fakes.h"
#include "pci.h"
#include "tap.h"

#define FUNCTIONS 65536u

/* One register file a function; vendor 0 means that it is not there. */
struct fake_function {
    uint16_t vendor, command, stuck; /* stuck: command bits that cannot be cleared */
    uint8_t header;
    uint32_t class;
};

static struct fake_function *fakes;
static unsigned reads, writes, status_touched;

static struct fake_function *fake(struct boot_function function)
{
    return &fakes[(uint32_t)function.bus << 8 | function.device_function];
}

static uint32_t fake_read32(void *context, struct boot_function function, uint32_t offset)
{
    const struct fake_function *f = fake(function);

    (void)context;
    reads++;
    if (!f->vendor)
        return UINT32_MAX;
    switch (offset) {
    case 0:
        return 0x12340000u | f->vendor;
    case 4:
        return 0xffff0000u | f->command;
    case 8:
        return f->class;
    case 12:
        return (uint32_t)f->header << 16;
    default:
        return 0;
    }
}

static void fake_write16(void *context, struct boot_function function, uint32_t offset,
                         uint16_t value)
{
    struct fake_function *f = fake(function);

    (void)context;
    writes++;
    if (offset == 4)
        f->command = (uint16_t)(value | (f->command & f->stuck));
    else
        status_touched++;
}

static struct pci_masters scan(struct boot_function *table, uint8_t first_bus, uint8_t last_bus)
{
    struct pci_space space = {.read32 = fake_read32,
                              .write16 = fake_write16,
                              .segment = 3,
                              .first_bus = first_bus,
                              .last_bus = last_bus};
    struct pci_masters masters = {.table = table};

    reads = writes = console_lines = 0;
    pci_stop_masters(&space, &masters);
    return masters;
}

static void test_ordinary(void)
{
    struct boot_function table[BOOT_MAX_FUNCTIONS];

    fakes[0x0000] = (struct fake_function){0x8086, 0x0006, 0x0004, 0, 0x06000000};
    fakes[0x0008] = (struct fake_function){0x8086, 0x0107, 0, 0x80, 0x06010000};
    fakes[0x0009] = (struct fake_function){0x8086, 0x0005, 0, 0, 0x01010000};
    fakes[0x000f] = (struct fake_function){0x8086, 0x0004, 0x0004, 0, 0x0c030000};
    fakes[0x0018] = (struct fake_function){0x1af4, 0x0003, 0, 0, 0x02000000};
    fakes[0x0019] = (struct fake_function){0x1af4, 0x0007, 0, 0, 0x02000000};
    fakes[0x00f8] = (struct fake_function){0x8086, 0x0007, 0, 0x01, 0x06040000};
    fakes[0xfff8] = (struct fake_function){0x8086, 0x0007, 0, 0, 0x02000000};

    struct pci_masters masters = scan(table, 0, 255);
    is_u64(masters.functions, 7, "functions found");
    is_u64(fakes[0x0008].command, 0x0103, "only the bus master bit goes");
    is_u64(fakes[0x0009].command, 0x0001, "function 1 of a device with many");
    is_u64(fakes[0x0019].command, 0x0007, "no function 1 without the header bit");
    is_u64(fakes[0x00f8].command, 0x0003, "a PCI bridge is no exception");
    is_u64(fakes[0xfff8].command, 0x0003, "last device of the last bus");
    is_u64(masters.on, 2, "two stay on");
    is_u64(console_lines, 2, "a line for each");
    ok(table[0].device_function == 0 && table[0].segment == 3 && table[1].device_function == 0x0f,
       "and they are in the table");
    is_str(console_last_line, "warning: bus mastering stays on at PCI 3:0:1.7, device 8086:1234",
           "the line");
    is_u64(writes, 6, "a function with the bit off is not written");
    is_u64(status_touched, 0, "the status register is not written");
    ok(reads < 8192 + 64, "an absent device costs one access");
}

static void test_buses(void)
{
    struct boot_function table[BOOT_MAX_FUNCTIONS];

    fakes[0x1000].vendor = fakes[0x1100].vendor = fakes[0x1200].vendor = 1;
    fakes[0x1000].command = fakes[0x1100].command = fakes[0x1200].command = 4;
    is_u64(scan(table, 0x11, 0x11).functions, 1, "only the segment's buses");
    ok(fakes[0x1000].command == 4 && fakes[0x1100].command == 0 && fakes[0x1200].command == 4,
       "others are left alone");
}

static void test_overflow(void)
{
    struct boot_function *table = calloc(BOOT_MAX_FUNCTIONS, sizeof(*table));

    for (uint32_t i = 0; i < FUNCTIONS; i++)
        fakes[i] = (struct fake_function){0xabcd, 0xffff, 0xffff, 0x80, 0};
    struct pci_masters masters = scan(table, 0, 255);
    is_u64(masters.functions, FUNCTIONS, "every function there is");
    is_u64(masters.on, FUNCTIONS, "all counted, the table not overrun");
    is_u64(table[BOOT_MAX_FUNCTIONS - 1].device_function, BOOT_MAX_FUNCTIONS - 1,
           "the table has the first of them");
    free(table);
}

int main(void)
{
    fakes = calloc(FUNCTIONS, sizeof(*fakes));
    test_ordinary();
    memset(fakes, 0, FUNCTIONS * sizeof(*fakes));
    test_buses();
    test_overflow();
    free(fakes);
    return done_testing();
}
