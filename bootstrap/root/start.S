/* Entry of root: RDI = boot information area, RSP unusable. */
    .section .text.start, "ax", @progbits
    .globl _start
_start:
    cld
    mov $stack_end, %esp
    xor %ebp, %ebp
    call root_main
    ud2

    .section .stack, "aw", @nobits
    .balign 4096
    .skip 32768

    .section .note.GNU-stack, "", @progbits
