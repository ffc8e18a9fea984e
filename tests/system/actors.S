/* See actors.h. */
    .text
    .globl exception_divide_call, exception_divide
exception_divide_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rsi
    mov $0x1111, %ebx
    mov $0x2222, %ecx
    mov $0x3333, %esi
    mov $0x4444, %ebp
    mov $0x8888, %r8d
    mov $0x9999, %r9d
    mov $0xaaaa, %r10d
    mov $0xbbbb, %r11d
    mov $0xcccc, %r12d
    mov $0xdddd, %r13d
    mov $0xeeee, %r14d
    mov $0xffff, %r15d
    mov $100, %eax
    xor %edx, %edx
exception_divide:
    divq (%rdi)
    xor $0x1111, %ebx
    xor $0x2222, %ecx
    xor $0x3333, %esi
    xor $0x4444, %ebp
    xor $0x8888, %r8d
    xor $0x9999, %r9d
    xor $0xaaaa, %r10d
    xor $0xbbbb, %r11d
    xor $0xcccc, %r12d
    xor $0xdddd, %r13d
    xor $0xeeee, %r14d
    xor $0xffff, %r15d
    or %rcx, %rbx
    or %rsi, %rbx
    or %rbp, %rbx
    or %r8, %rbx
    or %r9, %rbx
    or %r10, %rbx
    or %r11, %rbx
    or %r12, %rbx
    or %r13, %rbx
    or %r14, %rbx
    or %r15, %rbx
    pop %rsi
    mov %rbx, (%rsi)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl vectors_fill
vectors_fill:
    movq %rdi, %xmm0
    punpcklqdq %xmm0, %xmm0
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqa %xmm0, %xmm\n
    .endr
    ret

/* Each register by way of the stack: no vector register is changed. */
    .globl vectors_count
vectors_count:
    sub $24, %rsp
    xor %eax, %eax
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqu %xmm\n, (%rsp)
    xor %ecx, %ecx
    cmp %rdi, (%rsp)
    sete %cl
    add %rcx, %rax
    xor %ecx, %ecx
    cmp %rdi, 8(%rsp)
    sete %cl
    add %rcx, %rax
    .endr
    add $24, %rsp
    ret

    .section .note.GNU-stack, "", @progbits
