/*
 * Ways into the kernel and out of it, in assembly (entry.S).
 */
#ifndef CAIRN_ENTRY_H
#define CAIRN_ENTRY_H

#include "types.h"

struct cpu;
struct ec;

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
extern const char trap_devices[];     /* of the vectors for devices, 8 bytes each */
void trap_timer(void);
void trap_wake(void);
void trap_spurious(void);

/* The page of code that SYSCALL enters; mapped in each CPU's window. The second way is traced. */
extern const char entry_page[], entry_traced[];

/* Goes on in user mode: after a system call, or (all registers) after an interrupt. */
NORETURN void ec_resume(struct ec *ec);
NORETURN void ec_resume_full(struct ec *ec);

/* Goes on in function(cpu, ec) with an empty stack: what stood on it is not needed any more. */
NORETURN void stack_restart(struct cpu *cpu, struct ec *ec,
                            void (*function)(struct cpu *cpu, struct ec *ec));

/* C side of an interrupt or exception. */
void trap_handle(struct trap_frame *frame);

/* Reports the exception of an EC with nobody to handle it, and ends the run. */
NORETURN void exception_end_run(const struct ec *ec);

/* By number (ipc/abi/syscall.h): each returns its status, or does not return. */
extern uint64_t (*const syscall_table[])(struct ec *ec);

/* A system call while events are traced: its status. */
uint64_t syscall_traced(struct ec *ec);

/* A system call that ends with status while somebody more urgent is ready. */
NORETURN void syscall_leave(struct ec *ec, uint64_t status);

#endif
