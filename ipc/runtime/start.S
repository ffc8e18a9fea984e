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

/*
 * RAX = length << 8, RDI = portal, RSI, RDX, R8, R9 = words 0 to 3: they become a struct message on
 * the stack, and what the handler leaves there is the reply. A reply that is too long is
 * replaced by an empty one. Only RSP survives a reply.
 */
    .globl handler_entry
handler_entry:
    mov (%rsp), %rcx
    mov 8(%rcx), %rcx           /* handler->utcb */
    sub $64, %rsp
    mov %rcx, 48(%rsp)
1:  shr $8, %rax
    mov %rdi, 0(%rsp)
    mov %rax, 8(%rsp)
    mov %rsi, 16(%rsp)
    mov %rdx, 24(%rsp)
    mov %r8, 32(%rsp)
    mov %r9, 40(%rsp)
    mov 64(%rsp), %rdi
    mov %rsp, %rsi
    call *16(%rdi)              /* handler->handle */
    mov 8(%rsp), %rax
    shl $8, %rax
    inc %rax                    /* SYSCALL_REPLY */
2:  mov 16(%rsp), %rsi
    mov 24(%rsp), %rdx
    mov 32(%rsp), %r8
    mov 40(%rsp), %r9
    syscall
    test %al, %al
    je 1b
    mov $1, %eax
    jmp 2b

    .section .note.GNU-stack, "", @progbits
