/*
 * The handoff: what the loader tells the kernel and nobody else sees.
 *
 * State at the kernel's entry point, on the boot CPU: 64-bit mode, interrupts off, RDI = address
 * of struct handoff (physical = virtual, below 4 GiB), no usable stack. The loader's page tables
 * map the low 4 GiB one to one and the kernel's segments at their virtual addresses. Every other
 * CPU waits in the loader until ap_entry is not zero, then jumps there with RDI = the handoff and
 * RSI = its index in apic_id[], in the same state and on the same page tables. So the kernel keeps
 * the loader's memory and page tables until the last CPU has left them.
 */
#ifndef CAIRN_ABI_HANDOFF_H
#define CAIRN_ABI_HANDOFF_H

#include <stdint.h>

#include "boot_info.h"

#define HANDOFF_MAGIC        0x66666f646e614800ull
#define HANDOFF_VERSION      1
#define HANDOFF_MAX_SEGMENTS 8

/*
 * Frames that the kernel needs besides its image: page tables, per-CPU data and stacks, the pool of
 * the first program; and one table for each 2 MiB of the address range in which there is RAM
 * (`tables`, see the frame map in the kernel's README). What it does not use it gives back.
 */
#define HANDOFF_RESERVE_FRAMES(cpus, tables) (384u + 32u * (cpus) + (tables))

#define SEGMENT_READ    (1u << 0)
#define SEGMENT_WRITE   (1u << 1)
#define SEGMENT_EXECUTE (1u << 2)

/* A program segment, loaded: page aligned, never writable and executable at once. */
struct handoff_segment {
    uint64_t virtual;
    uint64_t physical;
    uint64_t size;   /* bytes, a multiple of 4096, zero-filled past the file's content */
    uint32_t rights; /* SEGMENT_* */
    uint32_t reserved;
};

/* ACPI S5 by I/O port (ACPI 6.4, 4.8.3.2 and 7.4.2): write value to port; port 0 means none. */
struct handoff_power_off {
    uint16_t port_a, port_b;   /* PM1a_CNT, PM1b_CNT */
    uint16_t value_a, value_b; /* SLP_TYPx << 10 | SLP_EN */
};

struct handoff {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* sizeof(struct handoff) */

    uint64_t boot_info;      /* physical, page aligned, type MEMORY_BOOT_INFO */
    uint64_t boot_info_size; /* bytes, a multiple of 4096 */

    /*
     * The kernel's reserve: memory[reserve_index] of type MEMORY_KERNEL holds all of it and
     * memory[reserve_index + 1] of type MEMORY_FREE is empty and starts at its end, so that the
     * kernel gives back its tail by moving the boundary. Below 4 GiB, 4096-byte aligned.
     */
    uint32_t reserve_index;

    uint32_t kernel_segments, first_segments;
    uint32_t cpus; /* at least 1; index 0 is the boot CPU */
    struct handoff_segment kernel[HANDOFF_MAX_SEGMENTS];
    struct handoff_segment first[HANDOFF_MAX_SEGMENTS];
    uint64_t first_entry; /* virtual; inside an executable segment */

    uint64_t lapic_base; /* physical address of the local APICs' registers */
    uint64_t lapic_hz;   /* input clock of the LAPIC timer, before its divider; 0: TSC deadline */
    uint64_t tsc_hz;

    struct handoff_power_off power_off;
    uint32_t apic_id[BOOT_MAX_CPUS];

    uint64_t ap_entry; /* mailbox, see above; written once by the kernel, polled by other CPUs */
};

#endif
