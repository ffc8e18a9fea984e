/*
 * The kernel's half of all address spaces (ipc/abi/kernel_layout.h says what is where).
 */
#pragma once

#include "layout.h"
#include "types.h"

/* Where a frame of the kernel is reached; unit tests reach it at its own address. */
#ifndef FRAME_BASE
#define FRAME_BASE FRAME_MAP
#endif

/* Makes SEALED data read-only. A CPU that wrote it forgets its TLB afterwards, the global part too.
 */
void sealed_protect(void);

/* Makes a frame part i of the bitmap in a CPU's window. That CPU's TLB is the caller's affair. */
void window_ports_set(uint32_t index, unsigned i, hpa_t frame);

/*
 * The frame map: one of the kernel's frames at FRAME_MAP + its address. Tables for all RAM are
 * there from the start, so this cannot fail. The caller sees to the TLB when a frame leaves.
 */
void frame_map_add(hpa_t frame);
void frame_map_remove(hpa_t frame);

static inline void *frame_at(uint64_t frame)
{
    return (void *)(FRAME_BASE + frame);
}

static inline uint64_t frame_address(const void *frame)
{
    return (uint64_t)frame - FRAME_BASE;
}

/*
 * Entries of page tables (SDM 3A, 4.5), which are those of nested paging too (APM 2, 15.25), and of
 * EPT (SDM 3C, 28.3.2).
 */
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
