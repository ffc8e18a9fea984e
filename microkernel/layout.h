/*
 * The kernel's half of every address space. Shared with assembly.
 *
 *   FRAME_MAP    the kernel's own frames, at FRAME_MAP + physical address: data, never executable
 *   KERNEL_IMAGE text, constants, data
 *   CPU_AREAS    one 64 KiB window a CPU, 64 KiB aligned, so that every kernel stack pointer
 *                yields the CPU's data by rounding down: no segment register is trusted or switched
 *   DEVICES      local APIC and I/O APICs, uncached
 *
 * Pages of a CPU's window; those not named are never mapped and guard the stack above them.
 */
#ifndef CAIRN_LAYOUT_H
#define CAIRN_LAYOUT_H

#define FRAME_MAP    0xffff800000000000
#define KERNEL_IMAGE 0xffffffff80000000
#define CPU_AREAS    0xffffffffc0000000
#define DEVICES      0xffffffffe0000000

#define CPU_AREA_SIZE 0x10000

#define CPU_STACK     0x1000 /* main stack, two pages */
#define CPU_STACK_TOP 0x3000
#define CPU_DATA      0x3000 /* struct cpu */
#define CPU_ENTRY     0x4000 /* system-call entry code, one frame shared by all CPUs */
#define CPU_NMI_STACK 0x6000
#define CPU_DF_STACK  0x8000
#define CPU_MC_STACK  0xa000
#define CPU_DB_STACK  0xc000
#define CPU_TSS_PAGE  0xd000 /* the TSS ends with this page, */
#define CPU_IO_BITMAP 0xe000 /* so that its I/O permission bitmap has two frames of its own */

#define TSS_SIZE 104
#define CPU_TSS  (CPU_TSS_PAGE + 0x1000 - TSS_SIZE)

/* Global descriptor table, laid out for SYSCALL and SYSRET (SDM 3A, 5.8.8). */
#define KERNEL_CS    0x08
#define KERNEL_SS    0x10
#define USER_SS      0x1b
#define USER_CS      0x23
#define TSS_SELECTOR 0x28

/* Offsets in struct cpu, for entry.S. */
#define CPU_USER_RSP   0
#define CPU_CURRENT    8
#define CPU_RESCHEDULE 16

/* Offsets in struct ec, for entry.S. */
#define EC_REGS   32
#define EC_RAX    (EC_REGS + 0)
#define EC_RDI    (EC_REGS + 8)
#define EC_RSI    (EC_REGS + 16)
#define EC_RDX    (EC_REGS + 24)
#define EC_R8     (EC_REGS + 32)
#define EC_R9     (EC_REGS + 40)
#define EC_R10    (EC_REGS + 48)
#define EC_RIP    (EC_REGS + 56)
#define EC_RFLAGS (EC_REGS + 64)
#define EC_RSP    (EC_REGS + 72)
#define EC_RBX    (EC_REGS + 80)
#define EC_RBP    (EC_REGS + 88)
#define EC_R12    (EC_REGS + 96)
#define EC_R13    (EC_REGS + 104)
#define EC_R14    (EC_REGS + 112)
#define EC_R15    (EC_REGS + 120)
#define EC_RCX    (EC_REGS + 128)
#define EC_R11    (EC_REGS + 136)

#define EC_FULL (EC_REGS + 160)

/* Enumerators of ipc/abi/syscall.h that entry.S needs. */
#define ENTRY_SYSCALLS 14
#define ENTRY_BAD_CALL 1

#define SYSCALL_LENGTH 2 /* bytes of the SYSCALL instruction */

/* Interrupt vectors. */
#define VECTOR_DEVICE   0x20 /* stands for all from VECTOR_DEVICES (vector_set.h) to 0xef */
#define VECTOR_MIDDLE   0x80 /* so the numbers fit a byte with a sign, in the frame's error */
#define VECTOR_TIMER    0xf0
#define VECTOR_WAKE     0xf1 /* another CPU has work for this one */
#define VECTOR_SPURIOUS 0xff

#endif
