/*
 * The page tables that the kernel starts on. See paging.h. They grow from the ones of start.S, so
 * the loader runs on them already. SDM 3A, 4.5.
 */
#include "paging.h"

#include <stdint.h>
#include <string.h>

#include "modules.h"

#define ENTRY_PRESENT    (1ull << 0)
#define ENTRY_WRITE      (1ull << 1)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS    0x000ffffffffff000ull

#define TABLE_ENTRIES 512u
#define SHIFT_PML4    39u
#define SHIFT_PDPT    30u
#define SHIFT_PD      21u
#define SHIFT_PT      12u

extern uint64_t loader_pml4[TABLE_ENTRIES];
extern uint64_t loader_page_directories[4 * TABLE_ENTRIES];

/* The table that covers the address one level below, made if it is not there. */
static uint64_t *table_below(struct ranges *map, uint64_t *table, uint64_t address, unsigned shift)
{
    uint64_t *entry = &table[address >> shift & (TABLE_ENTRIES - 1)];

    if (!(*entry & ENTRY_PRESENT)) {
        uint64_t frame = memory_require(map, PAGE_SIZE, MEMORY_LOADER, 0, "page tables");

        memset((void *)frame, 0, PAGE_SIZE);
        *entry = frame | ENTRY_PRESENT | ENTRY_WRITE;
    }
    return (uint64_t *)(*entry & ENTRY_ADDRESS);
}

void paging_map(struct ranges *map, const struct handoff_segment *segment)
{
    uint64_t flags = ENTRY_PRESENT;

    if (segment->rights & SEGMENT_WRITE)
        flags |= ENTRY_WRITE;
    if (!(segment->rights & SEGMENT_EXECUTE))
        flags |= ENTRY_NO_EXECUTE;
    for (uint64_t offset = 0; offset < segment->size; offset += PAGE_SIZE) {
        uint64_t address = segment->virtual + offset;
        uint64_t *pdpt = table_below(map, loader_pml4, address, SHIFT_PML4);
        uint64_t *pd = table_below(map, pdpt, address, SHIFT_PDPT);
        uint64_t *pt = table_below(map, pd, address, SHIFT_PD);

        pt[address >> SHIFT_PT & (TABLE_ENTRIES - 1)] = (segment->physical + offset) | flags;
    }
}

void paging_seal(void)
{
    for (unsigned i = 1; i < 4 * TABLE_ENTRIES; i++)
        loader_page_directories[i] |= ENTRY_NO_EXECUTE;
    __asm__ volatile("mov %0, %%cr3" : : "r"((uint64_t)loader_pml4) : "memory");
}
