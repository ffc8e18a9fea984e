/* A machine with one virtio device, RAM for its queues, and a driver's steps. */
#pragma once

#include <string.h>

#include "tap.h"
#include "virtio_pci.h"

#define RAM  0x100000u
#define DESC 0x1000u
#define DRV  0x3000u
#define DEV  0x4000u
#define DATA 0x10000u

/* Fields of the common structure. */
enum {
    DEVICE_FEATURE_SELECT = 0,
    DEVICE_FEATURE = 4,
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    CONFIG_VECTOR = 16,
    NUM_QUEUES = 18,
    STATUS = 20,
    GENERATION = 21,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    QUEUE_DOORBELL = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    ISR = 0x100,
    CONFIG = 0x200,
    DOORBELL = 0x1000
};

static struct machine machine;
static struct pci_bus bus;
static struct guest_memory memory;
static uint8_t ram[RAM] __attribute__((aligned(4096)));
static bool intx;
static uint64_t message_address;
static uint32_t messages;

/* Of the device at hand. */
static uint64_t base;
static uint32_t number;

static void wire_set(void *target, uint32_t pin, bool level)
{
    (void)target;
    (void)pin;
    intx = level;
}

static void message(void *target, uint64_t address, uint32_t data)
{
    (void)target;
    (void)data;
    message_address = address;
    messages++;
}

static uint32_t pci_get(uint32_t offset, uint32_t size)
{
    return pci_config_read(&bus, number, offset, size);
}

static uint64_t get(uint64_t offset, unsigned size)
{
    return bus_read(&machine.memory, base + offset, size);
}

static void put(uint64_t offset, unsigned size, uint64_t value)
{
    bus_write(&machine.memory, base + offset, size, value);
}

static void machine_set(void)
{
    struct pci_wiring wiring = {.wire = {{0}, {wire_set, NULL, 1}}};

    memset(&machine, 0, sizeof(machine));
    memset(ram, 0, sizeof(ram));
    intx = false;
    messages = 0;
    guest_memory_lay(&memory, ram, RAM);
    number = 1;
    base = PCI_MEMORY;
    pci_open(&bus, &machine, &wiring);
}

static void device_on(void)
{
    pci_config_write(&bus, number, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static const struct message_port port = {message, NULL};

/* Up to FEATURES_OK, with these features and VERSION_1. */
static uint64_t negotiate(uint64_t features)
{
    put(STATUS, 1, 0);
    put(STATUS, 1, 1);
    put(STATUS, 1, 3);
    for (uint32_t half = 0; half < 2; half++) {
        put(DRIVER_FEATURE_SELECT, 4, half);
        put(DRIVER_FEATURE, 4, (features | VIRTIO_F_VERSION_1) >> 32 * half & UINT32_MAX);
    }
    put(STATUS, 1, 11);
    return get(STATUS, 1);
}

static void queue_enable(uint16_t queue, uint16_t size)
{
    put(QUEUE_SELECT, 2, queue);
    put(QUEUE_SIZE, 2, size);
    put(QUEUE_DESC, 8, DESC);
    put(QUEUE_DRIVER, 8, DRV);
    put(QUEUE_DEVICE, 8, DEV);
    put(QUEUE_ENABLE, 2, 1);
}

static void offer(uint16_t head, uint16_t index)
{
    memcpy(ram + DRV + 4 + (index - 1u) % 8 * 2ull, &head, 2);
    memcpy(ram + DRV + 2, &index, 2);
}

static void desc(uint64_t n, uint64_t address, uint32_t size, uint16_t flags, uint16_t next)
{
    memcpy(ram + DESC + n * 16, &address, 8);
    memcpy(ram + DESC + n * 16 + 8, &size, 4);
    memcpy(ram + DESC + n * 16 + 12, &flags, 2);
    memcpy(ram + DESC + n * 16 + 14, &next, 2);
}

static void run(uint16_t size)
{
    negotiate(0);
    queue_enable(0, size);
    put(STATUS, 1, 15);
}
