/*
 * First instructions of each CPU in the kernel, and the step onto the kernel's own page tables.
 */
#include "layout.h"

        .section .text.entry, "ax"

/*
 * Boot CPU, from the loader (ipc/abi/handoff.h): RDI = the handoff. The TSC is read first: the
 * boot information says when the kernel began.
 */
        .globl  kernel_entry
kernel_entry:
        cld
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, %rsi
        lea     boot_stack_top(%rip), %rsp
        xor     %ebp, %ebp
        call    kernel_start
        ud2

/* Every other CPU, from the loader: RSI = its index. The kernel's page tables are complete. */
        .globl  kernel_entry_ap
kernel_entry_ap:
        cld
        mov     %rsi, %rdi
        mov     kernel_root(%rip), %rsi
/*
 * void cpu_enter(uint64_t index, uint64_t root): leaves the loader's page tables and goes on at
 * cpu_main(index) on that CPU's own stack.
 */
        .globl  cpu_enter
cpu_enter:
        mov     %rsi, %cr3
        mov     %rdi, %rax
        shl     $16, %rax
        mov     $CPU_AREAS + CPU_STACK_TOP, %rsp
        add     %rax, %rsp
        xor     %ebp, %ebp
        call    cpu_main
        ud2

        .bss
        .balign 16
        .skip   4096
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
