/*
 * The kernel's half of all address spaces (layout.h says what is where).
 */
#ifndef CAIRN_ADDRESS_SPACE_H
#define CAIRN_ADDRESS_SPACE_H

#include "paging.h"
#include "types.h"

/* An I/O permission bitmap: 65,536 bits in two frames; a set bit forbids the port. */
struct io_bitmap {
    hpa_t frame[2];
};

/*
 * Builds it: image, windows of all CPUs, boot information, devices. ports is the bitmap in the
 * window of CPU 0; all other CPUs forbid every port. The tables are complete when this returns:
 * nothing is added to them afterwards, so every address space can refer to them.
 */
void kernel_space_build(struct io_bitmap ports);

/* An I/O permission bitmap that forbids every port. */
struct io_bitmap io_bitmap_make(void);

/* Maps size bytes, whole pages, or stops the kernel. */
void space_map(hpa_t root, uint64_t address, hpa_t frame, uint64_t size, enum page_rights rights,
               uint64_t extra);

/* Rights of a loaded segment (SEGMENT_*). */
enum page_rights segment_rights(uint32_t rights);

/* Registers at a physical address below 4 GiB, or anywhere: their virtual address in DEVICES. */
#define DEVICE_LAPIC     0u
#define DEVICE_IOAPIC(n) (1u + (n))
volatile uint32_t *device_registers(unsigned device);

/* Root of the kernel's own address space, which has nothing in the user's half. */
extern uint64_t kernel_root;

#endif
