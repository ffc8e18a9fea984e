/*
 * Numbers that C and assembly share. Addresses are in ipc/abi/kernel_layout.h.
 */
#ifndef CAIRN_LAYOUT_H
#define CAIRN_LAYOUT_H

#include "kernel_layout.h"

#define TSS_SIZE 104
#define CPU_TSS  (CPU_TSS_PAGE + 0x1000 - TSS_SIZE)

/* Global descriptor table, laid out for SYSCALL and SYSRET (SDM 3A, 5.8.8). */
#define KERNEL_CS    0x08
#define KERNEL_SS    0x10
#define USER_SS      0x1b
#define USER_CS      0x23
#define TSS_SELECTOR 0x28

#define SYSCALL_LENGTH 2 /* bytes of the SYSCALL instruction */

/* Interrupt vectors. */
#define VECTOR_TIMER    0xf0
#define VECTOR_WAKE     0xf1 /* another CPU has work for this one */
#define VECTOR_SPURIOUS 0xff

#endif
