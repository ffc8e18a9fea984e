/*
 * Entry of the first program: RDI = boot information area, RSP unusable. Records the state that
 * the kernel handed over (entry.h) before it touches it, takes the time, counts words of .bss and
 * stack that are not zero, takes the stack and calls main.
 */
#include "entry.h"

/* entry_state + field = number of 8-byte words in [begin, end) that are not zero */
.macro count_dirty begin, end, field
    mov $\begin, %edi
    mov $\end, %esi
    xor %eax, %eax
1:  cmp %rsi, %rdi
    jae 2f
    cmpq $1, (%rdi)
    cmc
    adc $0, %rax
    add $8, %rdi
    jmp 1b
2:  mov %rax, entry_state + \field(%rip)
.endm

    .section .text.start, "ax", @progbits
    .globl _start
_start:
    mov %rax, entry_state + 0x00(%rip)
    mov %rcx, entry_state + 0x08(%rip)
    mov %rdx, entry_state + 0x10(%rip)
    mov %rbx, entry_state + 0x18(%rip)
    mov %rsp, entry_state + 0x20(%rip)
    mov %rbp, entry_state + 0x28(%rip)
    mov %rsi, entry_state + 0x30(%rip)
    mov %rdi, entry_state + 0x38(%rip)
    mov %r8,  entry_state + 0x40(%rip)
    mov %r9,  entry_state + 0x48(%rip)
    mov %r10, entry_state + 0x50(%rip)
    mov %r11, entry_state + 0x58(%rip)
    mov %r12, entry_state + 0x60(%rip)
    mov %r13, entry_state + 0x68(%rip)
    mov %r14, entry_state + 0x70(%rip)
    mov %r15, entry_state + 0x78(%rip)

    /* PUSHFQ onto a word in .data: the stack itself must stay untouched until it was counted. */
    lea entry_word + 8(%rip), %rsp
    pushfq
    pop %rax
    mov %rax, entry_state + ENTRY_FLAGS(%rip)

    mov %cs, entry_state + ENTRY_SELECTORS + 0(%rip)
    mov %ss, entry_state + ENTRY_SELECTORS + 2(%rip)
    mov %ds, entry_state + ENTRY_SELECTORS + 4(%rip)
    mov %es, entry_state + ENTRY_SELECTORS + 6(%rip)
    mov %fs, entry_state + ENTRY_SELECTORS + 8(%rip)
    mov %gs, entry_state + ENTRY_SELECTORS + 10(%rip)
    fxsave64 entry_state + ENTRY_FXSAVE(%rip)

    cld
    mov %rdi, %r12
    rdtsc
    shl $32, %rdx
    lea (%rdx, %rax), %r13

    count_dirty bss_begin, bss_end, ENTRY_BSS_DIRTY
    count_dirty stack_begin, stack_end, ENTRY_STACK_DIRTY

    mov $stack_end, %esp
    xor %ebp, %ebp
    mov %r12, %rdi
    mov %r13, %rsi
    call main
    ud2

    .section .data.entry, "aw", @progbits
    .balign 16
    .globl entry_state
entry_state:
    .skip ENTRY_SIZE
entry_word:
    .quad 0

    .section .stack, "aw", @nobits
    .balign 4096
    .skip 32768

    .section .note.GNU-stack, "", @progbits
