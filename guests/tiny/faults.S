/*
 * Guests with exceptions. ESI has where to go on, which whoever answers makes the new RIP: of the
 * guest, or in what a handler has on its stack.
 */
#include "guest.inc"

#define NOWHERE 0x300000 /* linear; paging maps nothing there */

.macro fault64 instruction:vararg
    lea 7781f(%rip), %rsi
    \instruction
7781:
.endm

    /* EBX has the address of the guest's code. */
.macro fault32 instruction:vararg
    lea (7781f - 7780b)(%ebx), %esi
    \instruction
7781:
.endm

guest faults64, TINY_LONG
    xor %ecx, %ecx
    fault64 div %ecx
    fault64 ud2
    mov $0x8000000000000000, %rax
    fault64 mov (%rax), %edx
    mov $TINY_ABSENT, %eax
    fault64 mov %eax, %ss
    mov $0xff, %eax
    fault64 mov %eax, %ds
    mov $TINY_ABSENT, %eax
    fault64 mov %eax, %es
    fault64 mov NOWHERE, %edx
    fault64 mov %edx, NOWHERE + 8
    hlt
done

guest faults32, TINY_PAGED
    call 7780f
7780:
    pop %ebx
    xor %ecx, %ecx
    fault32 div %ecx
    fault32 ud2
    mov $0x7f, %eax
    fault32 mov %eax, %ds
    fault32 mov NOWHERE, %edx
    fault32 mov %edx, NOWHERE + 8
    hlt
done

guest breakpoint, TINY_LONG
    fault64 int3
    hlt
done

    /* Instructions that this machine's guests have not: each is an invalid opcode. */
guest undefined, TINY_LONG
    mov $TINY_DATA, %eax
    fault64 .byte 0x0f, 0x01, 0xc2                      /* vmlaunch */
    fault64 .byte 0x0f, 0x01, 0xc3                      /* vmresume */
    fault64 .byte 0x0f, 0x01, 0xc4                      /* vmxoff */
    fault64 .byte 0xf3, 0x0f, 0xc7, 0x30                /* vmxon (%rax) */
    fault64 .byte 0x0f, 0xc7, 0x30                      /* vmptrld (%rax) */
    fault64 .byte 0x0f, 0xc7, 0x38                      /* vmptrst (%rax) */
    fault64 .byte 0x66, 0x0f, 0xc7, 0x30                /* vmclear (%rax) */
    fault64 .byte 0x0f, 0x78, 0xc3                      /* vmread %rax, %rbx */
    fault64 .byte 0x0f, 0x79, 0xc3                      /* vmwrite %rbx, %rax */
    fault64 .byte 0x66, 0x0f, 0x38, 0x80, 0x00          /* invept (%rax), %rax */
    fault64 .byte 0x66, 0x0f, 0x38, 0x81, 0x00          /* invvpid (%rax), %rax */
    fault64 .byte 0x0f, 0x01, 0xd4                      /* vmfunc */
    fault64 .byte 0x0f, 0x01, 0xd8                      /* vmrun */
    fault64 .byte 0x0f, 0x01, 0xda                      /* vmload */
    fault64 .byte 0x0f, 0x01, 0xdb                      /* vmsave */
    fault64 .byte 0x0f, 0x01, 0xdc                      /* stgi */
    fault64 .byte 0x0f, 0x01, 0xdd                      /* clgi */
    fault64 .byte 0x0f, 0x01, 0xde                      /* skinit */
    fault64 .byte 0x0f, 0x01, 0xdf                      /* invlpga */
    hlt
done

    .section .note.GNU-stack, "", @progbits
