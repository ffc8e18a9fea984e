/* PCI (PCI Local Bus 3.0) of the VMM. */
#include "pci.h"

#include "vmm_pci_bus.h"

static uint64_t memory_get(uint64_t offset, unsigned size)
{
    return bus_read(&machine.memory, PCI_CONFIG + offset, size);
}

static void test_mechanism_1(void)
{
    setup();
    is_u64(bus_read(&machine.ports, 0xcf8, 4), 0u, "CONFIG_ADDRESS is 0 after reset");
    is_u64(bus_read(&machine.ports, 0xcfc, 4), ALL_ONES, "then there is nothing at the data port");
    bus_write(&machine.ports, 0xcf8, 4, 0xffffffff);
    is_u64(bus_read(&machine.ports, 0xcf8, 4), 0x80fffffcull, "its reserved bits stay 0");
    bus_write(&machine.ports, 0xcfb, 1, 1);
    bus_write(&machine.ports, 0xcf8, 2, 0x1234);
    is_u64(bus_read(&machine.ports, 0xcf8, 4), 0x80fffffcull, "smaller writes are not for it");
    is_u64(bus_read(&machine.ports, 0xcf8, 2), 0xffffull, "nor reads");
    is_u64(get(0, 0, 4), 0x00081b36ull, "the host bridge is device 0");
    is_u64(get(0, 8, 4), 0x06000000ull, "its class is that of a host bridge");
    is_u64(get(1, 0, 2), 0x1234ull, "a word");
    is_u64(get(1, 2, 2), 0x5678ull, "another one");
    is_u64(get(1, 3, 1), 0x56ull, "a byte");
    is_u64(get(1, 0x2c, 4), 0xdef09abcull, "subsystem");
    is_u64(get(1, 0x0e, 1), 0u, "a header of type 0, one function");
    is_u64(get(1, 0x3c, 2), 0x010bull, "interrupt line as wired, pin A");
    is_u64(get(3, 0, 4), ALL_ONES, "there is no device 3");
    put(3, 4, 4, 7);
    bus_write(&machine.ports, 0xcf8, 4, 0x80000100u | 1 << 11);
    is_u64(bus_read(&machine.ports, 0xcfc, 4), ALL_ONES, "no function 1");
    bus_write(&machine.ports, 0xcf8, 4, 0x80010000u | 1 << 11);
    is_u64(bus_read(&machine.ports, 0xcfc, 4), ALL_ONES, "no bus 1");
    bus_write(&machine.ports, 0xcf8, 4, 1 << 11);
    is_u64(bus_read(&machine.ports, 0xcfc, 4), ALL_ONES, "nothing while the address is off");
    put(1, 0, 4, 0);
    put(1, 8, 4, 0);
    ok(get(1, 0, 4) == 0x56781234 && get(1, 8, 4) == 0x02000003, "identity is read-only");
    put(1, 0x3c, 4, 0x55aa5505);
    is_u64(get(1, 0x3c, 4), 0x0105ull, "the interrupt line can be written, the pin cannot");
    told = 0;
    put(1, 0x41, 1, 0xff);
    ok(told == 1 && last_offset == 0x41 && get(1, 0x40, 4) == 0, "the function is told of a write");
    ok(get(1, 0x45, 1) == 0 && read_at == 0x45, "and of a read");
}

static void test_memory_mapped(void)
{
    setup();
    is_u64(memory_get(0, 4), 0x00081b36ull, "the bridge, memory-mapped");
    is_u64(memory_get(1 << 15, 8), 0x56781234ull, "8 bytes are two accesses");
    is_u64(memory_get((1 << 15) + 2, 2), 0x5678ull, "a word");
    bus_write(&machine.memory, PCI_CONFIG + (1 << 15) + PCI_COMMAND, 2, 0xffff);
    is_u64(memory_get((1 << 15) + PCI_COMMAND, 2), 0x547ull, "the command register's bits");
    is_u64(memory_get((1 << 15) + 0xfe, 2), 0u, "up to 256 bytes");
    is_u64(memory_get((1 << 15) + 0xfe, 4), ALL_ONES, "not over it");
    is_u64(memory_get((1 << 15) + 0x100, 4), ALL_ONES, "there is no extended space");
    is_u64(memory_get((1 << 15) + 0xffd, 4), ALL_ONES, "also at its end");
    is_u64(memory_get((1 << 15) + (1 << 12), 4), ALL_ONES, "no function 1");
    is_u64(memory_get(1 << 20, 4), ALL_ONES, "no bus 1");
    is_u64(memory_get(PCI_CONFIG_SIZE - 4, 4), ALL_ONES, "nor bus 255");
    bus_write(&machine.memory, PCI_CONFIG + (1 << 20) + PCI_COMMAND, 2, 7);
    is_u64(memory_get(PCI_COMMAND, 2), 0u, "what is written there is not for bus 0");
}

static void test_bars(void)
{
    setup();
    is_u64(get(1, 0x10, 4), PCI_PORTS | 1, "a BAR for ports has an address");
    is_u64(get(2, 0x10, 4), (PCI_PORTS + 32) | 1, "the next one is behind it");
    is_u64(get(1, 0x14, 4), PCI_MEMORY, "memory");
    is_u64(get(1, 0x18, 4), (PCI_MEMORY + 0x10000) | 4, "64 bits, aligned to its size");
    is_u64(get(1, 0x1c, 4), 0u, "upper half");
    is_u64(get(1, 0x20, 4), 0u, "one that is not there");
    put(1, 0x20, 4, 0xffffffff);
    is_u64(get(1, 0x20, 4), 0u, "has no size either");
    for (uint32_t at = 0x10; at < 0x20; at += 4)
        put(1, at, 4, 0xffffffff);
    is_u64(get(1, 0x10, 4), 0xffffffe1ull, "size of the ports");
    is_u64(get(1, 0x14, 4), 0xffffffc0ull, "size of the memory");
    is_u64(get(1, 0x18, 4), 0xffff0004ull, "of 64 bits");
    is_u64(get(1, 0x1c, 4), 0xffffffffull, "its upper half");
    put(1, 0x14, 1, 0);
    put(1, 0x16, 2, 0xd000);
    is_u64(get(1, 0x14, 4), 0xd000ff00ull, "bytes and words are written too");
}

static bool answers(uint64_t address, uint64_t device)
{
    return bus_read(&machine.memory, address + 4, 4) == device + 4;
}

static void test_decode(void)
{
    setup();
    ok(!answers(PCI_MEMORY, 0x200), "nothing answers before the command register says so");
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    ok(answers(PCI_MEMORY, 0x200) && answers(PCI_MEMORY + 0x10000, 0x300), "then memory does");
    is_u64(bus_read(&machine.ports, PCI_PORTS, 4), ALL_ONES, "and no ports");
    put(1, PCI_COMMAND, 2, PCI_COMMAND_IO);
    ok(!answers(PCI_MEMORY, 0x200), "memory is off again");
    is_u64(bus_read(&machine.ports, PCI_PORTS + 4, 4), 0x104ull, "ports are on");
    put(1, 0x10, 4, PCI_PORTS_END - 32);
    ok(bus_read(&machine.ports, PCI_PORTS_END - 28, 4) == 0x104 &&
           bus_read(&machine.ports, PCI_PORTS + 4, 4) == ALL_ONES,
       "they move");
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    put(1, 0x14, 4, PCI_MEMORY_END - 64);
    ok(answers(PCI_MEMORY_END - 64, 0x200) && !answers(PCI_MEMORY, 0x200), "so does memory");
    pci_reset(&bus);
    ok(!answers(PCI_MEMORY_END - 64, 0x200) && get(1, 0x14, 4) == PCI_MEMORY &&
           get(1, PCI_COMMAND, 2) == 0,
       "after reset all is as it was");
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    ok(answers(PCI_MEMORY, 0x200), "and works");
}

static void test_hostile_bars(void)
{
    static const uint32_t outside[] = {0,          0x1000,     0xc0000000, PCI_MEMORY - 64,
                                       PCI_CONFIG, 0xfec00000, 0xfee00000, 0xffffffff};
    uint32_t count;

    setup();
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    put(2, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    count = machine.memory.count;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        put(1, 0x14, 4, outside[i]);
        is_u64(machine.memory.count, count - 1, "at 0x%x nothing decodes", outside[i]);
    }
    put(1, 0x14, 4, PCI_MEMORY);
    is_u64(machine.memory.count, count, "it comes back");
    put(1, 0x1c, 4, 1);
    ok(!answers(PCI_MEMORY + 0x10000, 0x300) && machine.memory.count == count - 1,
       "over 4 GiB neither");
    put(1, 0x1c, 4, 0xffffffff);
    put(1, 0x18, 4, 0xffff0000);
    is_u64(machine.memory.count, count - 1, "nor where it would wrap");
    for (uint32_t port = 0; port < 0x10000; port += 32) {
        put(1, 0x10, 4, port);
        if (bus_read(&machine.ports, port + 4, 4) == 0x104 &&
            (port < PCI_PORTS || port >= PCI_PORTS_END))
            ok(false, "ports 0x%x are not in the window", port);
    }
    put(1, 0x10, 4, 0x1c000);
    is_u64(bus_read(&machine.ports, 0xc004, 4), ALL_ONES, "17 bits of a port are no port");
    put(1, 0x10, 4, 0xcf8 & ~31u);
    is_u64(bus_read(&machine.ports, 0xcf8, 4) >> 31, 1u, "the configuration ports stay");
}

static void test_overlap(void)
{
    setup();
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    put(2, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    uint32_t count = machine.memory.count;
    put(2, 0x14, 4, PCI_MEMORY);
    ok(answers(PCI_MEMORY, 0x200) && machine.memory.count == count - 1,
       "of two in one place the first answers");
    put(1, PCI_COMMAND, 2, 0);
    ok(answers(PCI_MEMORY, 0x200) && machine.memory.count == count - 2,
       "when it goes, the other one does");
    put(1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    ok(machine.memory.count == count - 1, "now the first one is refused");
    put(1, 0x14, 4, PCI_MEMORY + 0x8000);
    is_u64(machine.memory.count, count, "until it finds another place");
    put(1, 0x18, 4, PCI_MEMORY);
    put(1, 0x14, 4, PCI_MEMORY + 0x40);
    put(2, PCI_COMMAND, 2, 0);
    ok(answers(PCI_MEMORY + 0x40, 0x200) && !answers(PCI_MEMORY, 0x300),
       "two of one function do not share either");
}

static void test_full(void)
{
    static const struct pci_operations none = {NULL, NULL, NULL};
    static struct pci_function huge;
    static const struct pci_identity identity = {.vendor = 1};
    uint32_t n = 3;

    setup();
    pci_function_begin(&huge, &identity, NULL, NULL);
    huge.bar[0] =
        (struct pci_bar){PCI_BAR_MEMORY, .widest = 4, .size = 0x10000000, .operations = &region};
    ok(!pci_add(&bus, &huge) && get(3, 0, 4) == ALL_ONES, "one that is too large is refused");
    huge.bar[0].size = 0x8000000;
    ok(pci_add(&bus, &huge) && get(3, 0x10, 4) == 0xd8000000, "one that just fits is not");
    huge.bar[0].size = 16;
    pci_function_begin(&function[4], &identity, NULL, NULL);
    function[4].bar[0] = huge.bar[0];
    ok(!pci_add(&bus, &function[4]), "then memory is used up");
    setup();
    while (n < PCI_DEVICES && function_add(n))
        n++;
    is_u64(n, PCI_DEVICES, "32 devices");
    function[1].operations = &none;
    put(1, PCI_LINE, 1, 5);
    is_u64(get(1, PCI_LINE, 1), 5u, "one that has no hooks");
    is_u64(get(31, 0, 4), 0x56781234ull, "the last one");
    put(0, PCI_COMMAND, 2, 0xffff);
    is_u64(get(0, PCI_COMMAND, 2), 0x547u, "the bridge has no hooks, and needs none");
    huge.bar[0].kind = PCI_BAR_NONE;
    ok(!pci_add(&bus, &huge), "and no more");
}

static void test_interrupts(void)
{
    setup();
    for (uint32_t n = 3; n < 6; n++)
        function_add(n);
    pci_interrupt(&function[1], true);
    ok(wire[1] && !wire[0] && !wire[2] && !wire[3], "device 1's INTA is wire 1");
    is_u64(get(1, PCI_STATUS, 2), 8u, "the status register says so");
    pci_interrupt(&function[5], true);
    pci_interrupt(&function[1], false);
    ok(wire[1] && get(1, PCI_STATUS, 2) == 0, "device 5 shares it");
    put(5, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX);
    ok(!wire[1] && get(5, PCI_STATUS, 2) == 8, "INTx disable takes the wire, not the status");
    put(5, PCI_COMMAND, 2, 0);
    ok(wire[1], "and gives it back");
    put(5, PCI_STATUS, 2, 0xffff);
    is_u64(get(5, PCI_STATUS, 2), 8u, "the status is read-only");
    pci_reset(&bus);
    ok(!wire[1] && get(5, PCI_STATUS, 2) == 0, "reset lowers it");
    pci_interrupt(&function[3], true);
    pci_interrupt(&function[4], true);
    ok(wire[3] && wire[0], "devices 3 and 4 are wires 3 and 0");
}

static void test_reset_port(void)
{
    setup();
    resets = device_resets = 0;
    bus_write(&machine.ports, 0xcf9, 1, 0x02);
    is_u64(resets, 0u, "0xcf9: a hard reset is only chosen");
    is_u64(bus_read(&machine.ports, 0xcf9, 1), 2u, "and can be read");
    bus_write(&machine.ports, 0xcf9, 1, 0x06);
    is_u64(resets, 1u, "bit 2 does it");
    bus_write(&machine.ports, 0xcf9, 1, 0x06);
    is_u64(resets, 1u, "when it goes up");
    bus_write(&machine.ports, 0xcf9, 1, 0xf1);
    is_u64(bus_read(&machine.ports, 0xcf9, 1), 0u, "other bits are not there");
    bus_write(&machine.ports, 0xcf8, 4, 0x80000600);
    is_u64(resets, 1u, "a write of CONFIG_ADDRESS is none");
    bus_write(&machine.ports, 0xcf9, 1, 0x0e);
    pci_reset(&bus);
    ok(bus_read(&machine.ports, 0xcf9, 1) == 0 && device_resets == 2, "reset clears it");
}

int main(void)
{
    test_mechanism_1();
    test_memory_mapped();
    test_bars();
    test_decode();
    test_hostile_bars();
    test_overlap();
    test_full();
    test_interrupts();
    test_reset_port();
    return done_testing();
}
