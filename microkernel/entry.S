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

        .balign 8
        .globl  trap_devices
trap_devices:
        .set    vector, 0x30
        .rept   VECTOR_TIMER - 0x30
        .balign 8
        push    $(vector - VECTOR_MIDDLE)
        jmp     trap_device
        .set    vector, vector + 1
        .endr

trap_device:
        push    $VECTOR_DEVICE
        jmp     trap_common

        .globl  trap_timer
trap_timer:
        push    $0
        push    $VECTOR_TIMER
        jmp     trap_common

        .globl  trap_wake
trap_wake:
        push    $0
        push    $VECTOR_WAKE
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

/*
 * ec_resume(RDI = ec): after a system call. Only what a message carries has a value.
 *
 * SYSRET to a RIP that is not canonical would fault in the kernel on Intel. SYSCALL left it, and no
 * user page is mapped where the following instruction would not be canonical; other writers of
 * regs.rip check it.
 */
        .globl  ec_resume
ec_resume:
        mov     EC_RIP(%rdi), %rcx
        mov     EC_RFLAGS(%rdi), %r11
        mov     EC_RAX(%rdi), %rax
        mov     EC_RSI(%rdi), %rsi
        mov     EC_RDX(%rdi), %rdx
        mov     EC_R8(%rdi), %r8
        mov     EC_R9(%rdi), %r9
        mov     EC_RSP(%rdi), %rsp
        mov     EC_RDI(%rdi), %rdi
        xor     %ebx, %ebx
        xor     %ebp, %ebp
        xor     %r10d, %r10d
        xor     %r12d, %r12d
        xor     %r13d, %r13d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        sysretq

/* ec_resume_full(RDI = ec): after an interrupt or exception, with all registers. */
        .globl  ec_resume_full
ec_resume_full:
        and     $-CPU_AREA_SIZE, %rsp
        add     $CPU_STACK_TOP, %rsp
        movb    $0, EC_FULL(%rdi)
        push    $USER_SS
        push    EC_RSP(%rdi)
        push    EC_RFLAGS(%rdi)
        push    $USER_CS
        push    EC_RIP(%rdi)
        mov     EC_RAX(%rdi), %rax
        mov     EC_RSI(%rdi), %rsi
        mov     EC_RDX(%rdi), %rdx
        mov     EC_R8(%rdi), %r8
        mov     EC_R9(%rdi), %r9
        mov     EC_R10(%rdi), %r10
        mov     EC_RBX(%rdi), %rbx
        mov     EC_RBP(%rdi), %rbp
        mov     EC_R12(%rdi), %r12
        mov     EC_R13(%rdi), %r13
        mov     EC_R14(%rdi), %r14
        mov     EC_R15(%rdi), %r15
        mov     EC_RCX(%rdi), %rcx
        mov     EC_R11(%rdi), %r11
        mov     EC_RDI(%rdi), %rdi
        iretq

/* stack_restart(RDI = cpu, RSI = ec, RDX = function): the function expects a return address. */
        .globl  stack_restart
stack_restart:
        and     $-CPU_AREA_SIZE, %rsp
        add     $(CPU_STACK_TOP - 8), %rsp
        jmp     *%rdx

/*
 * SYSCALL enters here in the CPU's own window: one frame of code for all CPUs, whose addresses
 * relative to RIP are that CPU's stack and data. So no segment base is needed and GS is the
 * user's. RCX = user RIP, R11 = user RFLAGS, RSP = the user's.
 *
 * What survives a system call goes to the current EC. RSP holds its address for a moment: whatever
 * can interrupt here has a stack of its own.
 */
#define CPU_WINDOW(offset) (entry_page - CPU_ENTRY + (offset))(%rip)

        .macro  enter
        mov     %rsp, CPU_WINDOW(CPU_DATA + CPU_USER_RSP)
        mov     CPU_WINDOW(CPU_DATA + CPU_CURRENT), %rsp
        mov     %rcx, EC_RIP(%rsp)
        mov     %r11, EC_RFLAGS(%rsp)
        mov     CPU_WINDOW(CPU_DATA + CPU_USER_RSP), %rcx
        mov     %rcx, EC_RSP(%rsp)
        mov     %rax, EC_RAX(%rsp)
        mov     %rdi, EC_RDI(%rsp)
        mov     %rsi, EC_RSI(%rsp)
        mov     %rdx, EC_RDX(%rsp)
        mov     %r8, EC_R8(%rsp)
        mov     %r9, EC_R9(%rsp)
        mov     %r10, EC_R10(%rsp)
        mov     %rsp, %rdi
        lea     CPU_WINDOW(CPU_STACK_TOP), %rsp
        .endm

        .section .entry_page, "ax"
        enter
        movzbl  %al, %ecx
        cmp     $1, %ecx                /* CALL and REPLY have a length above the number */
        jbe     4f
        cmp     $ENTRY_SYSCALLS, %rax
        jae     1f
4:      call    *syscall_table(, %rcx, 8)
2:      cmpb    $0, CPU_WINDOW(CPU_DATA + CPU_RESCHEDULE)
        jne     3f
        mov     CPU_WINDOW(CPU_DATA + CPU_CURRENT), %r10
        mov     EC_RIP(%r10), %rcx
        mov     EC_RFLAGS(%r10), %r11
        mov     EC_RDX(%r10), %rdx
        mov     EC_R8(%r10), %r8
        mov     EC_RSP(%r10), %rsp
        xor     %edi, %edi
        xor     %esi, %esi
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        sysretq
1:      mov     $ENTRY_BAD_CALL, %eax
        jmp     2b

/* The same while events are traced. */
        .globl  entry_traced
entry_traced:
        enter
        mov     $syscall_traced, %rax
        call    *%rax
        jmp     2b

/* Somebody more urgent: the program goes on later, with this status, as after an interrupt. */
3:      mov     CPU_WINDOW(CPU_DATA + CPU_CURRENT), %rdi
        mov     %rbx, EC_RBX(%rdi)
        mov     %rbp, EC_RBP(%rdi)
        mov     %r12, EC_R12(%rdi)
        mov     %r13, EC_R13(%rdi)
        mov     %r14, EC_R14(%rdi)
        mov     %r15, EC_R15(%rdi)
        mov     %rax, %rsi
        mov     $syscall_leave, %rax
        jmp     *%rax

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
