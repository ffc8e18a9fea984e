/*
 * The kernel's half of all address spaces (ipc/abi/kernel_layout.h says what is where).
 */
#ifndef CAIRN_ADDRESS_SPACE_H
#define CAIRN_ADDRESS_SPACE_H

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

#endif
