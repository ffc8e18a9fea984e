/*
 * Ways into the kernel and out of it, in assembly (entry.S).
 */
#ifndef CAIRN_ENTRY_H
#define CAIRN_ENTRY_H

#include "types.h"

/* What an interrupt or exception leaves on the stack; the lower part by entry.S. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector;
    uint64_t error; /* zero where the exception has none */
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) % 16 == 0, "C expects an aligned stack");

extern const uint64_t trap_stubs[32]; /* entry points of the exceptions */
void trap_timer(void);
void trap_spurious(void);

/* The page of code that SYSCALL enters; mapped in each CPU's window. */
extern const char entry_page[];

/* Enters user mode at rip with RDI = argument, all other registers zero, interrupts on. */
NORETURN void user_enter(uint64_t rip, uint64_t argument);

/* C side of an interrupt or exception. */
void trap_handle(struct trap_frame *frame);

/* C side of a system call; returns its status. */
uint64_t syscall_handle(uint64_t number, uint64_t a, uint64_t b, uint64_t c);

#endif
