/*
 * Ways into the kernel and out of it, in assembly (entry.S).
 */
#pragma once

#include "types.h"

struct cpu;
struct ec;

/* Of a program; entry.S has the same order. */
struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags; /* up to here as in struct utcb_state */
    uint64_t vector, error;
};

extern const char trap_exceptions[32][16], trap_interrupts[256 - 32][8]; /* entry points */

/* The page of code that SYSCALL enters; mapped in each CPU's window. The second way is traced. */
extern const char entry_page[], entry_traced[];

/* Goes on in user mode: after a system call, or (all registers) after an interrupt. */
NORETURN void ec_resume(struct ec *ec);
NORETURN void ec_resume_full(struct ec *ec);

/*
 * An exception of ec, or an exit of a virtual CPU, which has called its partner and has nothing in
 * the CPU any more: the words in their order, with the EC between them.
 */
NORETURN void exit_pass(uint64_t id, uint64_t reason, uint64_t qualification, struct ec *ec,
                        uint64_t rip, uint64_t address);

/* Goes on in function(cpu, ec) with an empty stack: what stood on it is not needed any more. */
NORETURN void stack_restart(struct cpu *cpu, struct ec *ec,
                            void (*function)(struct cpu *cpu, struct ec *ec));

/* An interrupt or exception of the current EC, whose registers, regs.vector too, are saved. */
NORETURN void trap_user(struct cpu *cpu, struct ec *ec);

/* Of the kernel, in whose RFLAGS it goes on with *rflags. */
void trap_kernel(const struct registers *regs, uint64_t *rflags);

/* Reports the exception of an EC with nobody to handle it, and ends the run. */
NORETURN void exception_end_run(const struct ec *ec);

/* By number (ipc/abi/syscall.h): each returns its status, or does not return. */
extern uint64_t (*const syscall_table[])(struct ec *ec);

/* A system call while events are traced: its status. */
uint64_t syscall_traced(struct ec *ec);

/* A system call that ends with status while somebody more urgent is ready. */
NORETURN void syscall_leave(struct ec *ec, uint64_t status);
