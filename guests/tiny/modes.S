/* One in each mode: computes with the stack and memory, reports, asks for CPUID, halts. */
#include "guest.inc"

#define REPORT 0x1234

    /* 1 + 2 + ... + 100 */
guest real, TINY_REAL
    xor %ax, %ax
    mov $100, %cx
1:
    call 2f
    loop 1b
    mov %ax, TINY_DATA
    mov $REPORT, %dx
    outw %ax, %dx
    mov $0x40000000, %eax
    cpuid
    mov %ebx, TINY_DATA + 4
    hlt
2:
    add %cx, %ax
    ret
done

    /* 12 factorial, by pushes and pops */
.macro factorial
    mov $12, %ecx
1:
    push %ecx
    loop 1b
    mov $1, %eax
    mov $12, %ecx
2:
    pop %edx
    mul %edx
    loop 2b
    mov %eax, TINY_DATA
    mov $REPORT, %dx
    outl %eax, %dx
    mov $0x40000000, %eax
    cpuid
    mov %ebx, TINY_DATA + 4
    hlt
.endm

guest protected, TINY_PROTECTED
    factorial
done

guest paged, TINY_PAGED
    factorial
done

guest pae, TINY_PAE
    factorial
done

    /* 20 factorial, through registers that other modes have not */
guest long, TINY_LONG
    mov $20, %r8d
    mov $1, %eax
1:
    push %r8
    pop %r15
    mul %r15
    dec %r8d
    jnz 1b
    mov %rax, TINY_DATA
    mov $REPORT, %dx
    outl %eax, %dx
    mov $0x40000000, %eax
    cpuid
    mov %rbx, TINY_DATA + 8
    hlt
done

    /* Reports for ever, in one of two places: monitors look at its state and change it. */
guest again, TINY_LONG
1:
    out %al, $0xf0
    jmp 1b
2:
    out %al, $0xf0
    jmp 2b
done

    /* Counts for ever, in memory. */
guest spin16, TINY_REAL
1:
    incl TINY_DATA
    jmp 1b
done

guest spin64, TINY_LONG
1:
    incq TINY_DATA
    jmp 1b
done

    /* Halts, and when it goes on, reports and halts. */
guest sleep, TINY_LONG
    sti
    hlt
    mov $REPORT, %dx
    outl %eax, %dx
    hlt
done

    .section .note.GNU-stack, "", @progbits
