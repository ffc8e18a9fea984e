/*
 * See fuzz.h. Numbers: CALL 0, REPLY 1, DOWN 3, DESTROY 7, DEPOSIT 11, WITHDRAW 12; selector 8 is
 * F_NEVER.
 */
    .text
    .globl fuzz_echo, fuzz_stuck, fuzz_kill, fuzz_lend
fuzz_stuck:
    mov $3, %eax
    mov $8, %edi
    xor %esi, %esi
    xor %edx, %edx
    syscall
fuzz_echo:
    mov $1, %eax
    syscall
    jmp fuzz_echo

fuzz_kill:
    rdtsc
    shl $32, %rdx
    lea 20000(%rdx, %rax), %rdx
    mov $3, %eax
    mov $8, %edi
    xor %esi, %esi
    syscall
    mov %rsp, %rbx
1:  movzwl %bx, %edi
    test %edi, %edi
    jz fuzz_echo
    mov $7, %eax
    syscall
    shr $16, %rbx
    jmp 1b

fuzz_lend:
    mov %rsp, %rbx
2:  movzwl %bx, %edi
    mov %rbx, %rsi
    shr $16, %rsi
    mov $11, %eax
    syscall
    movzwl %bx, %edi
    mov %rbx, %rsi
    shr $16, %rsi
    mov $12, %eax
    syscall
    jmp 2b

    .section .note.GNU-stack, "", @progbits
