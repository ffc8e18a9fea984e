/* A PCI bus with two functions of three BARs each, and what its tests ask it with. */
#pragma once

#include <string.h>

#include "pci.h"
#include "tap.h"

#define ALL_ONES 0xffffffffull

static struct machine machine;
static struct pci_bus bus;
static struct pci_function function[PCI_DEVICES];
static bool wire[PCI_WIRES];
static unsigned resets, told, device_resets;
static uint32_t last_offset;

static void wire_set(void *target, uint32_t pin, bool level)
{
    (void)target;
    wire[pin] = level;
}

static void reset_set(void *target, uint32_t pin, bool level)
{
    (void)target;
    resets += pin == 7 && level;
}

static uint64_t region_read(void *device, uint64_t offset, unsigned size)
{
    (void)size;
    return (uintptr_t)device + offset;
}

static void region_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

static const struct bus_operations region = {region_read, region_write};

static void config_read(void *device, uint32_t offset, uint32_t size)
{
    (void)size;
    *(uint32_t *)device = offset;
}

static void config_written(void *device, uint32_t offset, uint32_t size)
{
    (void)device;
    last_offset = offset;
    told += size;
}

static void device_reset(void *device)
{
    (void)device;
    device_resets++;
}

static const struct pci_operations hooks = {config_read, config_written, device_reset};
static uint32_t read_at;

static bool function_add(uint32_t n)
{
    static const struct pci_identity identity = {0x1234, 0x5678, 0x9abc, 0xdef0, 0x02000003, true};
    struct pci_function *f = &function[n];

    pci_function_begin(f, &identity, &hooks, &read_at);
    f->bar[0] = (struct pci_bar){PCI_BAR_PORTS, .widest = 4, .size = 32, .operations = &region,
                                 .device = (void *)0x100};
    f->bar[1] = (struct pci_bar){PCI_BAR_MEMORY, .widest = 4, .size = 64, .operations = &region,
                                 .device = (void *)0x200};
    f->bar[2] = (struct pci_bar){PCI_BAR_MEMORY64, .widest = 8, .size = 65536,
                                 .operations = &region, .device = (void *)0x300};
    return pci_add(&bus, f);
}

static void setup(void)
{
    struct pci_wiring wiring = {.irq = {10, 11, 10, 11}, .reset = {reset_set, NULL, 7}};

    memset(&machine, 0, sizeof(machine));
    memset(wire, 0, sizeof(wire));
    for (uint32_t i = 0; i < PCI_WIRES; i++)
        wiring.wire[i] = (struct line){wire_set, NULL, i};
    ok(pci_open(&bus, &machine, &wiring) && function_add(1) && function_add(2), "a bus");
}

/* By configuration mechanism 1. */
static uint64_t get(uint32_t number, uint32_t offset, unsigned size)
{
    bus_write(&machine.ports, 0xcf8, 4, 0x80000000u | number << 11 | (offset & 0xfc));
    return bus_read(&machine.ports, 0xcfc + (offset & 3), size);
}

static void put(uint32_t number, uint32_t offset, unsigned size, uint64_t value)
{
    bus_write(&machine.ports, 0xcf8, 4, 0x80000000u | number << 11 | (offset & 0xfc));
    bus_write(&machine.ports, 0xcfc + (offset & 3), size, value);
}
