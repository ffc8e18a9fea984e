/* See canary.h. */
#include "canary.h"

/* Nothing is lost: RSP points to the struct, and each register is stored before it is used. */
.macro note
    mov %rax, CANARY_OUT + 0x00(%rsp)
    mov %rcx, CANARY_OUT + 0x08(%rsp)
    mov %rdx, CANARY_OUT + 0x10(%rsp)
    mov %rbx, CANARY_OUT + 0x18(%rsp)
    mov %rsp, CANARY_OUT + 0x20(%rsp)
    mov %rbp, CANARY_OUT + 0x28(%rsp)
    mov %rsi, CANARY_OUT + 0x30(%rsp)
    mov %rdi, CANARY_OUT + 0x38(%rsp)
    mov %r8, CANARY_OUT + 0x40(%rsp)
    mov %r9, CANARY_OUT + 0x48(%rsp)
    mov %r10, CANARY_OUT + 0x50(%rsp)
    mov %r11, CANARY_OUT + 0x58(%rsp)
    mov %r12, CANARY_OUT + 0x60(%rsp)
    mov %r13, CANARY_OUT + 0x68(%rsp)
    mov %r14, CANARY_OUT + 0x70(%rsp)
    mov %r15, CANARY_OUT + 0x78(%rsp)
    pushfq
    pop %rax
    mov %rax, CANARY_OUT_FLAGS(%rsp)
    rdfsbase %rax
    mov %rax, CANARY_OUT_BASES(%rsp)
    rdgsbase %rax
    mov %rax, CANARY_OUT_BASES + 8(%rsp)
    mov %ds, CANARY_OUT_SEGMENT(%rsp)
    mov %es, CANARY_OUT_SEGMENT + 2(%rsp)
    mov %fs, CANARY_OUT_SEGMENT + 4(%rsp)
    mov %gs, CANARY_OUT_SEGMENT + 6(%rsp)
    mov $-1, %eax
    mov $-1, %edx
    xsave64 CANARY_OUT_VECTORS(%rsp)
.endm

.macro fill
    mov $-1, %eax
    mov $-1, %edx
    xrstor64 CANARY_IN_VECTORS(%rsp)
    mov CANARY_IN_SEGMENTS(%rsp), %ds
    mov CANARY_IN_SEGMENTS + 2(%rsp), %es
    mov CANARY_IN_SEGMENTS + 4(%rsp), %fs
    mov CANARY_IN_SEGMENTS + 6(%rsp), %gs
    mov CANARY_IN_BASES(%rsp), %rax
    wrfsbase %rax
    mov CANARY_IN_BASES + 8(%rsp), %rax
    wrgsbase %rax
    mov CANARY_IN + 0x00(%rsp), %rax
    mov CANARY_IN + 0x08(%rsp), %rcx
    mov CANARY_IN + 0x10(%rsp), %rdx
    mov CANARY_IN + 0x18(%rsp), %rbx
    mov CANARY_IN + 0x28(%rsp), %rbp
    mov CANARY_IN + 0x30(%rsp), %rsi
    mov CANARY_IN + 0x38(%rsp), %rdi
    mov CANARY_IN + 0x40(%rsp), %r8
    mov CANARY_IN + 0x48(%rsp), %r9
    mov CANARY_IN + 0x50(%rsp), %r10
    mov CANARY_IN + 0x58(%rsp), %r11
    mov CANARY_IN + 0x60(%rsp), %r12
    mov CANARY_IN + 0x68(%rsp), %r13
    mov CANARY_IN + 0x70(%rsp), %r14
    mov CANARY_IN + 0x78(%rsp), %r15
.endm

    .text
    .globl canary_once
canary_once:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, CANARY_ROOM + CANARY_STACK(%rdi)
    lea CANARY_ROOM(%rdi), %rsp
    fill
    cmpq $CANARY_BREAKPOINT, CANARY_EVENT(%rsp)
    je 1f
    ja 2f
    syscall
    jmp 3f
1:  int3
    jmp 3f
2:  pause
    cmpq $0, CANARY_STOP(%rsp)
    je 2b
3:  note
    xor %eax, %eax
    wrfsbase %rax
    wrgsbase %rax
    mov $-1, %eax
    mov $-1, %edx
    xrstor64 initial(%rip)
    mov CANARY_STACK(%rsp), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl canary_serve
canary_serve:
    note
    fill
    syscall
    jmp canary_serve

    .section .rodata
    .balign 64
initial:
    .word 0x37f
    .skip 22
    .long 0x1f80
    .skip 548

    .section .note.GNU-stack, "", @progbits
