/* See controlled.h. */
#define CALL_NONE 0xff /* no system call */
#define CALL_DOWN 3

    .text
    .globl controlled_stop, controlled_undefined
controlled_stop:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
    mov $0x1100, %eax
    mov $0x1101, %ebx
    mov $0x1102, %ecx
    mov $0x1103, %edx
    mov $0x1104, %esi
    mov $0x1105, %edi
    mov $0x1106, %ebp
    mov $0x1108, %r8d
    mov $0x1109, %r9d
    mov $0x110a, %r10d
    mov $0x110b, %r11d
    mov $0x110c, %r12d
    mov $0x110d, %r13d
    mov $0x110e, %r14d
    mov $0x110f, %r15d
controlled_undefined:
    ud2
    pushfq
    push %rdi
    mov 16(%rsp), %rdi
    mov %rax, 0x00(%rdi)
    mov %rbx, 0x08(%rdi)
    mov %rcx, 0x10(%rdi)
    mov %rdx, 0x18(%rdi)
    mov %rsi, 0x20(%rdi)
    pop 0x28(%rdi)
    mov %rbp, 0x30(%rdi)
    mov %r8, 0x40(%rdi)
    mov %r9, 0x48(%rdi)
    mov %r10, 0x50(%rdi)
    mov %r11, 0x58(%rdi)
    mov %r12, 0x60(%rdi)
    mov %r13, 0x68(%rdi)
    mov %r14, 0x70(%rdi)
    mov %r15, 0x78(%rdi)
    pop 0x80(%rdi)
    push $2
    popfq
    rdfsbase %rax
    mov %rax, 0x88(%rdi)
    rdgsbase %rax
    mov %rax, 0x90(%rdi)
    pop %rdi
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl controlled_step, controlled_step_stop, controlled_step_end
controlled_step:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
controlled_step_stop:
    ud2
    nop
    mov $CALL_NONE, %eax
    syscall
    nop
    pop %rdi
    mov $CALL_DOWN, %eax
    xor %esi, %esi
    xor %edx, %edx
    syscall
    mov %ss, %eax
    mov %eax, %ss               /* holds exceptions back until the next one is done */
    pushfq
    popfq
    mov %eax, %ss
    syscall                     /* as number SS, which is none */
controlled_step_end:
    nop
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl controlled_spin, controlled_spin_begin, controlled_spin_end
controlled_spin:
controlled_spin_begin:
    incq (%rdi)
    jmp controlled_spin_begin
controlled_spin_end:

    .section .note.GNU-stack, "", @progbits
