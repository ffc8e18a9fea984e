#include "pci.h"

#include <string.h>

#define ALL_ONES UINT32_MAX

/* Ports from CONFIG_ADDRESS on. */
#define PORTS_BASE  0xcf8u
#define PORTS_SIZE  8u
#define PORT_RESET  1u /* ICH9 data sheet, 13.7.5: RST_CNT */
#define PORT_DATA   4u
#define ADDRESS_ON  (1u << 31)
#define ADDRESS_ALL 0x80fffffcu
#define RESET_ALL   0x0eu
#define RESET_CPU   0x04u

#define STATUS_INTERRUPT  (1u << 3)
#define STATUS_CAPABILITY (1u << 4)
#define COMMAND_ALL       0x547u /* those of pci.h, parity, SERR# */
#define BARS_END          0x28u
#define CAPABILITIES      0x40u /* the first one */

static uint32_t word_get(const struct pci_function *function, uint32_t offset, uint32_t size)
{
    uint32_t word = 0;

    memcpy(&word, function->config + offset, size);
    return word;
}

static uint32_t command_of(const struct pci_function *function)
{
    return word_get(function, PCI_COMMAND, 2);
}

/* --- BARs --------------------------------------------------------------------------------------*/

static struct bus *space_of(const struct pci_bus *bus, const struct pci_bar *bar)
{
    return bar->kind == PCI_BAR_PORTS ? &bus->machine->ports : &bus->machine->memory;
}

/* Where the guest wants it on its bus; 0: nowhere, or where the bridge forwards nothing. */
static uint64_t bar_wanted(const struct pci_function *function, uint32_t n)
{
    const struct pci_bar *bar = &function->bar[n];
    uint32_t low = word_get(function, PCI_BAR_FIRST + 4 * n, 4);
    uint32_t enable = PCI_COMMAND_MEMORY;
    uint64_t base = PCI_MEMORY;
    uint64_t end = PCI_MEMORY_END;
    uint64_t at = low & ~15u;

    if (bar->kind == PCI_BAR_NONE)
        return 0;
    if (bar->kind == PCI_BAR_PORTS) {
        enable = PCI_COMMAND_IO;
        base = PCI_PORTS;
        end = PCI_PORTS_END;
        at = low & ~3u;
    } else if (bar->kind == PCI_BAR_MEMORY64) {
        at |= (uint64_t)word_get(function, PCI_BAR_FIRST + 4 * n + 4, 4) << 32;
    }
    return command_of(function) & enable && at >= base && at < end && bar->size <= end - at ? at
                                                                                            : 0;
}

static void bar_update(const struct pci_bus *bus, struct pci_function *function, uint32_t n,
                       bool add)
{
    struct pci_bar *bar = &function->bar[n];
    uint64_t at = bar_wanted(function, n);
    const struct bus_range range = {at, bar->size, bar->operations, bar->device, bar->widest};

    if (bar->mapped == at)
        return;
    if (!add && bar->mapped) {
        bus_remove(space_of(bus, bar), bar->mapped);
        bar->mapped = 0;
    } else if (add && bus_add(space_of(bus, bar), &range)) {
        bar->mapped = at;
    }
}

/* What has moved away makes room for what was refused. */
static void bars_update(const struct pci_bus *bus)
{
    for (uint32_t add = 0; add < 2; add++)
        for (uint32_t i = 0; i < PCI_DEVICES; i++)
            for (uint32_t n = 0; bus->function[i] && n < PCI_BARS; n++)
                bar_update(bus, bus->function[i], n, add);
}

static bool bars_assign(struct pci_bus *bus, struct pci_function *function)
{
    uint64_t memory = bus->next_memory;
    uint64_t port = bus->next_port;

    for (uint32_t n = 0; n < PCI_BARS; n++) {
        struct pci_bar *bar = &function->bar[n];
        bool ports = bar->kind == PCI_BAR_PORTS;
        uint64_t *next = ports ? &port : &memory;
        uint64_t align = ports || bar->size > 4096 ? bar->size : 4096;
        uint64_t end = ports ? PCI_PORTS_END : PCI_MEMORY_END;
        if (bar->kind == PCI_BAR_NONE)
            continue;
        bar->first = (*next + align - 1) & ~(align - 1);
        if (bar->first > end || bar->size > end - bar->first)
            return false;
        *next = bar->first + bar->size;
    }
    bus->next_memory = memory;
    bus->next_port = port;
    return true;
}

/* Type bits (PCI 3.0, 6.2.5.1), and which bits of the address there are. */
static void bar_initialize(struct pci_function *function, uint32_t n)
{
    const struct pci_bar *bar = &function->bar[n];
    bool wide = bar->kind == PCI_BAR_MEMORY64;
    uint32_t type = bar->kind == PCI_BAR_PORTS ? 1u : wide ? 4u : 0u;
    uint64_t value = bar->first | type;
    uint64_t mask = ~(bar->size - 1);
    uint32_t bytes = wide ? 8 : 4;
    uint32_t at = PCI_BAR_FIRST + 4 * n;

    if (bar->kind == PCI_BAR_NONE)
        return;
    memcpy(function->initial + at, &value, bytes);
    memcpy(function->writable + at, &mask, bytes);
}

/* --- interrupts --------------------------------------------------------------------------------*/

static void wire_update(const struct pci_bus *bus, uint32_t wire)
{
    bool level = false;

    for (uint32_t i = wire; i < PCI_DEVICES; i += PCI_WIRES) {
        const struct pci_function *function = bus->function[i];
        if (function && function->interrupt && !(command_of(function) & PCI_COMMAND_NO_INTX))
            level = true;
    }
    line_set(&bus->wiring.wire[wire], level);
}

void pci_interrupt(struct pci_function *function, bool level)
{
    uint8_t *status = &function->config[PCI_STATUS];

    if (function->interrupt == level)
        return;
    function->interrupt = level;
    *status = (uint8_t)(level ? *status | STATUS_INTERRUPT : *status & ~STATUS_INTERRUPT);
    wire_update(function->bus, function->number % PCI_WIRES);
}

bool pci_is_master(const struct pci_function *function)
{
    return command_of(function) & PCI_COMMAND_MASTER;
}

/* --- configuration space -----------------------------------------------------------------------*/

static struct pci_function *function_at(const struct pci_bus *bus, uint32_t number, uint32_t offset,
                                        uint32_t size)
{
    bool inside = number < PCI_DEVICES && offset < sizeof(bus->bridge.config) &&
                  size <= sizeof(bus->bridge.config) - offset;

    return inside ? bus->function[number] : NULL;
}

uint32_t pci_config_read(struct pci_bus *bus, uint32_t number, uint32_t offset, uint32_t size)
{
    struct pci_function *function = function_at(bus, number, offset, size);

    if (!function)
        return ALL_ONES;
    if (function->operations && function->operations->config_read)
        function->operations->config_read(function->device, offset, size);
    return word_get(function, offset, size);
}

void pci_config_write(struct pci_bus *bus, uint32_t number, uint32_t offset, uint32_t size,
                      uint32_t value)
{
    struct pci_function *function = function_at(bus, number, offset, size);

    if (!function)
        return;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t mask = function->writable[offset + i];
        uint8_t *byte = &function->config[offset + i];
        *byte = (uint8_t)((*byte & ~mask) | (value >> 8 * i & mask));
    }
    if (offset < BARS_END) {
        bars_update(bus);
        wire_update(bus, number % PCI_WIRES);
    }
    if (function->operations && function->operations->config_written)
        function->operations->config_written(function->device, offset, size);
}

/* Only bus 0, and there only functions 0. CONFIG_ADDRESS has them where PCI_CONFIG has, 4 bits
 * further down. */
static uint32_t number_of(uint64_t place)
{
    return place >> 20 || place >> 12 & 7 ? PCI_DEVICES : (uint32_t)(place >> 15);
}

static uint64_t memory_read(void *device, uint64_t offset, unsigned size)
{
    return pci_config_read(device, number_of(offset), offset & 0xfff, size);
}

static void memory_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    pci_config_write(device, number_of(offset), offset & 0xfff, size, (uint32_t)value);
}

static uint32_t address_number(const struct pci_bus *bus)
{
    uint64_t place = (uint64_t)(bus->address & ~ADDRESS_ON) << 4;

    return bus->address & ADDRESS_ON ? number_of(place) : PCI_DEVICES;
}

static uint64_t ports_read(void *device, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = device;

    if (offset == 0 && size == 4)
        return bus->address;
    if (offset == PORT_RESET && size == 1)
        return bus->reset_control;
    if (offset < PORT_DATA)
        return ALL_ONES;
    return pci_config_read(bus, address_number(bus), (bus->address & 0xfc) + (uint32_t)(offset & 3),
                           size);
}

static void ports_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_bus *bus = device;

    if (offset == 0 && size == 4) {
        bus->address = value & ADDRESS_ALL;
    } else if (offset == PORT_RESET && size == 1) {
        uint8_t old = bus->reset_control;
        bus->reset_control = value & RESET_ALL;
        if (bus->reset_control & ~old & RESET_CPU)
            line_set(&bus->wiring.reset, true);
    } else if (offset >= PORT_DATA) {
        pci_config_write(bus, address_number(bus), (bus->address & 0xfc) + (uint32_t)(offset & 3),
                         size, (uint32_t)value);
    }
}

/* --- functions ---------------------------------------------------------------------------------*/

void pci_writable_set(struct pci_function *function, uint32_t offset, uint8_t mask)
{
    function->writable[offset] = mask;
}

void pci_function_begin(struct pci_function *function, const struct pci_identity *identity,
                        const struct pci_operations *operations, void *device)
{
    uint8_t *config = function->config;

    *function =
        (struct pci_function){.operations = operations, .device = device, .used = CAPABILITIES};
    memcpy(config + 0x00, &identity->vendor, 2);
    memcpy(config + 0x02, &identity->device, 2);
    memcpy(config + 0x08, &identity->class, 4);
    memcpy(config + 0x2c, &identity->subsystem_vendor, 2);
    memcpy(config + 0x2e, &identity->subsystem, 2);
    config[PCI_LINE + 1] = identity->intx;
    pci_writable_set(function, PCI_COMMAND, COMMAND_ALL & 0xff);
    pci_writable_set(function, PCI_COMMAND + 1, COMMAND_ALL >> 8);
    pci_writable_set(function, 0x0c, 0xff); /* cache line size */
    pci_writable_set(function, PCI_LINE, 0xff);
}

uint32_t pci_capability_add(struct pci_function *function, uint8_t id, const void *body,
                            uint32_t size)
{
    uint32_t at = function->used;
    uint8_t *config = function->config;

    config[at] = id;
    config[at + 1] = config[PCI_CAPABILITY];
    memcpy(config + at + 2, body, size);
    config[PCI_CAPABILITY] = (uint8_t)at;
    config[PCI_STATUS] |= STATUS_CAPABILITY;
    function->used = (at + 2 + size + 3) & ~3u;
    return at;
}

static void function_reset(struct pci_function *function)
{
    memcpy(function->config, function->initial, sizeof(function->config));
    function->interrupt = false;
    if (function->operations && function->operations->reset)
        function->operations->reset(function->device);
}

bool pci_add(struct pci_bus *bus, struct pci_function *function)
{
    uint32_t number = 0;

    while (number < PCI_DEVICES && bus->function[number])
        number++;
    if (number == PCI_DEVICES || !bars_assign(bus, function))
        return false;
    function->bus = bus;
    function->number = number;
    function->config[PCI_LINE] =
        function->config[PCI_LINE + 1] ? bus->wiring.irq[number % PCI_WIRES] : 0;
    memcpy(function->initial, function->config, sizeof(function->config));
    for (uint32_t n = 0; n < PCI_BARS; n++)
        bar_initialize(function, n);
    bus->function[number] = function;
    function_reset(function);
    return true;
}

void pci_reset(struct pci_bus *bus)
{
    bus->address = 0;
    bus->reset_control = 0;
    for (uint32_t i = 0; i < PCI_DEVICES; i++)
        if (bus->function[i])
            function_reset(bus->function[i]);
    bars_update(bus);
    for (uint32_t wire = 0; wire < PCI_WIRES; wire++)
        wire_update(bus, wire);
}

bool pci_open(struct pci_bus *bus, struct machine *machine, const struct pci_wiring *wiring)
{
    static const struct bus_operations ports = {ports_read, ports_write};
    static const struct bus_operations memory = {memory_read, memory_write};
    /* What QEMU calls its generic host bridge: no system has quirks for it. */
    static const struct pci_identity bridge = {
        .vendor = 0x1b36, .device = 0x0008, .class = 0x06000000};
    const struct bus_range at_ports = {PORTS_BASE, PORTS_SIZE, &ports, bus, 4};
    const struct bus_range at_memory = {PCI_CONFIG, PCI_CONFIG_SIZE, &memory, bus, 4};

    *bus = (struct pci_bus){
        .machine = machine, .wiring = *wiring, .next_memory = PCI_MEMORY, .next_port = PCI_PORTS};
    pci_function_begin(&bus->bridge, &bridge, NULL, NULL);
    return pci_add(bus, &bus->bridge) && bus_add(&machine->ports, &at_ports) &&
           bus_add(&machine->memory, &at_memory);
}
