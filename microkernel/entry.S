/*
 * Interrupts, exceptions, system calls and the way to user mode. Interrupts are off throughout.
 */
#include "layout.h"

/* Exceptions that push an error code themselves (SDM 3A, 6.13): 8, 10-14, 17, 21, 29, 30. */
#define ERROR_CODES 0x60227d00

        .text
        .balign 16
trap_stubs_start:
        .set    vector, 0
        .rept   32
        .balign 16
        .if     !((ERROR_CODES >> vector) & 1)
        push    $0
        .endif
        push    $vector
        jmp     trap_common
        .set    vector, vector + 1
        .endr

        .globl  trap_timer
trap_timer:
        push    $0
        push    $VECTOR_TIMER
        jmp     trap_common

/* Nothing was asked for and nothing is acknowledged (SDM 3A, 10.9). */
        .globl  trap_spurious
trap_spurious:
        iretq

trap_common:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    $2                      /* a gate leaves AC, DF and NT as the user had them */
        popf
        mov     %rsp, %rdi
        call    trap_handle
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rbp
        pop     %rbx
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $16, %rsp
        iretq

/* user_enter(RDI = rip, RSI = argument) */
        .globl  user_enter
user_enter:
        push    $USER_SS
        push    $0                      /* RSP: the program sets its own stack */
        push    $0x202                  /* RFLAGS: interrupts on */
        push    $USER_CS
        push    %rdi
        mov     %rsi, %rdi
        xor     %eax, %eax
        xor     %ebx, %ebx
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %esi, %esi
        xor     %ebp, %ebp
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        xor     %r12d, %r12d
        xor     %r13d, %r13d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        iretq

/*
 * SYSCALL enters here in the CPU's own window: one frame of code for all CPUs, whose addresses
 * relative to RIP are that CPU's stack and data. So no segment base is needed and GS is the
 * user's. RCX = user RIP, R11 = user RFLAGS, RSP = the user's.
 *
 * SYSRET to a RIP that is not canonical faults in the kernel on Intel; RCX is what SYSCALL put
 * there, and no user page is mapped where the following instruction would not be canonical.
 */
#define CPU_WINDOW(offset) (entry_page - CPU_ENTRY + (offset))(%rip)

        .section .entry_page, "ax"
        mov     %rsp, CPU_WINDOW(CPU_DATA)
        lea     CPU_WINDOW(CPU_STACK_TOP), %rsp
        push    %r11
        push    %rcx
        push    %rdi
        push    %rsi
        push    %rdx
        push    %r8
        push    %r9
        push    %r10
        mov     %rdx, %rcx
        mov     %rsi, %rdx
        mov     %rdi, %rsi
        mov     %rax, %rdi
        mov     $syscall_handle, %rax   /* not relative: this code runs at another address */
        call    *%rax
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdx
        pop     %rsi
        pop     %rdi
        pop     %rcx
        pop     %r11
        mov     CPU_WINDOW(CPU_DATA), %rsp
        sysretq

        .section .rodata
        .balign 8
        .globl  trap_stubs
trap_stubs:
        .set    vector, 0
        .rept   32
        .quad   trap_stubs_start + 16 * vector
        .set    vector, vector + 1
        .endr

        .section .note.GNU-stack, "", @progbits
