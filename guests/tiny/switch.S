/* Guests that compare what registers have with what they are to have (switch.h). */
#include "guest.inc"
#include "switch.h"

.macro same operand, register, bit
    cmp \operand, \register
    je 9f
    btsq $\bit, SWITCH_WRONG(%r15)
9:
.endm

guest switch, TINY_LONG
    lea 7f(%rip), %rdi
    fninit
    fildq SWITCH_VALUE(%r15)
    testb $4, SWITCH_XCR0(%r15)
    jz 1f
    vbroadcastsd SWITCH_VALUE(%r15), %ymm7
    vmovapd %ymm7, %ymm15
1:
    /* MSRs that are the guest's own */
    lea SWITCH_TABLE(%r15), %rbx
    xor %ebp, %ebp
2:
    mov (%rbx), %ecx
    test %ecx, %ecx
    jz 4f
    rdmsr
    shl $32, %rdx
    or %rdx, %rax
    cmp 16(%rbx), %rax
    je 3f
    btsq %rbp, SWITCH_WRONG(%r15)
3:
    mov 16(%rbx), %rax
    xor 8(%rbx), %rax
    mov %rax, 16(%rbx)
    mov %rax, %rdx
    shr $32, %rdx
    wrmsr
4:
    add $SWITCH_ROW, %rbx
    inc %ebp
    cmp $SWITCH_ROWS, %ebp
    jb 2b

    /* Segment bases */
    mov SWITCH_VALUE_OF(ROW_FS)(%r15), %rdx
    mov %fs:0, %rax
    same (%rdx), %rax, WRONG_FS
    mov SWITCH_VALUE_OF(ROW_GS)(%r15), %rdx
    mov %gs:0, %rax
    same (%rdx), %rax, WRONG_GS
    swapgs
    mov SWITCH_SPIN(%r15), %rcx
    loop .
    mov SWITCH_VALUE_OF(ROW_KERNEL)(%r15), %rdx
    mov %gs:0, %rax
    same (%rdx), %rax, WRONG_KERNEL
    swapgs

    /* SYSCALL */
    pushfq
    orq $SWITCH_FLAGS, (%rsp)
    popfq
    syscall
    same SWITCH_VALUE_OF(ROW_LSTAR)(%r15), %rax, WRONG_LSTAR
    movzwl SWITCH_VALUE_OF(ROW_STAR) + 4(%r15), %ecx
    same %ecx, %edx, WRONG_STAR
    mov SWITCH_VALUE_OF(ROW_SFMASK)(%r15), %rcx
    not %rcx
    and $SWITCH_FLAGS, %ecx
    and $SWITCH_FLAGS, %r8d
    same %ecx, %r8d, WRONG_SFMASK

    /* Control registers */
    mov %cr2, %rax
    same SWITCH_CR2(%r15), %rax, WRONG_CR2
    xorq $0x1000, SWITCH_CR2(%r15)
    mov SWITCH_CR2(%r15), %rax
    mov %rax, %cr2
    mov %cr4, %rax
    same SWITCH_CR4(%r15), %rax, WRONG_CR4
    mov %cr8, %rax
    same SWITCH_CR8(%r15), %rax, WRONG_CR8
    xorq $2, SWITCH_CR8(%r15)
    mov SWITCH_CR8(%r15), %rax
    mov %rax, %cr8

    /* XCR0, and what it lets be used */
    fistpq SWITCH_WORD(%r15)
    mov SWITCH_WORD(%r15), %rax
    same SWITCH_VALUE(%r15), %rax, WRONG_X87
    cmpb $0, SWITCH_XCR0(%r15)
    je 5f
    xor %ecx, %ecx
    xgetbv
    shl $32, %rdx
    or %rdx, %rax
    same SWITCH_XCR0(%r15), %rax, WRONG_XCR0
    testb $4, SWITCH_XCR0(%r15)
    jz 5f
    vbroadcastsd SWITCH_VALUE(%r15), %ymm0
    vxorpd %ymm0, %ymm7, %ymm1
    vxorpd %ymm0, %ymm15, %ymm2
    vorpd %ymm1, %ymm2, %ymm1
    vptest %ymm1, %ymm1
    jz 5f
    btsq $WRONG_AVX, SWITCH_WRONG(%r15)
5:
    incq SWITCH_VALUE(%r15)
    fildq SWITCH_VALUE(%r15)
    testb $4, SWITCH_XCR0(%r15)
    jz 6f
    vbroadcastsd SWITCH_VALUE(%r15), %ymm7
    vmovapd %ymm7, %ymm15
6:
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, SWITCH_TSC(%r15)
    mov SWITCH_SPIN(%r15), %rcx
    loop .
    incq SWITCH_COUNT(%r15)
    outb %al, $0x80
    jmp 1b
7:
    pushfq
    pop %r8
    mov %cs, %edx
    jmp *%rcx
done

    /* Sets XCR0 from RAX, loads all that it lets be used from R14, stores it to R13 for ever. */
guest xcr0, TINY_LONG
    xor %ecx, %ecx
    xor %edx, %edx
    xsetbv
    mov $-1, %eax
    mov $-1, %edx
    xrstor64 (%r14)
1:
    outb %al, $0x80
    mov $-1, %eax
    mov $-1, %edx
    xsave64 (%r13)
    jmp 1b
done

    /* Writes a word and executes an instruction, where there may be breakpoints. */
guest points, TINY_LONG
    lea SWITCH_RETURN(%r15), %rsi
1:
    incq SWITCH_POINT(%r15)
    nop
    call *%rsi
    mov SWITCH_SPIN(%r15), %rcx
    loop .
    incq SWITCH_COUNT(%r15)
    outb %al, $0x80
    jmp 1b
done

    .section .note.GNU-stack, "", @progbits
