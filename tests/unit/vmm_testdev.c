/* The test device: scratch register, lines, memory (QEMU's pc-testdev is the specification). */
#include "testdev.h"

#include "vmm_legacy.h"

static struct testdev device;
static uint8_t memory[TESTDEV_MEMORY_SIZE];
static struct line lines[TESTDEV_LINES];

static void device_make(void)
{
    machine_make();
    for (uint32_t i = 0; i < TESTDEV_LINES; i++)
        lines[i] = wire_line(i);
    ok(testdev_open(&device, &machine, lines, memory), "it opens");
}

static uint64_t in_wide(uint16_t port, unsigned size)
{
    return bus_read(&machine.ports, port, size);
}

static void test_scratch(void)
{
    device_make();
    is_u64(in_wide(0xe0, 4), 0, "the register is 0");
    bus_write(&machine.ports, 0xe0, 4, 0x87654321);
    is_u64(in_wide(0xe0, 4), 0x87654321, "it keeps 32 bits");
    is_u64(in(0xe0), 0x21, "by bytes: the lowest");
    is_u64(in(0xe3), 0x87, "and the highest");
    is_u64(in_wide(0xe2, 2), 0x8765, "by words");
    is_u64(in_wide(0xe1, 2), 0x6543, "odd ones too");
    out(0xe1, 0xaa);
    is_u64(in_wide(0xe0, 4), 0x8765aa21, "a byte is written");
    bus_write(&machine.ports, 0xe2, 2, 0x1234);
    is_u64(in_wide(0xe0, 4), 0x1234aa21, "a word");
    is_u64(in_wide(0xe2, 4), 0xffffffff, "what leaves it reads all ones");
    is_u64(in_wide(0xe4, 4), 0xffffffff, "0xe4 is nothing");
    is_u64(in_wide(0xe8, 4), 0x1234aa21, "0xe8 is the same register");
    bus_write(&machine.ports, 0xe8, 4, 0xcafe0102);
    is_u64(in_wide(0xe0, 4), 0xcafe0102, "for writes too");
    testdev_reset(&device);
    is_u64(in_wide(0xe0, 4), 0, "reset clears it");
}

static void test_lines(void)
{
    device_make();
    for (uint32_t i = 0; i < TESTDEV_LINES; i++) {
        out((uint16_t)(0x2000 + i), 1);
        unsigned high = 0;
        for (uint32_t j = 0; j < TESTDEV_LINES; j++)
            high += wires[j].level;
        ok(wires[i].level && high == 1, "line %u is raised, no other", i);
        out((uint16_t)(0x2000 + i), 0);
        ok(!wires[i].level, "and lowered");
    }
    out(0x2018, 1);
    out(0x1fff, 1);
    out(0x2003, 0x80);
    ok(wires[3].level && wires[3].rises == 2, "whatever is not 0 raises it");
    bus_write(&machine.ports, 0x2002, 2, 0);
    bus_write(&machine.ports, 0x2003, 4, 0);
    ok(wires[3].level, "wider accesses do nothing");
    bus_write(&machine.ports, 0x2000, 4, 0x01010101);
    ok(!wires[0].level && !wires[1].level && !wires[2].level, "as little to raise");
    is_u64(in(0x2003), 0xff, "lines cannot be read");
    out(0x2000, 1);
    testdev_reset(&device);
    ok(!wires[0].level && !wires[3].level, "reset lowers all");
}

static void test_memory(void)
{
    struct bus *bus = &machine.memory;

    device_make();
    bus_write(bus, 0xff000000, 8, 0x1122334455667788);
    is_u64(bus_read(bus, 0xff000000, 8), 0x1122334455667788, "8 bytes");
    is_u64(bus_read(bus, 0xff000001, 4), 0x44556677, "4 of them, at an odd place");
    is_u64(bus_read(bus, 0xff000006, 2), 0x1122, "2");
    bus_write(bus, 0xff000003, 2, 0xaabb);
    is_u64(bus_read(bus, 0xff000000, 8), 0x112233aabb667788, "a write changes its bytes alone");
    bus_write(bus, 0xff00ffff, 1, 0x5a);
    is_u64(bus_read(bus, 0xff00ffff, 1), 0x5a, "the last byte");
    bus_write(bus, 0xff00fffc, 8, 0);
    is_u64(bus_read(bus, 0xff00ffff, 1), 0x5a, "what leaves it is not written");
    is_u64(bus_read(bus, 0xff010000, 1), 0xff, "after it is nothing");
    testdev_reset(&device);
    is_u64(bus_read(bus, 0xff00ffff, 1), 0, "reset clears it");
}

static void test_taken(void)
{
    static const uint16_t ports[] = {0xe3, 0xe8, 0x2017};
    static struct testdev other;
    const struct bus_operations none = {0};

    for (uint32_t i = 0; i < 3; i++) {
        const struct bus_range range = {ports[i], 1, &none, NULL, 1};
        machine_make();
        bus_add(&machine.ports, &range);
        ok(!testdev_open(&other, &machine, lines, memory), "port 0x%x is taken", ports[i]);
    }
    machine_make();
    const struct bus_range range = {0xff00ffff, 1, &none, NULL, 1};
    bus_add(&machine.memory, &range);
    ok(!testdev_open(&other, &machine, lines, memory), "its memory is taken");
}

int main(void)
{
    test_scratch();
    test_lines();
    test_memory();
    test_taken();
    return done_testing();
}
