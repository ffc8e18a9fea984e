/* Handlers of all vectors (tiny.h): the port says which, and the stack what was pushed. */
#include "tiny.h"

    .section .rodata.tiny_handlers, "a"
    .globl tiny_handlers, tiny_handlers64
tiny_handlers:
    n = 0
    .rept 256
    .balign TINY_HANDLER
    .byte 0xe6, n               /* out %al, $n: clang knows no symbol there */
    .byte 0xcf                  /* iret, of the mode's own width */
    n = n + 1
    .endr
    .balign TINY_HANDLER

tiny_handlers64:
    n = 0
    .rept 256
    .byte 0xe6, n, 0x48, 0xcf   /* out %al, $n; iretq */
    n = n + 1
    .endr

    .section .note.GNU-stack, "", @progbits
