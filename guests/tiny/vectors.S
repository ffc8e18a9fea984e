/*
 * Keeps RDI in every XMM register over an OUT and a while, RAX rounds of it. Its monitor may change
 * RDI and the registers at the OUT. R9: how long. At the end it tells how often a register was
 * another one.
 */
#include "guest.inc"

#define REPORT 0x1234

guest vectors, TINY_LONG
    mov %rax, %r8
    xor %ebx, %ebx
1:
    movq %rdi, %xmm0
    punpcklqdq %xmm0, %xmm0
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqa %xmm0, %xmm\n
    .endr
    outb %al, $0x80
    lea 1(%r9), %rcx
2:
    dec %rcx
    jnz 2b
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqa %xmm\n, TINY_DATA
    xor %ecx, %ecx
    cmp %rdi, TINY_DATA
    setne %cl
    add %ecx, %ebx
    cmp %rdi, TINY_DATA + 8
    setne %cl
    add %ecx, %ebx
    .endr
    dec %r8
    jnz 1b
    mov %ebx, %eax
    mov $REPORT, %dx
    outl %eax, %dx
    hlt
done

    .section .note.GNU-stack, "", @progbits
