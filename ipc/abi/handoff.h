/*
 * The handoff: what the loader tells the kernel and nobody else sees.
 *
 * State at the kernel's entry point, on the boot CPU: 64-bit mode, interrupts off, RDI = address
 * of struct handoff (physical = virtual, below 4 GiB), no usable stack. The loader's page tables
 * map the low 4 GiB one to one, and the kernel's half as `root` does. Every other CPU waits in the
 * loader until ap_entry is not zero, then jumps there with RDI = the handoff and RSI = its index in
 * apic_id[], in the same state and on the same page tables. So the kernel keeps the loader's memory
 * and page tables until the last CPU has left them.
 *
 * The loader builds the kernel's half (kernel_layout.h) completely: tables are never added to it,
 * so that every address space can refer to them. Every page is global, has the least rights that
 * work, and is marked as accessed and written; upper levels carry no user bit. It holds
 *
 * - the kernel's segments, with their rights;
 * - for each CPU a window, whose data and stacks are frames of zeros and whose I/O bitmap forbids
 *   every port;
 * - registers of the local and the I/O APICs;
 * - the frame map: last-level tables for all RAM, in which the frames of these tables and windows,
 *   of the boot information and those named below are present.
 */
#ifndef CAIRN_ABI_HANDOFF_H
#define CAIRN_ABI_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#include "boot_info.h"
#include "kernel_layout.h"

#define HANDOFF_MAGIC        0x66666f646e614800ull
#define HANDOFF_VERSION      3
#define HANDOFF_MAX_SEGMENTS 8

#define HANDOFF_POOL_FRAMES 256ul /* for the pool of the first program */
#define HANDOFF_CPU_FRAMES  12ul  /* for each CPU, contiguous */

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

    uint64_t root;       /* physical, as are those below: top page table of the kernel's half */
    uint64_t ports_none; /* two frames of ones, the I/O bitmap of every window */
    uint64_t trace;      /* frames of zeros: TRACE_BYTES for each CPU (event_trace.h), */
    uint64_t cpu_frames; /* HANDOFF_CPU_FRAMES for each CPU, */
    uint64_t pool;       /* HANDOFF_POOL_FRAMES */

    uint64_t boot_info;      /* page aligned, type MEMORY_BOOT_INFO */
    uint64_t boot_info_size; /* bytes, a multiple of 4096 */

    uint64_t lapic_hz; /* input clock of the LAPIC timer, before its divider; 0: TSC deadline */
    uint64_t tsc_hz;
    uint64_t first_entry; /* virtual; inside an executable segment */
    uint32_t first_segments;
    uint32_t cpus; /* at least 1; index 0 is the boot CPU */
    struct handoff_segment first[HANDOFF_MAX_SEGMENTS];
    struct handoff_power_off power_off;
    uint32_t apic_id[BOOT_MAX_CPUS];

    uint64_t ap_entry; /* mailbox, see above; written once by the kernel, polled by other CPUs */
};

_Static_assert(offsetof(struct handoff, root) == HANDOFF_ROOT, "for assembly");

#endif
