/*
 * Into a guest, and out of it. Interrupts are off throughout.
 */
#include "layout.h"

#define NOT_LAUNCHED 5 /* VM-instruction error: VMRESUME of a VMCS that has not been (30.4) */

/* vmx_run(RDI = cpu, RSI = page). The stack is left as it is at an exit. */
        .text
        .balign 16
        .globl  vmx_run
vmx_run:
        mov     %rdi, %rsp
        .irp    register, rax, rcx, rdx, rbx, rbp, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rsi
        mov     PAGE_\register(%rsi), %\register
        .endr
        vmresume
        jnc     1f
        ud2                             /* no VMCS is current: the kernel's fault */
1:      push    %rax
        mov     $VMCS_INSTRUCTION_ERROR, %eax
        vmread  %rax, %rax
        cmp     $NOT_LAUNCHED, %eax
        pop     %rax
        jne     2f
        vmlaunch
2:      mov     %rsp, %rdi
        mov     CPU_CURRENT - CPU_STACK_TOP(%rsp), %rsi
        call    vmx_refused

/*
 * After an exit: RSP is the top of the CPU's main stack, where struct cpu begins (layout.h); RFLAGS
 * are clear. The registers go to the page, and to the VCPU, where no program can change them.
 */
        .balign 16
        .globl  vmx_exit_entry
vmx_exit_entry:
        push    %rdi
        mov     8 - CPU_STACK_TOP + CPU_CURRENT(%rsp), %rdi
        mov     %rsi, VCPU_TOLD + PAGE_rsi(%rdi)
        mov     VCPU_PAGE(%rdi), %rsi
        .irp    register, rax, rcx, rdx, rbx, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        mov     %\register, VCPU_TOLD + PAGE_\register(%rdi)
        mov     %\register, PAGE_\register(%rsi)
        .endr
        mov     VCPU_TOLD + PAGE_rsi(%rdi), %rax
        mov     %rax, PAGE_rsi(%rsi)
        pop     %rax
        mov     %rax, VCPU_TOLD + PAGE_rdi(%rdi)
        mov     %rax, PAGE_rdi(%rsi)
        mov     %rdi, %rsi
        mov     %rsp, %rdi
        call    vmx_exited

        .section .note.GNU-stack, "", @progbits
