/*
 * Interrupts, exceptions, system calls and the way to user mode. Interrupts are off throughout.
 */
#include "layout.h"

/* Exceptions that push an error code themselves (SDM 3A, 6.13): 8, 10-14, 17, 21, 29, 30. */
#define ERROR_CODES 0x60227d00

#define EXCEPTION 0x0001010000000000 /* what full and vectors_saved add to EC_RUN */
#define GUEST     0x0000020000000000 /* the same of a VCPU */
#define MXCSR 24 /* its place in an XSAVE area (SDM 1, 10.5.1) */

        .macro  save ec, registers:vararg
        .irp    register, \registers
        mov     %\register, EC_\register(\ec)
        .endr
        .endm

        .macro  load ec, registers:vararg
        .irp    register, \registers
        mov     EC_\register(\ec), %\register
        .endr
        .endm

        .macro  clear registers:vararg
        .irp    register, \registers
        xor     %\register, %\register
        .endr
        .endm

#define VECTOR_MIDDLE 0x80 /* so that an interrupt's vector fits a byte with a sign */

/* Entry points of the exceptions, of 16 bytes each, and of the other vectors, of 8. */
        .text
        .balign 16
        .globl  trap_exceptions, trap_interrupts
trap_exceptions:
        .set    vector, 0
        .rept   32
        .balign 16
        .if     !((ERROR_CODES >> vector) & 1)
        push    $0
        .endif
        push    $vector
        jmp     trap_enter
        .set    vector, vector + 1
        .endr
        .balign 8
trap_interrupts:
        .rept   256 - 32
        .balign 8
        push    $(vector - VECTOR_MIDDLE)
        jmp     trap_interrupt
        .set    vector, vector + 1
        .endr

trap_interrupt:
        push    (%rsp)
        addq    $VECTOR_MIDDLE, (%rsp)

/*
 * On the stack: vector, error, and what the processor pushes. The registers go to the current EC,
 * or, if it is the kernel that was interrupted, to a place that the CPU has for this.
 */
trap_enter:
        push    %rsi
        mov     %rsp, %rsi
        and     $-CPU_AREA_SIZE, %rsi
        testb   $3, 32(%rsp)            /* CS */
        jz      trap_within
        mov     CPU_CURRENT(%rsi), %rsi
trap_save:                              /* leaves the flags as they are */
        save    %rsi, rax, rbx, rcx, rdx, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        pop     EC_rsi(%rsi)
        pop     EC_vector(%rsi)
        pop     EC_error(%rsi)
        pop     EC_rip(%rsi)
        pop     %rax                    /* CS */
        pop     EC_rflags(%rsi)
        pop     EC_rsp(%rsi)
        jz      trap_return
        and     $-CPU_AREA_SIZE, %rsp
        lea     CPU_DATA(%rsp), %rdi
        add     $CPU_STACK_TOP, %rsp
        push    $2                      /* a gate leaves AC, DF and NT as the user had them */
        popf
        call    trap_user

trap_within:
        lea     CPU_TRAPPED - EC_REGISTERS(%rsi), %rsi
        jmp     trap_save

/* What the processor pushed is there still, for IRET. */
trap_return:
        sub     $32, %rsp
        mov     %rsi, %rbx
        lea     EC_REGISTERS(%rsi), %rdi
        lea     16(%rsp), %rsi
        push    $2
        popf
        call    trap_kernel
        load    %rbx, rax, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rbx
        iretq

/*
 * ec_resume(RDI = ec): after a system call.
 *
 * SYSRET to a RIP that is not canonical would fault in the kernel on Intel. SYSCALL left it, and no
 * user page is mapped where the following instruction would not be canonical; other writers of
 * regs.rip check it.
 */
        .globl  ec_resume
ec_resume:
        mov     EC_rip(%rdi), %rcx
        mov     EC_rflags(%rdi), %r11
        load    %rdi, rax, rsi, rdx, r8, r9, rsp, rdi
        clear   rbx, rbp, r10, r12, r13, r14, r15
        sysretq

/* ec_resume_full(RDI = ec): after an interrupt or exception, with all registers. */
        .globl  ec_resume_full
ec_resume_full:
        movb    $0, EC_FULL(%rdi)
        push    $USER_SS
        push    EC_rsp(%rdi)
        push    EC_rflags(%rdi)
        push    $USER_CS
        push    EC_rip(%rdi)
        load    %rdi, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rdi
        iretq

/* exit_pass(RDI, RSI, RDX, R8, R9 as the handler gets them, RCX = ec): joins the way of a call. */
        .globl  exit_pass
exit_pass:
        mov     EC_PARTNER(%rcx), %r13
        mov     $(REGISTER_WORDS << 8), %eax
        mov     %rsp, %rcx
        and     $-CPU_AREA_SIZE, %rcx
        add     $(CPU_ENTRY + (pass_exit - entry_page)), %rcx
        jmp     *%rcx

/* stack_restart(RDI = cpu, RSI = ec, RDX = function): the function expects a return address. */
        .globl  stack_restart
stack_restart:
        and     $-CPU_AREA_SIZE, %rsp
        add     $(CPU_STACK_TOP - 8), %rsp
        jmp     *%rdx

/*
 * SYSCALL enters here in the CPU's own window: one frame of code for all CPUs, whose addresses
 * relative to RIP are that CPU's stack and data. So no segment base is needed and GS is the
 * user's. RCX = user RIP, R11 = user RFLAGS, RSP = the user's. Until the main stack is loaded,
 * whatever can interrupt has a stack of its own.
 */
#define CPU_WINDOW(offset) (entry_page - CPU_ENTRY + (offset))(%rip)

/* What survives a system call goes to the current EC. */
        .macro  enter
        mov     %rsp, CPU_WINDOW(CPU_USER_RSP)
        mov     CPU_WINDOW(CPU_CURRENT), %rsp
        mov     %rcx, EC_rip(%rsp)
        mov     %r11, EC_rflags(%rsp)
        mov     CPU_WINDOW(CPU_USER_RSP), %rcx
        mov     %rcx, EC_rsp(%rsp)
        save    %rsp, rax, rdi, rsi, rdx, r8, r9, r10
        mov     %rsp, %rdi
        lea     CPU_WINDOW(CPU_STACK_TOP), %rsp
        .endm

        .section .entry_page, "ax"
        .globl  entry_page
entry_page:
        cmp     $1, %al                 /* CALL and REPLY have a length above the number */
        jb      call_fast
        je      reply_fast
        enter
        cmp     $SYSCALLS, %rax
        jae     5f
4:      call    *syscall_table(, %rax, 8)
2:      cmpb    $0, CPU_WINDOW(CPU_RESCHEDULE)
        jne     3f
        mov     CPU_WINDOW(CPU_CURRENT), %r10
        mov     EC_rip(%r10), %rcx
        mov     EC_rflags(%r10), %r11
        load    %r10, rdx, r8, rsp
        clear   rdi, rsi, r9, r10
        sysretq
5:      mov     $BAD_CALL, %eax
        jmp     2b
slow:   enter
        and     $1, %eax
        jmp     4b

/* The same while events are traced. */
        .globl  entry_traced
entry_traced:
        enter
        mov     $syscall_traced, %rax
        call    *%rax
        jmp     2b

/* Somebody more urgent: the program goes on later, with this status, as after an interrupt. */
3:      mov     CPU_WINDOW(CPU_CURRENT), %rdi
        save    %rdi, rbx, rbp, r12, r13, r14, r15
        mov     %rax, %rsi
        mov     $syscall_leave, %rax
        jmp     *%rax

/*
 * CALL and REPLY of words alone, without a deadline, when nothing is in the way: what ipc_call and
 * ipc_reply do, with the message left in its registers. Until everything is checked only registers
 * change that the caller does not get back, and whatever does not fit goes the slow way. An EC that
 * is on this CPU, in the expected state, and has nothing saved or pending, is one comparison: its
 * fields from cpu to pending are one word (ec.h).
 *
 * RBX = the EC that was running, R13 = the one that is to run, RBP, R10, R12, R14, R15 free.
 */

/* Words that do not fit the registers, each read once; no items. Goes on at `back`. */
        .macro  words_pass back
        cmp     $((LONGEST + 1) << 8), %rax
        jae     slow
        mov     %rsi, %rbp
        mov     %rdi, %r10
        mov     %rcx, %r15
        mov     EC_UTCB(%rbx), %rsi
        mov     EC_UTCB(%r13), %rdi
        add     $(8 * REGISTER_WORDS), %rsi
        add     $(8 * REGISTER_WORDS), %rdi
        mov     %eax, %ecx
        shr     $8, %ecx
        sub     $REGISTER_WORDS, %ecx
        rep movsq
        mov     %rbp, %rsi
        mov     %r10, %rdi
        mov     %r15, %rcx
        jmp     \back
        .endm

/* The handler RBX waits again. */
        .macro  reply_end
        movb    $WAITING, EC_STATE(%rbx)
        movl    $CALLS, EC_ROOM(%rbx)
        movq    $ec_nobody, EC_CALLER(%rbx)
        .endm

/* R13 is to go on instead of RBX, whose registers that survive are still in the CPU. */
        .macro  switch_begin
        movb    $RUNNABLE, EC_STATE(%r13)
        mov     %rcx, EC_rip(%rbx)
        mov     %r11, EC_rflags(%rbx)
        mov     %rsp, EC_rsp(%rbx)
        rdfsbase %rcx
        mov     %rcx, EC_FS_BASE(%rbx)
        rdgsbase %rcx
        mov     %rcx, EC_GS_BASE(%rbx)
        .endm

        .macro  switch_end
        mov     EC_FS_BASE(%r13), %rcx
        wrfsbase %rcx
        mov     EC_GS_BASE(%r13), %rcx
        wrgsbase %rcx
        mov     %r13, CPU_WINDOW(CPU_CURRENT)
        .endm

call_fast:
        test    %r10, %r10
        jnz     slow
        cmp     $TABLE_SELECTORS, %rdi
        jae     slow
        mov     CPU_WINDOW(CPU_CURRENT), %rbx
        mov     EC_PD(%rbx), %rbp
        mov     PD_DIRECTORY(%rbp), %rbp
        mov     %edi, %r12d
        shr     $FRAME_SLOTS_SHIFT, %r12d
        mov     (%rbp, %r12, 8), %rbp
        test    %rbp, %rbp
        jz      slow
        mov     %edi, %r12d
        and     $(FRAME_SLOTS - 1), %r12d
        shl     $SLOT_SHIFT, %r12d
        mov     SLOT_WORD(%rbp, %r12), %r12
        bt      $CALL_BIT, %r12         /* an empty or claimed slot has no rights */
        jnc     slow
        or      high_bits(%rip), %r12
        cmpb    $PORTAL, OBJECT_TYPE(%r12)
        jne     slow
        mov     PT_EC(%r12), %r13
        mov     CPU_WINDOW(CPU_WAITING), %r14
        cmp     %r14, EC_RUN(%r13)
        jne     slow
        mov     EC_ROOM(%rbx), %r14d
        dec     %r14d
        js      slow
        cmp     $((REGISTER_WORDS + 1) << 8), %rax
        jae     6f
5:      mov     %r14d, EC_ROOM(%r13)
        mov     %rbx, EC_CALLER(%r13)
        mov     %r13, EC_PARTNER(%rbx)
        movb    $CALLING, EC_STATE(%rbx)
        mov     PT_ID(%r12), %rdi
        jmp     pass
6:      words_pass 5b

high_bits:
        .quad   0xffff000000000000      /* of the kernel's addresses */

reply_fast:
        mov     CPU_WINDOW(CPU_CURRENT), %rbx
        mov     EC_CALLER(%rbx), %r13
        mov     CPU_WINDOW(CPU_CALLING), %r14
        cmp     %r14, EC_RUN(%r13)
        jne     reply_exception
        cmp     $((REGISTER_WORDS + 1) << 8), %rax
        jae     6f
5:      dec     %rax                    /* STATUS_SUCCESS, and the length */
        reply_end
        xor     %edi, %edi

/* What ec_switch does. */
pass:   switch_begin
        mov     EC_SPACE(%r13), %r14
        cmp     %r14, EC_SPACE(%rbx)
        je      8f

/* Another domain: what space_enter does where the window has no ports and is to have none. */
        mov     CPU_WINDOW(CPU_SHOOT), %rbp
11:     mov     %r14, SHOOT_CURRENT(%rbp)
        cmpb    $0, shoot_others
        jne     9f
7:      mov     CPU_WINDOW(CPU_TAG), %rcx
        mov     SPACE_GENERATION(%r14, %rcx), %r11
        cmp     SHOOT_PLAIN(%rbp), %r11
        jne     enter_slowly
        mov     SPACE_CR3(%r14, %rcx), %rcx
        mov     %rcx, %cr3
        mov     %r14, SHOOT_LOADED(%rbp)
        mov     %rax, %r11
        mov     %rdx, %r12
        mov     $1, %ecx
        xgetbv
        test    %eax, %eax
        jz      10f
        xrstor  initial_vectors         /* those that are in use */
10:     ldmxcsr initial_vectors + MXCSR
        mov     %r11, %rax
        mov     %r12, %rdx

8:      switch_end
        mov     EC_rip(%r13), %rcx
        mov     EC_rflags(%r13), %r11
        mov     EC_rsp(%r13), %rsp
        clear   rbx, rbp, r10, r12, r13, r14, r15
        sysretq
9:      lock orb $0, SHOOT_CURRENT(%rbp) /* a fence */
        jmp     7b

/* Of an exception or exit, whose handler is seldom in another domain than the one loaded. */
pass_exit:
        mov     EC_SPACE(%r13), %r14
        mov     CPU_WINDOW(CPU_SHOOT), %rbp
        cmp     %r14, SHOOT_CURRENT(%rbp)
        je      8b
        jmp     11b
6:      words_pass 5b

/* So far only the space is said to be another one: sched_run does all of it. */
enter_slowly:
        movq    $0, SHOOT_CURRENT(%rbp)
        save    %r13, rax, rdi, rsi, rdx, r8, r9
        lea     CPU_WINDOW(CPU_STACK_TOP - 8), %rsp
        lea     CPU_WINDOW(CPU_DATA), %rdi
        mov     %r13, %rsi
        mov     $sched_run, %rax
        jmp     *%rax

/* The caller had an exception: it goes on with its own registers, whatever the message is. */
reply_exception:
        mov     $EXCEPTION, %r15
        add     %r15, %r14
        cmp     %r14, EC_RUN(%r13)
        jne     reply_guest
        cmp     $((REGISTER_WORDS + 1) << 8), %rax
        jae     slow
        reply_end
        switch_begin
        lea     CPU_WINDOW(CPU_STACK_TOP), %rsp
        switch_end
        mov     EC_SPACE(%r13), %r14
        cmp     %r14, EC_SPACE(%rbx)
        je      5f
        lea     CPU_WINDOW(CPU_DATA), %rdi
        mov     %r13, %rsi
        mov     $space_enter, %rax
        call    *%rax
5:      mov     $-1, %eax
        mov     %eax, %edx
        movaps  %xmm0, %xmm0            /* vectors_touch */
        xrstor  EC_VECTORS(%r13)
        movb    $0, EC_SAVED(%r13)
        mov     %r13, %rdi
        mov     $ec_resume_full, %rax
        jmp     *%rax

/* The caller is a VCPU, whose exit was handled: RSI = what has changed of its state. */
reply_guest:
        mov     $(GUEST - EXCEPTION), %r15
        add     %r15, %r14
        cmp     %r14, EC_RUN(%r13)
        jne     slow
        lea     -(1 << 8)(%rax), %r15
        cmp     $(REGISTER_WORDS << 8), %r15
        jae     slow
        cmp     $STATES, %rsi
        ja      slow
        reply_end
        switch_begin
        lea     CPU_WINDOW(CPU_STACK_TOP), %rsp
        mov     %r13, CPU_WINDOW(CPU_CURRENT)
        mov     %r13, %rdi
        mov     $vcpu_replied, %rax
        call    *%rax

        .section .note.GNU-stack, "", @progbits
