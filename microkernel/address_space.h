/*
 * The kernel's half of all address spaces (layout.h says what is where).
 */
#ifndef CAIRN_ADDRESS_SPACE_H
#define CAIRN_ADDRESS_SPACE_H

#include "layout.h"
#include "paging.h"
#include "types.h"

/*
 * Builds it: image, windows of all CPUs, boot information, devices, frame map. Every window forbids
 * every port. The tables are complete when this returns: nothing is added to them afterwards, so
 * every address space can refer to them.
 */
void kernel_space_build(void);

/* Frame i of the I/O permission bitmap that forbids every port. */
hpa_t ports_none(unsigned i);

/* Makes a frame part i of the bitmap in a CPU's window. That CPU's TLB is the caller's affair. */
void window_ports_set(uint32_t index, unsigned i, hpa_t frame);

/* Registers at a physical address below 4 GiB, or anywhere: their virtual address in DEVICES. */
#define DEVICE_LAPIC     0u
#define DEVICE_IOAPIC(n) (1u + (n))
volatile uint32_t *device_registers(unsigned device);

/*
 * The frame map: one of the kernel's frames at FRAME_MAP + its address. Tables for all RAM are
 * there from the start, so this cannot fail. The caller sees to the TLB when a frame leaves.
 */
void frame_map_add(hpa_t frame);
void frame_map_remove(hpa_t frame);

static inline void *frame_at(uint64_t frame)
{
    return (void *)(FRAME_MAP + frame);
}

/* Root of the kernel's own address space, which has nothing in the user's half. */
extern uint64_t kernel_root;

#endif
