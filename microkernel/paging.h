/*
 * Page tables of the kernel's half (SDM 3A, 4.5), built once at boot out of the reserve. Only 4 KiB
 * pages: rights differ from page to page, and the kernel has few of them.
 */
#ifndef CAIRN_PAGING_H
#define CAIRN_PAGING_H

#include "types.h"

#define PAGE_PRESENT  (1ull << 0)
#define PAGE_WRITE    (1ull << 1)
#define PAGE_USER     (1ull << 2)
#define PAGE_UNCACHED (3ull << 3) /* PWT and PCD: entry 3 of the PAT (features.c) */
#define PAGE_ACCESSED (1ull << 5)
#define PAGE_DIRTY    (1ull << 6)
#define PAGE_GLOBAL   (1ull << 8)
#define PAGE_NX       (1ull << 63)

#define PAGE_ADDRESS 0x000ffffffffff000ull

/* Rights of a mapping. A page that is writable and executable cannot be asked for. */
enum page_rights {
    PAGE_RO = PAGE_PRESENT | PAGE_NX,
    PAGE_RW = PAGE_PRESENT | PAGE_WRITE | PAGE_NX,
    PAGE_RX = PAGE_PRESENT,
};

/*
 * Maps the page at virtual address to frame under root, with rights and any of PAGE_USER,
 * PAGE_UNCACHED and PAGE_GLOBAL in extra. Takes missing tables from the reserve. False, with
 * nothing changed, when a page is mapped there already.
 */
bool paging_map(hpa_t root, uint64_t address, hpa_t frame, enum page_rights rights, uint64_t extra)
    __attribute__((warn_unused_result));

/* Makes the last-level table for address, if there is none. */
void paging_prepare(hpa_t root, uint64_t address);

#endif
