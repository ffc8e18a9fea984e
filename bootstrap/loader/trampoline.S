/*
 * The way of every other CPU: from real mode, where the start-up interrupt puts it, to the loop in
 * which it waits until there is a stack for it. cpus.c copies trampoline_size bytes to a frame
 * below 640 KiB and fills in struct trampoline_data there. Only the 16-bit part runs there, on no
 * stack.
 */

#include "kernel_layout.h"

#define MSR_APIC_BASE  0x1b
#define MSR_X2APIC_ID  0x802
#define MSR_EFER       0xc0000080
#define APIC_X2APIC    (1 << 10)
#define LAPIC_ID       0x20

#define LOADER_GDT_SIZE (3 * 8) /* start.S */

    .section .rodata.trampoline, "a"
    .balign 16
    .globl trampoline_start, trampoline_size, trampoline_data_offset
    .code16
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl gdt_pointer - trampoline_start

    /* The boot CPU's registers; PE and PG together lead straight to long mode (APM 2, 14.6.1). */
    movl cr4_value - trampoline_start, %eax
    movl %eax, %cr4
    movl cr3_value - trampoline_start, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl efer_value - trampoline_start, %eax
    xorl %edx, %edx
    wrmsr
    movl cr0_value - trampoline_start, %eax
    movl %eax, %cr0
    ljmpl *(target - trampoline_start)

    /* struct trampoline_data in cpus.c */
    .balign 8
trampoline_data:
cr0_value:
    .long 0
cr3_value:
    .long 0
cr4_value:
    .long 0
efer_value:
    .long 0
gdt_pointer:
    .word LOADER_GDT_SIZE - 1
    .long loader_gdt
target:
    .long cpu_wait
    .word 8
trampoline_end:

    .balign 8
trampoline_size:
    .long trampoline_end - trampoline_start
trampoline_data_offset:
    .long trampoline_data - trampoline_start

/*
 * cpu_claim holds (index << 32 | APIC id) while the CPU with that id may take that index, and 0
 * otherwise. A CPU takes its index by replacing the value that it read with 0; the boot CPU closes
 * the offer in the same way. So one of them wins, an index is taken once, and a CPU that comes late
 * finds 0 or somebody else's id and stops.
 */
    .text
    .code64
cpu_wait:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs

    /* This CPU's id, in the mode that its local APIC is in: what the interrupt was sent to. */
    movl $MSR_APIC_BASE, %ecx
    rdmsr
    testl $APIC_X2APIC, %eax
    jnz 1f
    shlq $32, %rdx
    orq %rdx, %rax
    andq $-4096, %rax
    movl LAPIC_ID(%rax), %ebx
    shrl $24, %ebx
    jmp 2f
1:  movl $MSR_X2APIC_ID, %ecx
    rdmsr
    movl %eax, %ebx

2:  movq cpu_claim, %rax
    testq %rax, %rax
    jz 4f
    cmpl %eax, %ebx
    jne 4f
    movq %rax, %rsi
    xorl %edx, %edx
    lock cmpxchgq %rdx, cpu_claim
    jne 4f
    shrq $32, %rsi

3:  pause
    cmpl %esi, tsc_question     /* tsc.c: what time is it? */
    jne 5f
    lfence
    rdtsc
    movl %eax, tsc_answer
    movl %edx, tsc_answer + 4
    movl $0, tsc_question
5:  cmpl $0, cpus_called
    je 3b

    movq %rsi, %rdi             /* the index; on the stack that the CPU has in the kernel */
    shlq $16, %rsi
    leaq CPU_AREAS + CPU_STACK_TOP(%rsi), %rsp
    xorl %ebp, %ebp
    call cpu_follow             /* prepare.c; does not return */

4:  cli
    hlt
    jmp 4b

    .bss
    .balign 8
    .globl cpu_claim
cpu_claim:
    .skip 8

    .section .note.GNU-stack, "", @progbits
