/*
 * I/O APIC (82093AA data sheet, 3.0): an index and a data register. No input is open until a
 * driver asks for it: the loader has masked them all.
 */
#include "interrupt.h"

#include "boot.h"
#include "lock.h"
#include "syscall.h"

#define IOAPIC_INDEX       0 /* in 32-bit words */
#define IOAPIC_DATA        4
#define IOAPIC_REDIRECTION 0x10
#define REDIRECTION_LOW    (1u << 13)
#define REDIRECTION_LEVEL  (1u << 15)
#define REDIRECTION_MASKED (1u << 16)

static struct lock register_lock; /* index and data belong together */

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
