/*
 * Entries of page tables (SDM 3A, 4.5), which are those of nested paging too (APM 2, 15.25), and of
 * EPT (SDM 3C, 28.3.2).
 */
#ifndef CAIRN_PAGING_H
#define CAIRN_PAGING_H

#define PAGE_PRESENT  (1ull << 0)
#define PAGE_WRITE    (1ull << 1)
#define PAGE_USER     (1ull << 2)
#define PAGE_ACCESSED (1ull << 5)
#define PAGE_DIRTY    (1ull << 6)
#define PAGE_LARGE    (1ull << 7) /* level 1 and 2: a page, not a table; in EPT too */
#define PAGE_GLOBAL   (1ull << 8)
#define PAGE_NX       (1ull << 63)

#define PAGE_ADDRESS 0x000ffffffffff000ull

#define EPT_READ       (1ull << 0)
#define EPT_WRITE      (1ull << 1) /* where PAGE_WRITE is */
#define EPT_EXECUTE    (1ull << 2)
#define EPT_TYPE_SHIFT 3 /* memory type, as an MTRR has it */
#define EPT_ACCESSED   (1ull << 8)
#define EPT_DIRTY      (1ull << 9)

/* Data of the kernel. Marked at once, so that the processor never writes to the tables. */
#define KERNEL_PAGE (PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | PAGE_GLOBAL | PAGE_NX)

#endif
