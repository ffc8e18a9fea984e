/*
 * I/O APIC (82093AA data sheet, 3.0): an index and a data register. No input is open until a
 * driver asks for it.
 */
#include "ioapic.h"

#include "boot.h"
#include "lock.h"
#include "syscall.h"
#include "x86.h"

#define IOAPIC_INDEX       0 /* in 32-bit words */
#define IOAPIC_DATA        4
#define IOAPIC_VERSION     1
#define IOAPIC_REDIRECTION 0x10
#define REDIRECTION_LOW    (1u << 13)
#define REDIRECTION_LEVEL  (1u << 15)
#define REDIRECTION_MASKED (1u << 16)

static struct lock register_lock; /* index and data belong together */
uint32_t lines_count;

/* They need not start a page. */
static volatile uint32_t *ioapic_registers(unsigned n)
{
    const struct boot_ioapic *ioapics = boot_table(&boot_info()->ioapics);

    return (volatile uint32_t *)(DEVICES + (1 + n) * FRAME_SIZE + ioapics[n].base % FRAME_SIZE);
}

static void ioapic_write(volatile uint32_t *registers, uint32_t reg, uint32_t value)
{
    lock_take(&register_lock);
    registers[IOAPIC_INDEX] = reg;
    registers[IOAPIC_DATA] = value;
    lock_give(&register_lock);
}

void interrupts_mask_all(void)
{
    const struct boot_info *info = boot_info();
    struct boot_ioapic *ioapics = boot_table(&info->ioapics);

    port_write8(0x21, 0xff);
    port_write8(0xa1, 0xff);
    for (uint32_t n = 0; n < info->ioapics.count; n++) {
        volatile uint32_t *registers = ioapic_registers(n);
        registers[IOAPIC_INDEX] = IOAPIC_VERSION;
        uint32_t inputs = (registers[IOAPIC_DATA] >> 16 & 0xff) + 1;
        uint64_t end = (uint64_t)ioapics[n].gsi_base + inputs;
        ioapics[n].gsi_count = inputs;
        if (end > lines_count && end <= LINES_MAX)
            lines_count = (uint32_t)end;
        for (uint32_t i = 0; i < inputs; i++)
            ioapic_write(registers, IOAPIC_REDIRECTION + 2 * i, REDIRECTION_MASKED);
    }
}

bool line_find(struct line *line, uint32_t gsi, uint64_t flags)
{
    const struct boot_info *info = boot_info();
    const struct boot_ioapic *ioapics = boot_table(&info->ioapics);

    for (uint32_t n = 0; n < info->ioapics.count; n++) {
        uint32_t input = gsi - ioapics[n].gsi_base;
        if (input >= ioapics[n].gsi_count)
            continue;
        line->registers = ioapic_registers(n);
        line->gsi = gsi;
        line->redirection = IOAPIC_REDIRECTION + 2 * input;
        line->level = flags & IRQ_LEVEL;
        line->entry =
            (flags & IRQ_LOW ? REDIRECTION_LOW : 0) | (line->level ? REDIRECTION_LEVEL : 0);
        return true;
    }
    return false;
}

void line_open(struct line *line, uint32_t apic_id, uint32_t vector)
{
    line->entry |= vector;
    ioapic_write(line->registers, line->redirection + 1, apic_id << 24);
    line_mask(line, false);
}

void line_mask(const struct line *line, bool masked)
{
    if (line->registers)
        ioapic_write(line->registers, line->redirection,
                     line->entry | (masked ? REDIRECTION_MASKED : 0));
}

void line_close(struct line *line)
{
    line->entry = 0;
    line_mask(line, true);
}
