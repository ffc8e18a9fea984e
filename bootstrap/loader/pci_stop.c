/*
 * Switching off bus mastering. Every function of every bus is visited, not only those behind
 * bridges that are set up: a bridge can be set up after us. PCI 3.0, 6.2.1, 6.2.2.
 *
 * Bridges are treated like the rest. On a PCI-to-PCI bridge the bit forwards the DMA of everything
 * behind it, so it must be off. Host and ISA bridges may have it wired to one: they are reported,
 * as any other, because nothing in their configuration space tells that they do no DMA.
 */
#include <stdbool.h>
#include <stddef.h>

#include "console.h"
#include "pci.h"

#define PCI_ID             0x00u
#define PCI_COMMAND        0x04u
#define PCI_CLASS          0x08u /* class, subclass, interface, revision from the top */
#define PCI_HEADER         0x0cu /* header type is its third byte */
#define COMMAND_MASTER     (1u << 2)
#define HEADER_MANY        (1u << 23)
#define VENDOR_NONE        0xffffu
#define FUNCTIONS_A_DEVICE 8u
#define DEVICES_A_BUS      32u

static const char *class_words(uint32_t class)
{
    switch (class >> 16) {
    case 0x0600:
        return "host bridge";
    case 0x0601:
        return "ISA bridge";
    case 0x0604:
        return "PCI bridge";
    default:
        return "device";
    }
}

static void master_report(const struct pci_space *space, struct boot_function function,
                          struct pci_masters *masters)
{
    uint32_t id = space->read32(space->context, function, PCI_ID);
    uint32_t class = space->read32(space->context, function, PCI_CLASS);

    if (masters->on < BOOT_MAX_FUNCTIONS)
        masters->table[masters->on] = function;
    masters->on++;
    console_line("warning: bus mastering stays on at PCI %x:%x:%x.%x, %s %x:%x", function.segment,
                 function.bus, function.device_function >> 3u, function.device_function & 7u,
                 class_words(class), id & 0xffff, id >> 16);
}

/*
 * The command register is written alone, as 16 bits: the status register above it clears on
 * writing ones. One that has the bit off already is not written.
 */
static void function_stop(const struct pci_space *space, struct boot_function function,
                          struct pci_masters *masters)
{
    uint32_t command = space->read32(space->context, function, PCI_COMMAND) & 0xffff;

    masters->functions++;
    if (!(command & COMMAND_MASTER))
        return;
    space->write16(space->context, function, PCI_COMMAND, (uint16_t)(command & ~COMMAND_MASTER));
    if (space->read32(space->context, function, PCI_COMMAND) & COMMAND_MASTER)
        master_report(space, function, masters);
}

/* Function 0 must be there for any other to be, and says whether there are others. */
static void device_stop(const struct pci_space *space, uint8_t bus, uint32_t device,
                        struct pci_masters *masters)
{
    struct boot_function function = {
        .segment = space->segment, .bus = bus, .device_function = (uint8_t)(device << 3)};

    if ((space->read32(space->context, function, PCI_ID) & 0xffff) == VENDOR_NONE)
        return;
    function_stop(space, function, masters);
    if (!(space->read32(space->context, function, PCI_HEADER) & HEADER_MANY))
        return;
    for (uint32_t i = 1; i < FUNCTIONS_A_DEVICE; i++) {
        function.device_function = (uint8_t)(device << 3 | i);
        if ((space->read32(space->context, function, PCI_ID) & 0xffff) != VENDOR_NONE)
            function_stop(space, function, masters);
    }
}

void pci_stop_masters(const struct pci_space *space, struct pci_masters *masters)
{
    for (uint32_t bus = space->first_bus; bus <= space->last_bus; bus++)
        for (uint32_t device = 0; device < DEVICES_A_BUS; device++)
            device_stop(space, (uint8_t)bus, device, masters);
}
