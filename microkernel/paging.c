/*
 * Four-level page tables. Entries of upper levels allow everything; the last level decides. The
 * user bit in upper levels follows the half of the address space, so nothing in the kernel's half
 * is ever a user page, whatever the last level says.
 */
#include "paging.h"

#include "reserve.h"

#define ENTRIES     512
#define KERNEL_HALF 256 /* first entry of the root that belongs to the kernel */

static unsigned table_index(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

/* The table below entry, made when there is none. */
static uint64_t *table_below(uint64_t *entry, uint64_t user)
{
    if (!(*entry & PAGE_PRESENT))
        *entry = reserve_take().value | PAGE_PRESENT | PAGE_WRITE | PAGE_ACCESSED | user;
    return frame_pointer(hpa(*entry & PAGE_ADDRESS));
}

/* The entry of the last level for address; missing tables are made. */
static uint64_t *last_entry(hpa_t root, uint64_t address)
{
    uint64_t user = table_index(address, 3) < KERNEL_HALF ? PAGE_USER : 0;
    uint64_t *table = frame_pointer(root);

    for (unsigned level = 3; level > 0; level--)
        table = table_below(&table[table_index(address, level)], user);
    return &table[table_index(address, 0)];
}

bool paging_map(hpa_t root, uint64_t address, hpa_t frame, enum page_rights rights, uint64_t extra)
{
    uint64_t *entry = last_entry(root, address);

    if (*entry & PAGE_PRESENT)
        return false;
    /* Accessed and dirty are set at once, so that the processor never writes to the tables. */
    *entry = frame.value | (uint64_t)rights | extra | PAGE_ACCESSED | PAGE_DIRTY;
    return true;
}

void paging_prepare(hpa_t root, uint64_t address)
{
    (void)last_entry(root, address);
}
