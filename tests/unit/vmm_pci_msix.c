/* MSI-X (PCI Local Bus 3.0, 6.8.2) of the VMM. */
#include "pci_msix.h"

#include "vmm_pci_bus.h"

static struct msix msix;
static struct pci_function messenger;
static uint64_t sent_address;
static uint32_t sent_data, sent;

static void message(void *target, uint64_t address, uint32_t data)
{
    (void)target;
    sent_address = address;
    sent_data = data;
    sent++;
}

static void messenger_written(void *device, uint32_t offset, uint32_t size)
{
    (void)device;
    (void)offset;
    (void)size;
    msix_config_written(&msix);
}

static void messenger_reset(void *device)
{
    (void)device;
    msix_reset(&msix);
}

#define TABLE (PCI_MEMORY + 0x30000)

static void vector_set(uint64_t n, uint64_t address, uint32_t data, uint32_t control)
{
    bus_write(&machine.memory, TABLE + n * 16, 8, address);
    bus_write(&machine.memory, TABLE + n * 16 + 8, 4, data);
    bus_write(&machine.memory, TABLE + n * 16 + 12, 4, control);
}

static void msix_setup(uint32_t vectors)
{
    static const struct pci_operations operations = {NULL, messenger_written, messenger_reset};
    static const struct pci_identity identity = {.vendor = 1};
    const struct message_port port = {message, NULL};

    setup();
    pci_function_begin(&messenger, &identity, &operations, NULL);
    msix_open(&msix, &messenger, 1, vectors, &port);
    ok(pci_add(&bus, &messenger), "a function with MSI-X");
    put(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    put(3, 0x14, 4, TABLE);
    sent = 0;
}

static void test_msix_registers(void)
{
    msix_setup(3);
    is_u64(get(3, PCI_STATUS, 2), 0x10u, "there is a list of capabilities");
    is_u64(get(3, PCI_CAPABILITY, 1), 0x40u, "it begins here");
    is_u64(get(3, 0x40, 4), 0x00020011ull, "MSI-X, the last one, 3 vectors");
    is_u64(get(3, 0x44, 4), 1u, "table at 0 of BAR 1");
    is_u64(get(3, 0x48, 4), 0x801u, "pending bits behind it");
    put(3, 0x40, 4, 0xffffffff);
    put(3, 0x44, 4, 0xffffffff);
    ok(get(3, 0x40, 4) == 0xc0020011 && get(3, 0x44, 4) == 1, "enable and mask can be written");
    is_u64(bus_read(&machine.memory, TABLE + 12, 4), 1u, "vectors are masked after reset");
    vector_set(2, 0x1122334455667788ull | 3, 0xa5a5a5a5, 0xffffffff);
    is_u64(bus_read(&machine.memory, TABLE + 32, 8), 0x1122334455667788ull, "an address");
    is_u64(bus_read(&machine.memory, TABLE + 40, 4), 0xa5a5a5a5ull, "data");
    is_u64(bus_read(&machine.memory, TABLE + 44, 4), 1u, "control has one bit");
    bus_write(&machine.memory, TABLE + 41, 1, 0x11);
    bus_write(&machine.memory, TABLE + 42, 2, 0x2233);
    is_u64(bus_read(&machine.memory, TABLE + 40, 4), 0x223311a5ull, "parts of a word");
    bus_write(&machine.memory, TABLE + 42, 4, 0);
    is_u64(bus_read(&machine.memory, TABLE + 42, 4), ALL_ONES, "one that leaves its word is none");
    is_u64(bus_read(&machine.memory, TABLE + 40, 4), 0x223311a5ull, "nor was the write");
    vector_set(3, 4, 4, 0);
    ok(bus_read(&machine.memory, TABLE + 48, 8) == 0 && !msix.table[3].word[0],
       "there is no vector 3");
    bus_write(&machine.memory, TABLE + MSIX_PENDING, 8, 0xff);
    is_u64(bus_read(&machine.memory, TABLE + MSIX_PENDING, 8), 0u, "pending bits are read-only");
    pci_reset(&bus);
    ok(!msix_enabled(&msix) && !msix.table[2].word[2] && msix.table[2].word[3] == 1,
       "reset clears the table");
}

static void test_msix_messages(void)
{
    msix_setup(64);
    vector_set(5, 0xfee01000, 0x41, 0);
    msix_send(&msix, 5);
    ok(!sent && !msix.pending, "off, nothing is sent and nothing pends");
    put(3, 0x42, 2, 0x8000);
    msix_send(&msix, 5);
    ok(sent == 1 && sent_address == 0xfee01000 && sent_data == 0x41, "a message");
    msix_send(&msix, 64);
    msix_send(&msix, UINT32_MAX);
    ok(sent == 1 && !msix.pending, "no vector, no message");
    vector_set(5, 0x1fee02000ull, 0x42, 1);
    msix_send(&msix, 5);
    msix_send(&msix, 5);
    ok(sent == 1, "a masked vector is not sent");
    is_u64(bus_read(&machine.memory, TABLE + MSIX_PENDING, 8), 0x20u, "it is pending");
    bus_write(&machine.memory, TABLE + 5 * 16ull + 12, 4, 0);
    ok(sent == 2 && sent_address == 0x1fee02000ull && sent_data == 0x42 && !msix.pending,
       "and is sent, once, when it is unmasked");
    put(3, 0x42, 2, 0xc000);
    msix_send(&msix, 5);
    vector_set(63, 0xfee00000, 0x63, 0);
    msix_send(&msix, 63);
    is_u64(bus_read(&machine.memory, TABLE + MSIX_PENDING, 8), 0x8000000000000020ull,
           "the function's mask holds all");
    ok(bus_read(&machine.memory, TABLE + 0x400, 8) == 0 &&
           bus_read(&machine.memory, TABLE + MSIX_PENDING + 8, 8) == 0,
       "around them there is nothing");
    ok(sent == 2, "none is sent");
    put(3, 0x42, 2, 0x8000);
    ok(sent == 4 && !msix.pending, "without it they are");
    put(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    msix_send(&msix, 5);
    ok(sent == 4 && msix.pending == 0x20, "who is no bus master sends none");
    put(3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    ok(sent == 5 && !msix.pending, "but later");
}

int main(void)
{
    test_msix_registers();
    test_msix_messages();
    return done_testing();
}
