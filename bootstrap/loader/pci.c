/*
 * Reaching the configuration space of the machine's PCI functions: by I/O ports (configuration
 * mechanism #1, PCI 3.0, 3.2.2.3.2) for segment 0, through memory (PCI Express base, 7.2.2) for
 * the others.
 */
#include "pci.h"

#include "console.h"
#include "x86.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)

/* 8237 DMA controllers: mask all channels (Intel 8237A data sheet, write all mask bits). */
#define DMA_1_MASK_ALL 0x0f
#define DMA_2_MASK_ALL 0xde
#define DMA_CHANNELS   0x0f

static void port_select(struct boot_function function, uint32_t offset)
{
    port_write32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)function.bus << 16 |
                                     (uint32_t)function.device_function << 8 | (offset & 0xfc));
}

static uint32_t port_config_read32(void *context, struct boot_function function, uint32_t offset)
{
    (void)context;
    port_select(function, offset);
    return port_read32(CONFIG_DATA);
}

static void port_config_write16(void *context, struct boot_function function, uint32_t offset,
                                uint16_t value)
{
    (void)context;
    port_select(function, offset);
    port_write16((uint16_t)(CONFIG_DATA + (offset & 2)), value);
}

/* context is the struct boot_pci; bus 0 of the segment is at its base (PCI Firmware 3.3, 4.1.2). */
static uint64_t memory_address(const void *context, struct boot_function function, uint32_t offset)
{
    const struct boot_pci *segment = context;

    return segment->base + ((uint64_t)function.bus << 20) +
           ((uint64_t)function.device_function << 12) + offset;
}

static uint32_t memory_config_read32(void *context, struct boot_function function, uint32_t offset)
{
    return *(volatile uint32_t *)memory_address(context, function, offset);
}

static void memory_config_write16(void *context, struct boot_function function, uint32_t offset,
                                  uint16_t value)
{
    *(volatile uint16_t *)memory_address(context, function, offset) = value;
}

/* Another segment than 0, through memory, if all of it can be reached. */
static void segment_stop(struct boot_pci segment, struct pci_masters *masters)
{
    struct pci_space space = {.read32 = memory_config_read32,
                              .write16 = memory_config_write16,
                              .context = &segment,
                              .segment = segment.segment,
                              .first_bus = segment.first_bus,
                              .last_bus = segment.last_bus};

    if (segment.base + ((segment.last_bus + 1ull) << 20) > ADDRESS_LIMIT)
        console_line("warning: bus mastering stays as it is on PCI segment %u: its configuration "
                     "space is above 4 GiB",
                     segment.segment);
    else
        pci_stop_masters(&space, masters);
}

uint32_t hardware_stop_bus_masters(const struct hardware *hw,
                                   struct boot_function table[BOOT_MAX_FUNCTIONS])
{
    static const struct pci_space ports = {
        .read32 = port_config_read32, .write16 = port_config_write16, .last_bus = 255};
    struct pci_masters masters = {.table = table};

    port_write8(DMA_1_MASK_ALL, DMA_CHANNELS);
    port_write8(DMA_2_MASK_ALL, DMA_CHANNELS);
    pci_stop_masters(&ports, &masters);
    if (masters.functions == 0)
        console_line("warning: no PCI function found, bus mastering is as the firmware left it");
    for (uint32_t i = 0; i < hw->segments; i++)
        if (hw->segment[i].segment != 0)
            segment_stop(hw->segment[i], &masters);
    if (masters.on > BOOT_MAX_FUNCTIONS)
        console_line("warning: %u PCI functions more than the table holds keep bus mastering",
                     masters.on - BOOT_MAX_FUNCTIONS);
    return masters.on;
}
