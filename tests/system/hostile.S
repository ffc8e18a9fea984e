/*
 * See hostile.h. UD2 stands behind each piece of code: what does not fault as it should is found
 * there, with another RIP. Where an emulator leaves an exception out, UD is one of its vectors.
 */
#include "../../microkernel/layout.h"

#define DE (1 << 0)
#define DB (1 << 1)
#define BP (1 << 3)
#define OF (1 << 4)
#define UD (1 << 6)
#define SF (1 << 12)
#define GP (1 << 13)
#define PF (1 << 14)
#define MF (1 << 16)
#define AC (1 << 17)
#define XM (1 << 19)

#define HOLE 0x0000800000000000
#define FLAG_TF 0x100
#define FLAG_NT 0x4000
#define FLAG_AC 0x40000
#define BAD_NUMBER 0xdead

.macro row vectors, begin, rip
    .pushsection .rodata.hostile, "a"
    .quad \begin, \rip, \vectors
    .popsection
.endm

/* An instruction that faults. */
.macro one vectors, instruction:vararg
    row "\vectors", 771f, 771f
771:
    \instruction
    ud2
.endm

/* Several, before the one that faults. */
.macro after vectors, first:vararg
    row "\vectors", 772f, 773f
772:
    \first
.endm

.macro fault instruction:vararg
773:
    \instruction
    ud2
.endm

/* Several, of which it is not known which one is named. */
.macro somewhere vectors
    row "\vectors", 774f, 0
774:
.endm

.macro flags_set value
    pushfq
    orq $\value, (%rsp)
    popfq
.endm

    .section .rodata.hostile, "a"
    .balign 8
    .globl hostile_begin
hostile_begin:

    .text
    .globl hostile_stop
hostile_stop:
    ud2

    /* Privileged instructions. */
    one GP, hlt
    one GP, cli
    one GP, sti
    one GP, lgdt data(%rip)
    one GP, lidt data(%rip)
    one GP, lldt %ax
    one GP, ltr %ax
    one GP, lmsw %ax
    one GP, clts
    one GP, invlpg (%rax)
    one GP, invd
    one GP, wbinvd
    one GP, swapgs
    one GP, sysretq
    one GP, sysretl
    one UD|GP, sysexitl
    one GP, rdpmc
    one GP, rdmsr
    one GP, wrmsr
    after GP, mov $0xc0000080, %ecx
    fault rdmsr
    after GP, mov $0xc0000082, %ecx
    fault wrmsr
    after GP, mov $0xc0000100, %ecx
    fault wrmsr
    one GP, xsetbv
    one UD|GP, monitor
    one UD|GP, mwait
    one UD|GP, invpcid (%rax), %rax
    one UD|GP, xsaves data(%rip)
    one UD|GP, xrstors data(%rip)
    one UD|GP, rsm
    one UD|GP, .byte 0x0f, 0x37             /* GETSEC */
    one UD|GP, .byte 0x0f, 0x01, 0xcf       /* ENCLS */
    one UD|GP, .byte 0x0f, 0x01, 0xd7       /* ENCLU */
    one UD, clac
    one UD, stac
    one UD|GP, .byte 0x0f, 0x01, 0xee       /* RDPKRU: protection keys are off */
    one UD|GP, .byte 0x0f, 0x01, 0xef       /* WRPKRU */

    /* Virtual machines. */
    one UD|GP, vmcall
    one UD|GP, vmmcall
    one UD|GP, vmrun
    one UD|GP, vmload
    one UD|GP, vmsave
    one UD|GP, stgi
    one UD|GP, clgi
    one UD|GP, skinit
    one UD|GP, invlpga
    one UD|GP, vmxon data(%rip)
    one UD|GP, vmxoff
    one UD|GP, vmlaunch
    one UD|GP, vmresume
    one UD|GP, vmclear data(%rip)
    one UD|GP, vmptrld data(%rip)
    one UD|GP, vmread %rax, %rax
    one UD|GP, vmwrite %rax, %rax
    one UD|GP, invept data(%rip), %rax
    one UD|GP, invvpid data(%rip), %rax
    one UD|GP, .byte 0x0f, 0x01, 0xd4       /* VMFUNC */

    /* I/O without a port. */
    one GP, in $0x60, %al
    one GP, in $0x60, %ax
    one GP, in $0x60, %eax
    one GP, out %al, $0x80
    one GP, in %dx, %al
    one GP, in %dx, %eax
    one GP, out %al, %dx
    one GP, out %eax, %dx
    after GP, mov $0xffff, %edx
    fault in %dx, %al
    after GP, mov $0xfff8, %edx
    fault in %dx, %al
    after GP, mov $0xfffe, %edx
    fault in %dx, %eax
    after GP, lea data(%rip), %rsi
    fault outsb
    after GP, lea data(%rip), %rdi
    fault insb
    after GP, mov $0x3f8, %edx
    fault out %al, %dx

    /* Segments that are none, or the kernel's. */
    one GP, mov %eax, %ss
    after GP, mov $USER_CS, %eax
    fault mov %eax, %ss
    after GP, mov $KERNEL_CS, %eax
    fault mov %eax, %ds
    after GP, mov $KERNEL_CS, %eax
    fault mov %eax, %fs
    after GP, mov $TSS_SELECTOR, %eax
    fault mov %eax, %gs
    after GP, mov $0xfff8, %eax
    fault mov %eax, %es
    after GP, mov $4, %eax                  /* of a local table, and there is none */
    fault mov %eax, %es
    one UD, .byte 0x8e, 0xc8                /* MOV to CS */
    one UD, .byte 0x06                      /* PUSH ES */
    one UD, .byte 0xce                      /* INTO */
    one UD, .byte 0x62, 0x00, 0x00, 0x00, 0x00, 0x00
    one GP, lcall *kernel_pointer(%rip)
    one GP, ljmp *tss_pointer(%rip)

    /* Returns: under SMAP, QEMU does not let a program's read its own stack. */
    somewhere GP|PF
    pushq $KERNEL_CS
    pushq $hostile_stop
    lretq
    ud2
    somewhere GP|PF
    pushq $USER_CS
    mov $HOLE, %rax
    push %rax
    lretq
    ud2
    somewhere GP|PF
    pushq $0
    pushq $0
    pushq $0x202
    pushq $KERNEL_CS
    pushq $hostile_stop
    iretq
    ud2
    somewhere GP|PF
    pushq $USER_SS
    pushq $0
    pushq $0x202
    pushq $USER_CS
    mov $HOLE, %rax
    push %rax
    iretq
    ud2
    somewhere GP|PF
    flags_set FLAG_NT
    pushq $USER_SS
    pushq $0
    pushq $0x202
    pushq $USER_CS
    pushq $hostile_stop
    iretq
    ud2
    somewhere UD|PF                         /* a right one: IF, IOPL and VM are not the program's */
    mov %rsp, %rax
    pushq $USER_SS
    push %rax
    pushq $0x23002
    pushq $USER_CS
    pushq $hostile_stop
    iretq
    ud2

    /* Stacks and addresses. */
    after SF|GP, mov $HOLE + 8, %rsp
    fault push %rax
    after SF|GP, mov $HOLE, %rsp
    fault pop %rax
    after SF|GP, mov $HOLE + 8, %rsp
    fault call hostile_stop
    after SF|GP, mov $HOLE, %rbp
    fault mov %rax, (%rbp)
    after PF, xor %esp, %esp
    fault push %rax
    after PF, mov $KERNEL_IMAGE, %rsp
    fault push %rax
    after PF, mov $KERNEL_IMAGE, %rsp
    fault pop %rax
    after GP, mov $HOLE, %rax
    fault mov (%rax), %eax
    after GP, mov $HOLE, %rax
    fault lock incq (%rax)
    after GP|SF, mov $1, %rax
    shl $63, %rax
    fault cmpxchg16b (%rax)
    somewhere GP                            /* at the jump, or where it leads */
    mov $HOLE, %rax
    jmp *%rax
    somewhere GP
    mov $HOLE, %rax
    push %rax
    ret
    somewhere GP
    mov $-1, %rax
    shl $47, %rax
    dec %rax
    jmp *%rax
    somewhere PF
    mov $KERNEL_IMAGE, %rax
    jmp *%rax
    somewhere PF|GP                         /* the last byte of the lower half */
    mov $HOLE - 1, %rax
    jmp *%rax
    somewhere PF|UD
    mov $KERNEL_IMAGE, %rax
    clflush (%rax)
    ud2
    one GP|PF, xsave64 data + 1(%rip)
    after GP, lea data(%rip), %rax
    fault movaps 1(%rax), %xmm0
    somewhere GP|UD
    pushq $-1
    ldmxcsr (%rsp)
    ud2

    /* Exceptions that a program may have. */
    one DE, div %ecx
    after DE, mov $1, %ecx
    neg %ecx
    mov $1, %eax
    shl $31, %eax
    cltd
    fault idiv %ecx
    one UD, ud2
    one UD, .byte 0x0f, 0xff                /* UD0 */
    one UD, .byte 0xd6
    one UD, .byte 0xf0, 0x90              /* LOCK NOP */
    somewhere BP
    int3
    ud2
    somewhere OF
    int $4
    ud2
    somewhere DB|UD
    .byte 0xf1                              /* INT1 */
    ud2
    somewhere DB
    flags_set FLAG_TF
    nop
    nop
    ud2
    somewhere MF
    fninit
    pushq $0x37b
    fldcw (%rsp)
    fld1
    fldz
    fdivrp %st, %st(1)
    fwait
    ud2
    somewhere XM|UD
    pushq $0x1d80
    ldmxcsr (%rsp)
    mov $1, %eax
    cvtsi2sd %eax, %xmm0
    pxor %xmm1, %xmm1
    divsd %xmm1, %xmm0
    ud2
    somewhere AC|UD
    flags_set FLAG_AC
    mov data + 1(%rip), %eax
    ud2

    /* SYSCALL from odd states. */
    somewhere UD
    mov $HOLE, %rsp
    mov $BAD_NUMBER, %eax
    syscall
    ud2
    somewhere DB
    mov $BAD_NUMBER, %eax
    flags_set FLAG_TF
    syscall
    nop
    ud2
    somewhere DB
    mov $BAD_NUMBER, %eax
    mov %ss, %ecx
    flags_set FLAG_TF
    mov %ecx, %ss
    syscall
    nop
    ud2
    somewhere BP|DB
    mov %ss, %ecx
    flags_set FLAG_TF
    mov %ecx, %ss
    int3
    ud2
    somewhere UD
    flags_set (FLAG_NT | FLAG_AC | 0x400)
    mov $BAD_NUMBER, %eax
    syscall
    ud2
    somewhere UD|GP
    sysenter
    ud2
    somewhere UD|GP
    int $0x80
    ud2

    .section .rodata.hostile, "a"
    .globl hostile_end
hostile_end:

    .section .rodata
    .balign 16
kernel_pointer:
    .long hostile_stop
    .word KERNEL_CS
    .balign 16
tss_pointer:
    .long 0
    .word TSS_SELECTOR

    .data
    .balign 64
data:
    .skip 64

    .section .note.GNU-stack, "", @progbits
