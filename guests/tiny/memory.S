/* Guests that use memory as they are told. */
#include "guest.inc"

    /*
     * Asks what to do by OUT to TINY_ASK, with the result of what was last in RAX, and is told in
     * its registers: RDI which (TINY_DO_*), RBX a linear address, RCX how many pages, RDX a value.
     * Whoever does not want it to go on lets it go to RSI.
     */
guest servant, TINY_LONG
    lea 9f(%rip), %rsi
9:
    mov $TINY_STACK, %esp
    outb %al, $TINY_ASK
    invlpg (%rbx)
    xor %eax, %eax
    lea 1f(%rip), %r8
    movzwl (%r8, %rdi, 2), %r9d
    add %r9, %r8
    jmp *%r8
1:
    .word 2f - 1b, 3f - 1b, 4f - 1b, 5f - 1b, 6f - 1b, 7f - 1b, 8f - 1b
2:                              /* reads */
    mov (%rbx), %rax
    jmp 9b
3:                              /* writes */
    mov %rdx, (%rbx)
    mov %rdx, %rax
    jmp 9b
4:                              /* executes what is there */
    call *%rbx
    jmp 9b
5:                              /* counts there, for ever */
    inc %rdx
    mov %rdx, (%rbx)
    jmp 5b
6:                              /* writes a word of each page, one more in each than in the last */
    mov %rdx, (%rbx)
    inc %rdx
    add $0x1000, %rbx
    dec %ecx
    jnz 6b
    jmp 9b
7:                              /* 3 times the sum so far, plus the word of each page */
    lea (%rax, %rax, 2), %rax
    add (%rbx), %rax
    add $0x1000, %rbx
    dec %ecx
    jnz 7b
    jmp 9b
8:                              /* writes a word of each page in turn, for ever, counting rounds */
    mov %ecx, %r8d
    mov %rbx, %r9
81:
    mov %rdx, (%r9)
    add $0x1000, %r9
    dec %r8d
    jnz 81b
    inc %rdx
    jmp 8b
done

    /*
     * Behaves: fills a page with numbers that follow from the round, adds them up again, counts
     * rounds at TINY_DATA and those that went wrong at TINY_DATA + 8.
     */
guest worker, TINY_LONG
    xor %r8d, %r8d
    xor %r9d, %r9d
1:
    inc %r8
    mov %r8, %rax
    xor %r10d, %r10d
    mov $TINY_WORK, %edi
    mov $512, %ecx
2:
    imul $0x19660d, %rax, %rax
    add $0x3c6ef35f, %rax
    mov %rax, (%rdi)
    add %rax, %r10
    add $8, %edi
    loop 2b
    mov $TINY_WORK, %edi
    mov $512, %ecx
3:
    sub (%rdi), %r10
    push %r10
    pop %r10
    add $8, %edi
    loop 3b
    test %r10, %r10
    jz 4f
    inc %r9
    mov %r9, TINY_DATA + 8
4:
    mov %r8, TINY_DATA
    jmp 1b
done

    .section .note.GNU-stack, "", @progbits
