/*
 * I/O APIC (82093AA data sheet, 3.0): an index and a data register. No input is open until a
 * driver asks for it.
 */
#include "ioapic.h"

#include "address_space.h"
#include "boot.h"
#include "x86.h"

#define IOAPIC_INDEX       0 /* in 32-bit words */
#define IOAPIC_DATA        4
#define IOAPIC_VERSION     1
#define IOAPIC_REDIRECTION 0x10
#define REDIRECTION_MASKED (1u << 16)

static void ioapic_write(unsigned n, uint32_t reg, uint32_t value)
{
    volatile uint32_t *registers = device_registers(DEVICE_IOAPIC(n));
    registers[IOAPIC_INDEX] = reg;
    registers[IOAPIC_DATA] = value;
}

static uint32_t ioapic_read(unsigned n, uint32_t reg)
{
    volatile uint32_t *registers = device_registers(DEVICE_IOAPIC(n));
    registers[IOAPIC_INDEX] = reg;
    return registers[IOAPIC_DATA];
}

void interrupts_mask_all(void)
{
    const struct boot_info *info = boot_info();
    struct boot_ioapic *ioapics = boot_table(&info->ioapics);

    port_write8(0x21, 0xff);
    port_write8(0xa1, 0xff);
    for (uint32_t n = 0; n < info->ioapics.count; n++) {
        uint32_t inputs = (ioapic_read(n, IOAPIC_VERSION) >> 16 & 0xff) + 1;
        ioapics[n].gsi_count = inputs;
        for (uint32_t i = 0; i < inputs; i++)
            ioapic_write(n, IOAPIC_REDIRECTION + 2 * i, REDIRECTION_MASKED);
    }
}
