/* Replaces musl's restore.s: where a signal handler would return to. There are none. */
    .text
    .globl __restore_rt
    .hidden __restore_rt
    .type __restore_rt, @function
__restore_rt:
    ud2
    .size __restore_rt, . - __restore_rt

    .section .note.GNU-stack, "", @progbits
