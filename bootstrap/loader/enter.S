/*
 * Out of the loader, on every CPU. Registers as ipc/abi/handoff.h says, interrupts off; everything
 * else is cleared, so that the kernel's start cannot come to depend on what the loader left.
 *
 * void kernel_enter(uint64_t entry, struct handoff *handoff, uint32_t index): does not return.
 */
    .text
    .globl kernel_enter
kernel_enter:
    cli
    cld
    movq %rdi, %rax
    movq %rsi, %rdi
    movl %edx, %esi
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %ebp, %ebp
    xorl %esp, %esp
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    jmp *%rax

    .section .note.GNU-stack, "", @progbits
