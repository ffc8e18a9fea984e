/*
 * The page tables that the kernel starts on. See paging.h. They are those of start.S, so the loader
 * runs on them already. SDM 3A, 4.5.
 */
#include "paging.h"

#define ENTRY_NO_EXECUTE (1ull << 63)
#define TABLE_ENTRIES    512u

extern uint64_t loader_pml4[TABLE_ENTRIES];
extern uint64_t loader_page_directories[4 * TABLE_ENTRIES];

void paging_seal(void)
{
    for (unsigned i = 1; i < 4 * TABLE_ENTRIES; i++)
        loader_page_directories[i] |= ENTRY_NO_EXECUTE;
    __asm__ volatile("mov %0, %%cr3" : : "r"((uint64_t)loader_pml4) : "memory");
}

void paging_add_kernel(const uint64_t *root)
{
    for (unsigned i = TABLE_ENTRIES / 2; i < TABLE_ENTRIES; i++)
        loader_pml4[i] = root[i];
}
