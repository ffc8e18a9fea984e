/*
 * First instructions of each CPU in the kernel, and the step onto the kernel's own page tables.
 */
#include "layout.h"

#define CR4_PGE (1 << 7)

        .section .text.entry, "ax"

/* Boot CPU, from the loader (ipc/abi/handoff.h): RDI = the handoff. Its window is there already. */
        .globl  kernel_entry
kernel_entry:
        cld
        mov     $CPU_AREAS + CPU_STACK_TOP, %rsp
        xor     %ebp, %ebp
        mov     %rdi, %rbx
        call    kernel_start
        mov     %rbx, %rdi
        xor     %esi, %esi

/*
 * Every CPU: RSI = its index. It leaves the loader's page tables and goes on at cpu_main(index) on
 * its own stack.
 */
        .globl  kernel_entry_ap
kernel_entry_ap:
        cld
        mov     HANDOFF_ROOT(%rdi), %rax
        mov     %rax, %cr3
        mov     %cr4, %rax
        or      $CR4_PGE, %rax          /* only now, so nothing global is known from before */
        mov     %rax, %cr4
        mov     %rsi, %rdi
        shl     $16, %rsi
        lea     CPU_AREAS + CPU_STACK_TOP(%rsi), %rsp
        xor     %ebp, %ebp
        call    cpu_main
        ud2

        .section .note.GNU-stack, "", @progbits
