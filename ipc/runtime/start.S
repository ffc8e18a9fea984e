/*
 * First instructions of threads and handlers (thread.h). RSP is 16-byte aligned and points to the
 * address of the struct.
 */
    .text
    .globl thread_entry
thread_entry:
    mov (%rsp), %rdi
    xor %ebp, %ebp
    call thread_run
    ud2

/* RAX = length << 8, RDI = portal, RSI, RDX, R8, R9 = words 0 to 3: they become struct message. */
    .globl handler_entry
handler_entry:
    shr $8, %rax
    sub $64, %rsp
    mov %rdi, 0(%rsp)
    mov %rax, 8(%rsp)
    mov %rsi, 16(%rsp)
    mov %rdx, 24(%rsp)
    mov %r8, 32(%rsp)
    mov %r9, 40(%rsp)
    mov 64(%rsp), %rdi
    mov %rsp, %rsi
    xor %ebp, %ebp
    call handler_serve
    ud2

    .section .note.GNU-stack, "", @progbits
