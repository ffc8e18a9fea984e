/*
 * Entries of page tables (SDM 3A, 4.5).
 */
#ifndef CAIRN_PAGING_H
#define CAIRN_PAGING_H

#define PAGE_PRESENT  (1ull << 0)
#define PAGE_WRITE    (1ull << 1)
#define PAGE_USER     (1ull << 2)
#define PAGE_ACCESSED (1ull << 5)
#define PAGE_DIRTY    (1ull << 6)
#define PAGE_GLOBAL   (1ull << 8)
#define PAGE_NX       (1ull << 63)

#define PAGE_ADDRESS 0x000ffffffffff000ull

/* Data of the kernel. Marked at once, so that the processor never writes to the tables. */
#define KERNEL_PAGE (PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | PAGE_GLOBAL | PAGE_NX)

#endif
