/*
 * First and last instructions of threads. port_thread_enter: RSP points to the record, which begins
 * with UTCB and thread pointer. port_handler_enter: RSP points to the struct handler, as
 * handler_entry of the runtime wants it, and above that is the thread pointer; all but RCX belongs
 * to the message.
 */
    .text
    .globl port_thread_enter
port_thread_enter:
    mov (%rsp), %rdi
    mov 8(%rdi), %rcx
    wrfsbase %rcx
    xor %ebp, %ebp
    call port_thread_begin
    ud2

    .globl port_handler_enter
port_handler_enter:
    mov 8(%rsp), %rcx
    wrfsbase %rcx
    xor %ebp, %ebp
    jmp handler_entry

/*
 * port_thread_leave(record, base, size): the thread ends, on the page of its UTCB, whose words
 * nobody needs any more, because its stack may go. The end of the UTCB stays as it is: it says that
 * no capability is received.
 */
    .globl port_thread_leave
port_thread_leave:
    mov (%rdi), %rax
    lea 3904(%rax), %rsp        /* struct utcb: item */
    xor %ebp, %ebp
    call port_thread_finish
    ud2

/* port_signal_fatal(signal): the thread stops here, and root tells why (signals.c). */
    .globl port_signal_fatal
    .type port_signal_fatal, @function
port_signal_fatal:
    ud2
    .size port_signal_fatal, . - port_signal_fatal

    .section .note.GNU-stack, "", @progbits
