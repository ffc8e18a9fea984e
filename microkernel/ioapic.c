/*
 * I/O APIC (82093AA data sheet, 3.0): an index and a data register. No input is open until a
 * driver asks for it.
 */
#include "ioapic.h"

#include "address_space.h"
#include "boot.h"
#include "lock.h"
#include "x86.h"

#define IOAPIC_INDEX       0 /* in 32-bit words */
#define IOAPIC_DATA        4
#define IOAPIC_VERSION     1
#define IOAPIC_REDIRECTION 0x10
#define REDIRECTION_LOW    (1u << 13)
#define REDIRECTION_LEVEL  (1u << 15)
#define REDIRECTION_MASKED (1u << 16)

static struct lock register_lock; /* index and data belong together */

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

uint32_t lines_count(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_ioapic *ioapics = boot_table(&info->ioapics);
    uint32_t count = 0;

    for (uint32_t n = 0; n < info->ioapics.count; n++) {
        uint64_t end = (uint64_t)ioapics[n].gsi_base + ioapics[n].gsi_count;
        if (end > count && end <= LINES_MAX)
            count = (uint32_t)end;
    }
    return count;
}

bool line_find(uint32_t gsi, struct line *line)
{
    const struct boot_info *info = boot_info();
    const struct boot_ioapic *ioapics = boot_table(&info->ioapics);

    for (uint32_t n = 0; n < info->ioapics.count; n++) {
        if (gsi < ioapics[n].gsi_base || gsi - ioapics[n].gsi_base >= ioapics[n].gsi_count)
            continue;
        *line = (struct line){.ioapic = (uint8_t)n, .input = (uint8_t)(gsi - ioapics[n].gsi_base)};
        return true;
    }
    return false;
}

void line_open(struct line *line, uint32_t apic_id, uint32_t vector, bool level, bool low)
{
    uint32_t reg = IOAPIC_REDIRECTION + 2u * line->input;

    line->entry = vector | (low ? REDIRECTION_LOW : 0) | (level ? REDIRECTION_LEVEL : 0);
    lock_take(&register_lock);
    ioapic_write(line->ioapic, reg + 1, apic_id << 24);
    ioapic_write(line->ioapic, reg, line->entry);
    lock_give(&register_lock);
}

static void line_write(const struct line *line, uint32_t entry)
{
    lock_take(&register_lock);
    ioapic_write(line->ioapic, IOAPIC_REDIRECTION + 2u * line->input, entry);
    lock_give(&register_lock);
}

void line_mask(const struct line *line)
{
    line_write(line, line->entry | REDIRECTION_MASKED);
}

void line_unmask(const struct line *line)
{
    line_write(line, line->entry);
}

void line_close(const struct line *line)
{
    line_write(line, REDIRECTION_MASKED);
}
