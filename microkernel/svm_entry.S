/*
 * Into a guest, and out of it (APM 2, 15.5). RFLAGS.IF of the host lets interrupts end the guest's
 * turn (V_INTR_MASKING); so it is 1 in the guest, and where it is 1 in the kernel, GIF is 0.
 */
#include "layout.h"

/*
 * svm_run(RDI = cpu, RSI = page, RDX = VMCB, RCX = host's VMCB), which are physical addresses. The
 * CPU's main stack ends where struct cpu begins (layout.h).
 */
        .text
        .balign 16
        .globl  svm_run
svm_run:
        mov     %rdi, %rsp
        push    %rcx
        mov     %rdx, %rax
        clgi
        sti
        vmload  %rax
        .irp    register, rcx, rdx, rbx, rbp, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rsi
        mov     PAGE_\register(%rsi), %\register
        .endr
        vmrun   %rax

/*
 * QEMU 7.2 forgets an interrupt that comes to the CPU just while it leaves a guest: it changes its
 * note of pending ones without the lock. A write of the task priority, which is 0 here, makes it
 * look at the local APIC again; otherwise a timer could be lost for good.
 *
 * RAX and RSP are the host's again. The registers go to the page, and where no program writes.
 */
        vmsave  %rax
        mov     8 - CPU_STACK_TOP + CPU_CURRENT(%rsp), %rax
        push    %rdi
        mov     VCPU_PAGE(%rax), %rdi
        .irp    register, rcx, rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15
        mov     %\register, VCPU_TOLD + PAGE_\register(%rax)
        mov     %\register, PAGE_\register(%rdi)
        .endr
        mov     %rax, %rsi
        pop     %rcx
        mov     %rcx, VCPU_TOLD + PAGE_rdi(%rsi)
        mov     %rcx, PAGE_rdi(%rdi)
        pop     %rax
        vmload  %rax
        cli
        stgi
        xor     %eax, %eax
        mov     %rax, %cr8              /* see above */
        mov     %rsp, %rdi
        call    svm_exited

        .section .note.GNU-stack, "", @progbits
