/* Entry of the bench program: RDI = boot information area. Takes the stack and calls bench_main. */
    .section .text.start, "ax", @progbits
    .globl _start
_start:
    mov $stack_end, %esp
    xor %ebp, %ebp
    call bench_main
    ud2

/*
 * The body of path exception.ud, copied to a page that can be written elsewhere: the handler makes
 * a NOP of UD2, so the program goes on where it stopped. RDI, RSI: where the TSC goes, before and
 * after (probe.h).
 */
    .section .rodata
    .globl undefined_begin, undefined_ud, undefined_end
undefined_begin:
    rdtsc
    mov %eax, (%rdi)
    nopl 0x4d4b0021(%rax)
undefined_ud:
    ud2
    nopl 0x4d4b0023(%rax)
    rdtsc
    mov %eax, (%rsi)
    ret
undefined_end:

    .section .stack, "aw", @nobits
    .balign 4096
    .skip 16384

    .section .note.GNU-stack, "", @progbits
