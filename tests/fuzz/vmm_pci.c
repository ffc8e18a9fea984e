/*
 * A guest that does anything to the PCI bus and a virtio device on it: accesses of ports,
 * configuration space and the window, and words in RAM. What comes of it stays in RAM and in the
 * device, and the bus keeps its ranges apart.
 *
 * Input: the first bytes decide whether the device is set up as a driver would do it; then
 * operations of 8 bytes: what, size, address or offset, value.
 */
#include <stdlib.h>
#include <string.h>

#include "virtio_rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM 0x10000u

static struct machine machine;
static struct pci_bus bus;
static struct virtio_rng rng;
static uint8_t ram[RAM] __attribute__((aligned(4096)));
static const struct guest_memory memory = {1, {{0, RAM, ram}}};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool fill(void *from, uint8_t *bytes, uint32_t size)
{
    (void)from;
    require(bytes >= ram && bytes < ram + RAM && size <= (size_t)(ram + RAM - bytes));
    memset(bytes, 0xa5, size);
    return true;
}

static void message(void *target, uint64_t address, uint32_t data)
{
    (void)target;
    (void)data;
    require(!(address & 3));
}

static void require_apart(const struct bus *space)
{
    for (uint32_t i = 0; i + 1 < space->count; i++)
        require(space->range[i].base + space->range[i].size <= space->range[i + 1].base);
}

static void device_write(uint64_t offset, unsigned size, uint64_t value)
{
    bus_write(&machine.memory, PCI_MEMORY + offset, size, value);
}

/* As a driver does it: parts at 0, 0x1000 and 0x2000 of RAM. */
static void driver_start(void)
{
    pci_config_write(&bus, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    device_write(8, 4, 0);
    device_write(12, 4, (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX) & UINT32_MAX);
    device_write(8, 4, 1);
    device_write(12, 4, 1);
    device_write(20, 1, 11);
    device_write(24, 2, 16);
    device_write(40, 8, 0x1000);
    device_write(48, 8, 0x2000);
    device_write(28, 2, 1);
    device_write(20, 1, 15);
    require(rng.virtio.status == 15 && rng.virtio.queue[0].ready);
}

static void operate(const uint8_t *op)
{
    unsigned bytes = 1u << (op[1] & 3);
    uint32_t value;
    uint64_t at = op[2] | (uint64_t)op[3] << 8;

    memcpy(&value, op + 4, 4);
    switch (op[0] % 8) {
    case 0:
        device_write(at % 0x4000, bytes, value);
        break;
    case 1:
        (void)bus_read(&machine.memory, PCI_MEMORY + at % 0x4000, bytes);
        break;
    case 2:
        bus_write(&machine.memory, PCI_CONFIG + at % 0x10100, bytes, value);
        break;
    case 3:
        (void)bus_read(&machine.memory, PCI_CONFIG + at, bytes);
        break;
    case 4:
        bus_write(&machine.ports, 0xcf8 + at % 8, bytes & 7 ? bytes : 4, value);
        break;
    case 5:
        (void)bus_read(&machine.ports, 0xcf8 + at % 8, bytes & 7 ? bytes : 4);
        break;
    case 6: /* descriptors and indirect tables */
        memcpy(ram + at % (RAM - 4), &value, 4);
        break;
    default: /* one more is available, and the bell */
        ram[0x1002]++;
        memcpy(ram + 0x1004 + at % 32, &value, 2);
        device_write(0x1000, 4, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pci_wiring wiring = {.irq = {10, 11, 10, 11}};
    const struct message_port port = {message, NULL};
    const struct virtio_rng_source source = {fill, NULL};

    memset(&machine, 0, sizeof(machine));
    memset(ram, 0, sizeof(ram));
    require(pci_open(&bus, &machine, &wiring) &&
            virtio_rng_open(&rng, &bus, &memory, &port, &source));
    if (size && data[0] & 1)
        driver_start();
    for (size_t at = 1; at + 8 <= size; at += 8) {
        operate(data + at);
        require_apart(&machine.ports);
        require_apart(&machine.memory);
    }
    require(machine.ports.count >= 1 && machine.memory.count >= 1);
    pci_reset(&bus);
    require(machine.ports.count == 1 && machine.memory.count == 1);
    require(!rng.virtio.status && !rng.virtio.queue[0].ready);
    return 0;
}
