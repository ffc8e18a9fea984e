/*
 * A bare monitor, and the guest whose exits it answers.
 *
 * monitor_entry: an exit comes with RDI = the page (the portal's id), RSI = reason, R8 = RIP, R9 =
 * guest-physical address. It knows how long each instruction of this guest is.
 */
#include "guest_paths.h"

#define RIP       128 /* in struct vcpu_state */
#define STATE_RIP 1
#define REPLY     (1 | 1 << 8) /* one word */

        .text
        .globl  monitor_entry
monitor_entry:
        jmp     *monitor_answers(, %rsi, 8)

        .balign 16
answer_cpuid:
        movq    $0x16, (%rdi)
        movq    $0x756e6547, 24(%rdi)
        movq    $0x6c65746e, 8(%rdi)
        movq    $0x49656e69, 16(%rdi)
        add     $2, %r8
        jmp     resume

        .balign 16
answer_hypercall:
        add     $3, %r8
resume: mov     %r8, RIP(%rdi)
        mov     $STATE_RIP, %esi
        mov     $REPLY, %eax
        syscall
        jmp     *monitor_answers(, %rsi, 8)

        .balign 16
answer_io:
        add     $2, %r8
        jmp     resume

        .balign 16
answer_gpa:
        add     $5, %r8
        jmp     resume

/* RDPMC: all groups in, all groups out, but for the vector state. */
        .balign 16
answer_all:
        add     $2, %r8
        mov     %r8, RIP(%rdi)
        mov     $GROUPS_ALL, %esi
        mov     $REPLY, %eax
        syscall
        jmp     *monitor_answers(, %rsi, 8)

/* WBINVD: an interrupt for the guest. */
        .balign 16
answer_inject:
        add     $2, %r8
        mov     %r8, RIP(%rdi)
        movl    $(0x80000000 + GUEST_VECTOR), INJECTION(%rdi)
        mov     $(STATE_RIP | GROUP_INJECTION), %esi
        mov     $REPLY, %eax
        syscall
        jmp     *monitor_answers(, %rsi, 8)

answer_none:
        ud2

        .section .rodata
        .balign 8
monitor_answers:
        .rept   7
        .quad   answer_none
        .endr
        .quad   answer_hypercall        /* 7 */
        .quad   answer_cpuid
        .quad   answer_none             /* HLT has another handler */
        .quad   answer_none
        .quad   answer_io               /* 11 */
        .rept   4
        .quad   answer_none
        .endr
        .quad   answer_gpa              /* 16 */
        .quad   answer_none
        .quad   answer_inject           /* 18 */
        .quad   answer_none
        .quad   answer_all              /* 20 */
        .rept   4
        .quad   answer_none
        .endr

/*
 * The guest, at guest-physical GUEST_CODE, in 32-bit mode without paging. Each path ends with HLT,
 * whose handler waits until the next one is to be taken, and says where it is.
 */
        .macro  begin
        rdtsc
        mov     %eax, GUEST_BEFORE
        nopl    0x4d4b0021(%eax)
        .endm

        .macro  end
        nopl    0x4d4b0023(%eax)
        rdtsc
        mov     %eax, GUEST_AFTER
        hlt
        .endm

        .macro  path name, instruction:vararg
        .globl  guest_\name
guest_\name:
        begin
        \instruction
        end
        .endm

        .code32
        .globl  guest_begin, guest_end, guest_handler
guest_begin:
        path    vmcall, vmcall
        path    vmmcall, vmmcall
        path    cpuid, cpuid
        path    out, out %al, $0x80
        path    mmio, mov %eax, GUEST_NOTHING
        path    all, rdpmc
        path    touch, mov %eax, GUEST_NOTHING

        .globl  guest_inject
guest_inject:
        sti
        nop
        begin
        wbinvd
        ud2
guest_handler:
        end

/* Another VM's guest waits until this one has halted, which it is told before. */
        .globl  guest_leave, guest_spin
guest_leave:
        begin
        movl    $1, GUEST_FLAG
        hlt
guest_spin:
        cmpl    $0, GUEST_FLAG
        je      guest_spin
        movl    $0, GUEST_FLAG
        end

/* Where a halted guest goes on that another CPU has woken. */
        .globl  guest_wake
guest_wake:
        nopl    0x4d4b0022(%eax)
        hlt
guest_end:
        .code64

        .section .note.GNU-stack, "", @progbits
