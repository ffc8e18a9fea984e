/*
 * The loader has made all tables of the kernel's half. Here only entries of the last level change,
 * of the frame map and of the windows.
 */
#include "address_space.h"

#include "boot.h"
#include "cpu.h"

extern char sealed_start[], sealed_end[];

static uint64_t *last_entry(uint64_t address)
{
    uint64_t *table = frame_at(boot_handoff.root);

    for (unsigned level = 3; level > 0; level--)
        table = frame_at(table[address >> (12 + 9 * level) & 511] & PAGE_ADDRESS);
    return &table[address >> 12 & 511];
}

void frame_map_add(hpa_t frame)
{
    *last_entry(FRAME_MAP + frame.value) = frame.value | KERNEL_PAGE | PAGE_WRITE;
}

void frame_map_remove(hpa_t frame)
{
    *last_entry(FRAME_MAP + frame.value) = 0;
}

void window_ports_set(uint32_t index, unsigned i, hpa_t frame)
{
    *last_entry(cpu_area(index) + CPU_IO_BITMAP + i * FRAME_SIZE) = frame.value | KERNEL_PAGE;
}

void sealed_protect(void)
{
    for (char *page = sealed_start; page < sealed_end; page += FRAME_SIZE)
        *last_entry((uint64_t)page) &= ~PAGE_WRITE;
}
