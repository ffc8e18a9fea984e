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
 * Each CPU comes with its control registers and MSRs (but for CR4.PGE), its descriptors (but for
 * the IDT), its vector state and its local APIC as the kernel wants them, and with VMX or SVM
 * switched on. Every interrupt is masked.
 *
 * The loader builds the kernel's half (kernel_layout.h) completely: tables are never added to it,
 * so that every address space can refer to them. Every page is global, has the least rights that
 * work, and is marked as accessed and written; upper levels carry no user bit. It holds
 *
 * - the kernel's segments, with their rights;
 * - for each CPU a window, with GDT and TSS, whose data and stacks are frames of zeros and whose
 *   I/O bitmap forbids every port;
 * - registers of the local and the I/O APICs;
 * - the frame map: last-level tables for all RAM, in which the frames of these tables and windows,
 *   of the boot information and those named below are present.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "boot_info.h"
#include "capability.h"
#include "kernel_layout.h"

#define HANDOFF_MAGIC        0x66666f646e614800ull
#define HANDOFF_VERSION      4
#define HANDOFF_MAX_SEGMENTS 8

#define HANDOFF_POOL_FRAMES 256ul /* for the pool of the first program */
#define HANDOFF_CPU_FRAMES  12ul  /* for each CPU, contiguous: */
#define HANDOFF_GUEST       2ul   /* zero; the first one is what VMXON or VM_HSAVE_PA names; */
#define HANDOFF_GUEST_MAPS  5ul   /* ones; all others are zero */
#define HANDOFF_VECTORS_MAX 3008u /* bytes that the kernel has for an XSAVE area */
#define HANDOFF_LINES_MAX   1024u /* global system interrupts that the kernel knows */

#define SEGMENT_READ    MEM_RIGHT_READ
#define SEGMENT_WRITE   MEM_RIGHT_WRITE
#define SEGMENT_EXECUTE MEM_RIGHT_EXECUTE

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

/* What is written to the controls of each VMCS (SDM 3C, 24.6 to 24.8). */
struct vmx_controls {
    uint32_t pin, proc, proc2, exit, entry;
    uint32_t revision;
    uint32_t preemption; /* no guest runs longer without an exit; 0.25 ms */
    uint32_t reserved;
    uint64_t cr0_set, cr4_set; /* bits that are 1 in a guest, whatever it sees */
    uint64_t ept;              /* what goes with the address of the top table */
};

struct svm_features {
    uint32_t has;    /* CPUID 0x8000000a, EDX */
    uint32_t forget; /* TLB control that makes a CPU forget a guest: its, or, lacking that, all */
    uint64_t cr3_fixed; /* bits of CR3 that must be 0 */
};

#define XSAVE_COMPONENTS 10u /* x87, SSE, AVX, two of MPX, three of AVX-512, PT, PKRU */

/* What guests can have: in XCR0, and where; bytes of the whole image. */
struct xsave_layout {
    uint64_t components;
    uint32_t bytes, reserved;
    struct {
        uint32_t offset, bytes; /* multiples of 8 */
    } component[XSAVE_COMPONENTS];
};

/* How guests are run: the same on all CPUs. */
struct handoff_guest {
    struct boot_guest limits; /* kind GUEST_NONE: there are none; the rest says nothing then */
    struct vmx_controls vmx;
    struct svm_features svm;
    struct xsave_layout xsave;
    uint64_t xcr0; /* the kernel's */
};

/* What a CPU must do on the way into a guest, because it keeps what it should not. */
enum guest_barrier {
    BARRIER_BRANCHES = 1, /* predictions of branches: where another VM's guest ran before */
    BARRIER_BUFFERS = 2,  /* what passed through its buffers, and */
    BARRIER_L1D = 4,      /* its first-level data cache: each time */
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

    /* Ticks of the LAPIC timer in one of the TSC, 32 binary digits after the point; 0: deadline */
    uint64_t timer_ratio;
    uint64_t tsc_hz;
    uint64_t first_entry; /* virtual; inside an executable segment */
    uint32_t first_segments;
    uint32_t cpus; /* at least 1; index 0 is the boot CPU */
    struct handoff_segment first[HANDOFF_MAX_SEGMENTS + 1]; /* the last one: boot information */
    struct handoff_power_off power_off;
    uint32_t x2apic; /* the local APICs are in x2APIC mode */
    uint32_t lines;  /* one past the highest input of all I/O APICs; at most HANDOFF_LINES_MAX */
    uint32_t space_levels; /* of page tables, from the last one on, that can have pages: 2 or 3 */
    uint32_t reserved;
    struct handoff_guest guest;
    uint32_t barriers[BOOT_MAX_CPUS]; /* enum guest_barrier, of each CPU */
    uint32_t apic_id[BOOT_MAX_CPUS];

    uint64_t ap_entry; /* mailbox, see above; written once by the kernel, polled by other CPUs */
};

_Static_assert(offsetof(struct handoff, root) == HANDOFF_ROOT, "for assembly");
