/* Guests that go on for ever, for those who interrupt, stop, move and destroy them. */
#include "guest.inc"

#define KNOCK 0x80 /* port */

    /* Counts, with interrupts on. */
guest spinner, TINY_LONG
    sti
1:
    incq TINY_DATA
    jmp 1b
done

    /* Halts again and again, with interrupts on, and counts how often it went on. */
guest sleeper, TINY_LONG
1:
    sti
    hlt
    incq TINY_DATA
    jmp 1b
done

    /*
     * Knocks at a port, counts, and counts beside that how often a register was not what it was
     * before. It has only values in its registers that nobody else has.
     */
guest knocker, TINY_LONG
    mov $0x1111000000000001, %rax
    mov $0x2222000000000002, %rbx
    mov $0x3333000000000003, %rcx
    mov $0x4444000000000004, %rdx
    mov $0x5555000000000005, %rsi
    mov $0x6666000000000006, %rdi
    mov $0x7777000000000007, %rbp
    mov $0x0888000000000008, %r8
    mov $0x0999000000000009, %r9
    mov $0x0aaa00000000000a, %r10
    mov $0x0bbb00000000000b, %r11
    mov $0x0ccc00000000000c, %r12
    mov $0x0ddd00000000000d, %r13
    mov $0x0eee00000000000e, %r14
    mov $0x0fff00000000000f, %r15
1:
    outb %al, $KNOCK
    push %r15
    .macro same register, value
    mov $\value, %r15
    cmp %r15, \register
    setne %r15b
    movzbl %r15b, %r15d
    add %r15, TINY_DATA + 8
    .endm
    same %rax, 0x1111000000000001
    same %rbx, 0x2222000000000002
    same %rcx, 0x3333000000000003
    same %rdx, 0x4444000000000004
    same %rsi, 0x5555000000000005
    same %rdi, 0x6666000000000006
    same %rbp, 0x7777000000000007
    same %r8, 0x0888000000000008
    same %r9, 0x0999000000000009
    same %r10, 0x0aaa00000000000a
    same %r11, 0x0bbb00000000000b
    same %r12, 0x0ccc00000000000c
    same %r13, 0x0ddd00000000000d
    same %r14, 0x0eee00000000000e
    pop %r15
    push %r14
    mov $0x0fff00000000000f, %r14
    cmp %r14, %r15
    setne %r14b
    movzbl %r14b, %r14d
    add %r14, TINY_DATA + 8
    lea 8(%rsp), %r14
    cmp $TINY_STACK, %r14
    setne %r14b
    movzbl %r14b, %r14d
    add %r14, TINY_DATA + 8
    pop %r14
    incq TINY_DATA
    jmp 1b
done

    /* An exit in the shadow of STI, then, with interrupts on, another one. */
guest shadow, TINY_LONG
    sti
    outb %al, $KNOCK
    outb %al, $KNOCK + 1
    hlt
done

/*
 * Computes until it has made as many steps as it is told, over memory and through general, SSE and
 * x87 registers, whose control words are not the usual ones; each step needs all that the steps
 * before it left there. Then it writes everything down, and knocks. CR4 must have OSFXSR.
 */
#define STEPS  (TINY_DATA)         /* made */
#define LIMIT  (TINY_DATA + 8)     /* to be made */
#define WORD   (TINY_DATA + 16)
#define BUFFER (TINY_DATA + 0x100) /* 128 words */
#define RESULT (TINY_DATA + 0x800)

guest reckoner, TINY_LONG
    fninit
    movl $0x0b7f, WORD              /* x87: towards plus infinity */
    fldcw WORD
    movl $0x7f80, WORD              /* SSE: towards zero */
    ldmxcsr WORD
    fldpi
    fldln2
    fldl2e
    fld1
    mov $0x9e3779b97f4a7c15, %r8
    .irp register, r9, r10, r11, r12, r13, r14, r15, rbx, rbp, rdi, rsi, rdx
    imul $0x1003f, %r8, %\register
    xor %\register, %r8
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    imul $0x1003f, %r8, %rax
    xor %rax, %r8
    movq %rax, %xmm\n
    .endr
    xorps %xmm15, %xmm15
1:
    mov %r8, %rax
    shl $13, %rax
    xor %rax, %r8
    mov %r8, %rax
    shr $7, %rax
    xor %rax, %r8
    mov %r8, %rax
    shl $17, %rax
    xor %rax, %r8
    add %r8, %r9
    adc %r9, %r10
    adc %r10, %r11
    rcl $5, %r11
    adc %r11, %r12
    xor %r12, %r13
    lea 7(%r13, %r14, 2), %r14
    add %r14, %r15
    adc %r15, %rbx
    adc %rbx, %rbp
    xor %rbp, %rdi
    rol $11, %rdi
    add %rdi, %rsi
    adc %rsi, %rdx

    mov %edx, %ecx
    and $127, %ecx
    add %rsi, BUFFER(, %rcx, 8)
    adc BUFFER(, %rcx, 8), %r9

    movq %rdx, %xmm0
    paddq %xmm0, %xmm1
    pxor %xmm1, %xmm2
    paddq %xmm2, %xmm3
    pxor %xmm3, %xmm4
    paddq %xmm4, %xmm5
    pshufd $0x93, %xmm5, %xmm5
    pxor %xmm5, %xmm6
    paddq %xmm6, %xmm7
    pxor %xmm7, %xmm8
    paddq %xmm8, %xmm9
    pshufd $0x39, %xmm9, %xmm9
    pxor %xmm9, %xmm10
    paddq %xmm10, %xmm11
    pxor %xmm11, %xmm12
    paddq %xmm12, %xmm13
    pxor %xmm13, %xmm14
    cvtsi2sdq %r10, %xmm0
    addsd %xmm0, %xmm15
    movq %xmm14, %rax
    xor %rax, %r13

    mov %r11, WORD
    fildq WORD
    fadd %st(1), %st
    fstp %st(1)
    fxch %st(1)
    fxch %st(2)
    fxch %st(3)

    incq STEPS
    mov STEPS, %rax
    cmp LIMIT, %rax
    jb 1b

    at = 0
    .irp register, r8, r9, r10, r11, r12, r13, r14, r15, rbx, rbp, rdi, rsi, rdx, rsp
    mov %\register, RESULT + at
    at = at + 8
    .endr
    at = 0x100
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, RESULT + at
    at = at + 16
    .endr
    fnstcw RESULT + 0x200
    fnstsw RESULT + 0x208
    stmxcsr RESULT + 0x210
    fstpt RESULT + 0x220
    fstpt RESULT + 0x230
    fstpt RESULT + 0x240
    fstpt RESULT + 0x250
    outb %al, $KNOCK
    hlt
done

    .section .note.GNU-stack, "", @progbits
