/* SYSCALL stubs, see sys.h. Not reentrant: one thread, and sys_call_raw keeps its state in .bss. */

    .text
    .globl sys_call
sys_call:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    syscall
    ret

    .globl sys_call_raw, sys_call_raw_return
sys_call_raw:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsi, raw_out(%rip)
    mov %rsp, raw_stack(%rip)
    pushq 0x80(%rdi)
    popfq

    /* MOV leaves the flags alone. RDI goes last, as it points to the values. */
    mov 0x00(%rdi), %rax
    mov 0x08(%rdi), %rcx
    mov 0x10(%rdi), %rdx
    mov 0x18(%rdi), %rbx
    mov 0x20(%rdi), %rsp
    mov 0x28(%rdi), %rbp
    mov 0x30(%rdi), %rsi
    mov 0x40(%rdi), %r8
    mov 0x48(%rdi), %r9
    mov 0x50(%rdi), %r10
    mov 0x58(%rdi), %r11
    mov 0x60(%rdi), %r12
    mov 0x68(%rdi), %r13
    mov 0x70(%rdi), %r14
    mov 0x78(%rdi), %r15
    mov 0x38(%rdi), %rdi
    syscall
sys_call_raw_return:
    mov %rax, raw_rax(%rip)
    mov raw_out(%rip), %rax
    mov %rcx, 0x08(%rax)
    mov %rdx, 0x10(%rax)
    mov %rbx, 0x18(%rax)
    mov %rsp, 0x20(%rax)
    mov %rbp, 0x28(%rax)
    mov %rsi, 0x30(%rax)
    mov %rdi, 0x38(%rax)
    mov %r8,  0x40(%rax)
    mov %r9,  0x48(%rax)
    mov %r10, 0x50(%rax)
    mov %r11, 0x58(%rax)
    mov %r12, 0x60(%rax)
    mov %r13, 0x68(%rax)
    mov %r14, 0x70(%rax)
    mov %r15, 0x78(%rax)
    mov raw_stack(%rip), %rsp
    pushfq
    popq 0x80(%rax)
    pushq $2
    popfq
    mov raw_rax(%rip), %rcx
    mov %rcx, 0x00(%rax)
    movq $0, 0x88(%rax)
    mov %cs, 0x88(%rax)
    mov %ss, 0x8a(%rax)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .bss
    .balign 8
raw_out:
    .skip 8
raw_stack:
    .skip 8
raw_rax:
    .skip 8

    .section .note.GNU-stack, "", @progbits
