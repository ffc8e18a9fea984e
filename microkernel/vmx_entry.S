/*
 * Into a guest, and out of it. Interrupts are off throughout.
 */
#include "layout.h"

/* General registers in struct registers of the EC, which the VCPU begins with. */
        .set    offset, EC_REGISTERS
        .irp    register, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, \
                r15
        .set    EC_\register, offset
        .set    offset, offset + 8
        .endr

/* And in the state page, by their number. */
        .set    offset, 0
        .irp    register, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, \
                r15
        .set    PAGE_\register, offset
        .set    offset, offset + 8
        .endr

/*
 * vmx_launch and vmx_resume(RDI = cpu, RSI = page). The stack is left as it is at an exit, so the
 * same code follows an entry that is refused: the registers are the guest's then, too.
 */
        .macro  registers_load
        mov     %rdi, %rsp
        .irp    register, rax, rcx, rdx, rbx, rbp, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rsi
        mov     PAGE_\register(%rsi), %\register
        .endr
        .endm

        .text
        .balign 16
        .globl  vmx_resume
vmx_resume:
        registers_load
        vmresume
        jmp     refused

        .globl  vmx_launch
vmx_launch:
        registers_load
        vmlaunch
refused:
        jnc     1f
        ud2                             /* no VMCS is current: the kernel's fault */
1:      push    %rdi
        mov     8 - CPU_STACK_TOP + CPU_CURRENT(%rsp), %rdi
        orl     $VMX_REFUSED, VCPU_FLAGS(%rdi)
        pop     %rdi

/*
 * After an exit: RSP is the top of the CPU's main stack, where struct cpu begins (layout.h); RFLAGS
 * are clear. The registers go to the page, and to the EC, where no program can change them.
 */
        .balign 16
        .globl  vmx_exit_entry
vmx_exit_entry:
        push    %rdi
        mov     8 - CPU_STACK_TOP + CPU_CURRENT(%rsp), %rdi
        mov     %rsi, EC_rsi(%rdi)
        mov     VCPU_PAGE(%rdi), %rsi
        .irp    register, rax, rcx, rdx, rbx, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        mov     %\register, EC_\register(%rdi)
        mov     %\register, PAGE_\register(%rsi)
        .endr
        mov     EC_rsi(%rdi), %rax
        mov     %rax, PAGE_rsi(%rsi)
        pop     %rax
        mov     %rax, EC_rdi(%rdi)
        mov     %rax, PAGE_rdi(%rsi)
        mov     %rdi, %rsi
        mov     %rsp, %rdi
        call    vmx_exited

        .section .note.GNU-stack, "", @progbits
