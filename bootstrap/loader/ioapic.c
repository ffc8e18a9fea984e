/*
 * I/O APICs (82093AA data sheet, 3.0: an index and a data register) and the legacy interrupt
 * controllers.
 */
#include "hardware.h"
#include "x86.h"

#define IOAPIC_INDEX       0 /* in 32-bit words */
#define IOAPIC_DATA        4
#define IOAPIC_VERSION     1
#define IOAPIC_REDIRECTION 0x10
#define REDIRECTION_MASKED (1u << 16)

/* Returns how many inputs there are. */
static uint32_t ioapic_mask(volatile uint32_t *registers)
{
    registers[IOAPIC_INDEX] = IOAPIC_VERSION;
    uint32_t inputs = (registers[IOAPIC_DATA] >> 16 & 0xff) + 1;

    for (uint32_t i = 0; i < inputs; i++) {
        registers[IOAPIC_INDEX] = IOAPIC_REDIRECTION + 2 * i;
        registers[IOAPIC_DATA] = REDIRECTION_MASKED;
    }
    return inputs;
}

void hardware_mask_interrupts(struct hardware *hw, struct handoff *handoff)
{
    static const uint16_t pics[] = {0x21, 0xa1}; /* mask registers */

    for (unsigned i = 0; i < sizeof(pics) / sizeof(pics[0]); i++)
        port_write8(pics[i], 0xff);
    for (uint32_t i = 0; i < hw->ioapics; i++) {
        struct boot_ioapic *ioapic = &hw->ioapic[i];

        ioapic->gsi_count = ioapic_mask((volatile uint32_t *)ioapic->base);
        uint64_t end = (uint64_t)ioapic->gsi_base + ioapic->gsi_count;
        if (end > handoff->lines && end <= HANDOFF_LINES_MAX)
            handoff->lines = (uint32_t)end;
    }
}
