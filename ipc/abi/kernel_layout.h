/*
 * The kernel's half of every address space: the loader builds it, the kernel lives in it. Shared
 * with assembly.
 *
 *   FRAME_MAP    the kernel's own frames, at FRAME_MAP + physical address: data, never executable
 *   KERNEL_IMAGE text, constants, data
 *   CPU_AREAS    one 64 KiB window a CPU, 64 KiB aligned, so that every kernel stack pointer
 *                yields the CPU's data by rounding down: no segment register is trusted or switched
 *   DEVICES      local APIC, then I/O APICs: the page of each one's registers, uncached
 *
 * Pages of a CPU's window; those not named are never mapped and guard the stack above them.
 */
#pragma once

#define FRAME_MAP    0xffff800000000000
#define KERNEL_IMAGE 0xffffffff80000000
#define CPU_AREAS    0xffffffffc0000000
#define DEVICES      0xffffffffe0000000

#define CPU_AREA_SIZE 0x10000

#define CPU_STACK     0x1000 /* main stack, two pages */
#define CPU_STACK_TOP 0x3000
#define CPU_DATA      0x3000 /* struct cpu */
#define CPU_ENTRY     0x4000 /* first frame of the kernel's image: what SYSCALL enters */
#define CPU_NMI_STACK 0x6000
#define CPU_DF_STACK  0x8000
#define CPU_MC_STACK  0xa000
#define CPU_DB_STACK  0xc000
#define CPU_TSS_PAGE  0xd000 /* begins with the GDT; the TSS ends with this page, */
#define CPU_IO_BITMAP 0xe000 /* so that its I/O permission bitmap has two frames of its own */

#define TSS_SIZE        104
#define CPU_TSS         (CPU_TSS_PAGE + 0x1000 - TSS_SIZE)
#define CPU_GDT         CPU_TSS_PAGE
#define CPU_GDT_POINTER (CPU_TSS_PAGE + GDT_SIZE) /* operand of LGDT */

/* Global descriptor table, laid out for SYSCALL and SYSRET (SDM 3A, 5.8.8). */
#define GDT_SIZE     0x38
#define KERNEL_CS    0x08
#define KERNEL_SS    0x10
#define USER_SS      0x1b
#define USER_CS      0x23
#define TSS_SELECTOR 0x28

/* Numbers of the stacks that NMI, double fault, machine check and debug exceptions switch to. */
#define IST_NMI 1
#define IST_DF  2
#define IST_MC  3
#define IST_DB  4

/* Interrupt vectors that the loader puts into the local APICs. */
#define VECTOR_TIMER    0xf0
#define VECTOR_SPURIOUS 0xff

#define HANDOFF_ROOT 16 /* offset in struct handoff */
