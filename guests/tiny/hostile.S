/*
 * Guests that do what no guest should: each thing after the other, whatever comes of it. RSI has
 * where to go on; who monitors them lets them go on there (tests/system/evil.h), in the state in
 * which they began, if need be, with the other registers as they are.
 */
#include "guest.inc"

#define NOWHERE   0x100000 /* linear; no memory is there */
#define USER_CODE 0x53     /* selectors that the monitor adds: of 64 or 32 bits */
#define USER_DATA 0x5b
#define MISSING   0x60     /* a segment that is not present */
#define SMALL     0x68     /* of 256 bytes */
#define UNDEFINED (TINY_DATA + 0x100) /* an instruction that is none */

.macro finish
    outb %al, $TINY_FINISH
.endm

.macro step
    lea 7781f(%rip), %rsi
.endm

.macro over
7781:
    mov $TINY_STACK, %esp
.endm

.macro try instruction:vararg
    step
    \instruction
    over
.endm

    /* What VMX and SVM have, the operand in RAX. */
.macro virtual_all
    try .byte 0x0f, 0x01, 0xc0                      /* enclv */
    try vmcall
    try vmlaunch
    try vmresume
    try vmxoff
    try .byte 0xf3, 0x0f, 0xc7, 0x30                /* vmxon (%rax) */
    try .byte 0x0f, 0xc7, 0x30                      /* vmptrld (%rax) */
    try .byte 0x0f, 0xc7, 0x38                      /* vmptrst (%rax) */
    try .byte 0x66, 0x0f, 0xc7, 0x30                /* vmclear (%rax) */
    try .byte 0x0f, 0x78, 0xc3                      /* vmread %rax, %rbx */
    try .byte 0x0f, 0x78, 0x00                      /* vmread %rax, (%rax) */
    try .byte 0x0f, 0x79, 0xc3                      /* vmwrite %rbx, %rax */
    try .byte 0x0f, 0x79, 0x00                      /* vmwrite (%rax), %rax */
    try .byte 0x66, 0x0f, 0x38, 0x80, 0x00          /* invept (%rax), %rax */
    try .byte 0x66, 0x0f, 0x38, 0x81, 0x00          /* invvpid (%rax), %rax */
    try .byte 0x66, 0x0f, 0x38, 0x82, 0x00          /* invpcid (%rax), %rax */
    try .byte 0x0f, 0x01, 0xd4                      /* vmfunc */
    try .byte 0x0f, 0x01, 0xcf                      /* encls */
    try .byte 0x0f, 0x37                            /* getsec */
    try vmrun
    try vmmcall
    try vmload
    try vmsave
    try stgi
    try clgi
    try .byte 0x0f, 0x01, 0xde                      /* skinit */
    try .byte 0x0f, 0x01, 0xdf                      /* invlpga */
    try rsm
.endm

    /* What programs must not do, and what may be strange. */
.macro privileged_all
    try hlt
    try cli
    try invd
    try wbinvd
    try invlpg (%eax)
    try rdmsr
    try wrmsr
    try rdpmc
    try clts
    try lgdt (%eax)
    try lidt (%eax)
    try lldt %ax
    try ltr %ax
    try lmsw %ax
    try str %eax
    try sldt (%eax)
    try sgdt (%eax)
    try mov %ax, %ds
    try mov %ax, %es
    try mov %ax, %fs
    try mov %ax, %gs
    try mov %ax, %ss
    try monitor
    try mwait
    try xgetbv
    try xsetbv
    try xsave (%eax)
    try xrstor (%eax)
    try fxsave (%eax)
    try fxrstor (%eax)
    try cpuid
    try rdtscp
    try pause
    try sysenter
    try sysexitl
    try popf
    try iretl
    try insl
    try outsl
    try lretl
    try .byte 0x0f, 0x05            /* syscall */
    try .byte 0x0f, 0x07            /* sysret */
    try .byte 0x0f, 0x20, 0xc8      /* mov %cr1 */
    try .byte 0x0f, 0x22, 0xc8
    try .byte 0x0f, 0x22, 0xe8      /* %cr5 */
    try .byte 0x0f, 0x23, 0xe0      /* %dr4 */
    try .byte 0x0f, 0x21, 0xe8      /* %dr5 */
    try .byte 0x0f, 0x3f            /* nothing */
    try .byte 0x0f, 0xff, 0x00
    try .byte 0xf0, 0x90            /* lock nop */
    step; .fill 15, 1, 0x66; nop; over /* 16 bytes */
.endm

    /* Each exception, and each INT n. */
guest evil_events, TINY_LONG
    xor %ecx, %ecx
    try div %ecx
    try .byte 0xf1
    step; pushf; orl $0x100, (%rsp); popf; nop; nop; over
    try int3
    try int $4
    try ud2
    step; mov $0x8000000000000000, %rax; mov (%rax), %edx; over
    step; mov $0x8000000000000000, %rbp; mov (%rbp), %edx; over
    step; mov $MISSING, %eax; mov %eax, %fs; over
    step; mov $MISSING, %eax; mov %eax, %ss; over
    try mov 0x400000, %eax
    try mov %eax, NOWHERE
    step; mov $NOWHERE, %eax; jmp *%rax; over
    step; mov %cr0, %rax; or $8, %eax; mov %rax, %cr0; over
    try fninit
    try clts
    step; fninit; push $0; fldcw (%rsp); fldz; fld1; fdivp; fwait; over
    step; mov %cr4, %rax; or $0x600, %eax; mov %rax, %cr4; over
    step; push $0; ldmxcsr (%rsp); xorps %xmm0, %xmm0; divps %xmm0, %xmm0; over
    step; push $0; push $0; lretl; over
    step; push $-1; push $0; push $-1; push $-1; push $0; iretq; over
    step; mov $0x800000000000, %rax; jmp *%rax; over
    step; mov $0x100000000, %rax; jmp *%rax; over
    step; mov $0x100000000, %rax; call *%rax; over
    step; mov $NOWHERE, %esp; push %rax; over
    step; mov $NOWHERE + 8, %esp; ud2; over /* the stack is not there */
    xor %r12d, %r12d
1:  /* this code writes itself */
    lea 2f(%rip), %rsi
    mov %r12b, 3f + 1(%rip)
3:  int $0
2:  mov $TINY_STACK, %esp
    inc %r12d
    cmp $256, %r12d
    jb 1b
    /* What is then found wrong with the IDT. */
    .irp limit, 0, 0xf, 0x1f, 0xdf
    step; push $0; push $\limit; lidt 6(%rsp); ud2; over
    .endr
    step; movq $TINY_DATA, -8(%rsp); movl $0xfff0000, -12(%rsp); lidt -10(%rsp); int $0; over
    step; movq $NOWHERE, -8(%rsp); movl $0xfff0000, -12(%rsp); lidt -10(%rsp); ud2; over
    step; movq $-1, -8(%rsp); movl $0xfff0000, -12(%rsp); lidt -10(%rsp); ud2; over
    step; movq $NOWHERE, -8(%rsp); movl $0xfff0000, -12(%rsp); lgdt -10(%rsp); ud2; over
    step; movq $0, -8(%rsp); movl $0, -12(%rsp); lgdt -10(%rsp); ud2; over
    finish
done

guest evil_virtual, TINY_LONG
    .irp operand, 0, TINY_DATA + 1, NOWHERE, 0x8000000000000000, 0xffffffffffffffff
    mov $\operand, %rax
    mov $\operand, %rbx
    mov $\operand, %rcx
    call 5f
    .endr
    finish
5:
    pop %r14
    virtual_all
    jmp *%r14
done

guest evil_privileged, TINY_LONG
    .irp operand, 0, TINY_DATA + 1, NOWHERE, 0xffffffff
    mov $\operand, %eax
    mov $\operand, %ecx
    mov $\operand, %edx
    call 5f
    .endr
    finish
5:
    pop %r14
    privileged_all
    jmp *%r14
done

    /* The same as a program; with IOPL 3, so that it can say when it is done. */
.macro user
    lea 6f(%rip), %r13
    pushq $USER_DATA
    pushq $TINY_STACK
    pushq $0x3002
    pushq $USER_CODE
    push %r13
    iretq
6:
.endm

guest evil_user, TINY_LONG
    user
    .irp operand, 0, TINY_DATA + 1, NOWHERE
    mov $\operand, %eax
    mov $\operand, %ebx
    mov $\operand, %ecx
    mov $\operand, %edx
    lea 7783f(%rip), %r14
    jmp 5f
7783:
    .endr
    finish
5:
    virtual_all
    privileged_all
    jmp *%r14
done

    /*
     * Each bit of a control register, one at a time, and back. R13 has what it was, RAX what is
     * written: whoever does it for the guest finds it there.
     */
.macro bits write:vararg
    xor %r12d, %r12d
1:
    xor %eax, %eax
    bts %r12, %rax
    xor %r13, %rax
    mov %rax, %rdx
    shr $32, %rdx
    lea 2f(%rip), %rsi
    \write
2:
    mov $TINY_STACK, %esp
    mov %r13, %rax
    mov %r13, %rdx
    shr $32, %rdx
    lea 3f(%rip), %rsi
    \write
3:
    mov $TINY_STACK, %esp
    inc %r12d
    cmp $64, %r12d
    jb 1b
.endm

guest evil_control, TINY_LONG
    mov %cr0, %r13
    bits mov %rax, %cr0
    mov %cr4, %r13
    bits mov %rax, %cr4
    mov $TINY_TABLES, %r13d
    bits mov %rax, %cr3
    xor %r13d, %r13d
    bits mov %rax, %cr8
    bits mov %rax, %cr2
    mov $0x500, %r13d
    mov $0xc0000080, %ecx
    bits wrmsr
    .irp n, 0, 1, 2, 3, 6, 7
    xor %r13d, %r13d
    bits mov %rax, %dr\n
    .endr
    finish
done

guest evil_xcr0, TINY_LONG
    mov %cr4, %r13
    mov %r13, %rax
    or $0x40000, %eax
    try mov %rax, %cr4
    xor %ecx, %ecx
    mov $1, %r13d
    bits xsetbv
    mov $3, %r13d
    bits xsetbv
    mov $7, %r13d
    bits xsetbv
    mov $0xe7, %r13d
    bits xsetbv
    mov $1, %ecx
    bits xsetbv
    mov $-1, %ecx
    bits xsetbv
    finish
done

    /* The same in 32 bits. */
.macro step32
    mov $TINY_CODE + 7782f - 7771b, %esi
.endm

.macro over32
7782:
    mov $TINY_STACK, %esp
.endm

guest evil_segments, TINY_PROTECTED
    step32; bound %eax, TINY_DATA; over32
    step32; mov $0x7f, %al; add %al, %al; into; over32
    step32; .byte 0xd4, 0; over32                       /* aam $0 */
    step32; .byte 0x82, 0, 0; over32
    step32; mov $MISSING, %eax; mov %eax, %ds; over32
    step32; mov $MISSING, %eax; mov %eax, %ss; over32
    step32; mov $SMALL, %eax; mov %eax, %fs; mov %fs:0xff, %al; over32
    step32; mov %fs:0x100, %al; over32
    step32; mov %fs:0xfe, %eax; over32
    step32; mov %fs:0xffffffff, %al; over32
    step32; xor %eax, %eax; mov %eax, %gs; mov %gs:0, %al; over32
    step32; mov $SMALL, %eax; mov %eax, %ss; push %eax; over32
    step32; mov $SMALL, %eax; mov %eax, %es; mov $0x1000, %edi; insb; over32
    step32; rep outsl %fs:(%esi), %dx; over32
    step32; mov $-1, %ecx; mov $TINY_DATA, %edi; rep insb; over32
    step32; mov $TINY_DATA32, %eax; mov %eax, %es; mov $-1, %ecx; xor %edi, %edi; rep insl; over32
    step32; mov $-1, %ecx; mov $NOWHERE, %edi; rep stosl; over32
    step32; mov $-1, %ecx; xor %eax, %eax; mov $TINY_WORK, %edi; rep scasb; over32
    /* Beyond 4 GiB there is 0. */
    step32; mov $-4, %eax; mov 2(%eax), %edx; over32
    step32; mov $-4, %eax; mov (%eax), %edx; over32
    step32; mov $-1, %eax; jmp *%eax; over32
    step32; ljmp $TINY_CODE32, $0xfffffff0; over32
    step32; ljmp $TINY_CODE32, $0xffffffff; over32
    step32; ljmp $TINY_CODE16, $0xfff0; over32
    step32; movw $0x0b0f, UNDEFINED; ljmp $TINY_CODE64, $UNDEFINED; over32
    /* Each selector, as code, as a call, as data, as a task. */
    xor %edi, %edi
1:
    mov %di, TINY_DATA + 4
    movl $UNDEFINED, TINY_DATA
    movw $0x0b0f, UNDEFINED
    step32; ljmp *TINY_DATA; over32
    step32; lcall *TINY_DATA; over32
    step32; mov %edi, %fs; over32
    step32; mov %edi, %ss; over32
    step32; lldt %di; over32
    step32; ltr %di; over32
    step32; lar %edi, %eax; lsl %edi, %eax; verr %di; verw %di; arpl %di, %ax; over32
    add $3, %edi
    cmp $0x120, %edi
    jb 1b
    /* Back to a task that is none, to virtual-8086 mode, and to programs. */
    step32; pushf; orl $0x4000, (%esp); popf; iret; over32
    step32; push $-1; push $-1; push $-1; push $-1; push $-1
    push $-1; push $0x20202; push $0; push $UNDEFINED; iret; over32
    step32; push $0; push $0; push $0; push $0; push $0
    push $TINY_STACK; push $0x23202; push $0; push $UNDEFINED; iret; over32
    step32; push $USER_DATA; push $-1; push $0x7fd7; push $USER_CODE; push $-1; iret; over32
    step32; mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0; over32
    finish
done

    /* Real mode: each INT n, limits, A20, and the way out of it. */
.macro step16
    mov $TINY_CODE + 7783f - 7771b, %esi
.endm

.macro over16
7783:
    xor %ax, %ax
    mov %ax, %ss
    mov $TINY_STACK, %sp
    mov %ax, %ds
    mov %ax, %es
.endm

guest evil_real, TINY_REAL
    xor %edx, %edx
1:
    mov %dl, TINY_CODE + 1 + 2f - 7771b
    step16; jmp 2f; 2: int $0; over16
    inc %edx
    cmp $256, %edx
    jb 1b
    step16; mov 0xffff, %eax; over16
    step16; mov $0x10000, %eax; mov (%eax), %al; over16
    step16; mov $-1, %eax; mov (%eax), %al; over16
    step16; mov $1, %esp; push %ax; over16
    step16; mov $0x10000, %esp; pushl (%esp); over16
    step16; mov $0xffff, %ax; mov %ax, %ds; mov 0x10, %al; over16   /* 1 MiB, not 0 */
    step16; mov $0xffff, %ax; mov %ax, %ds; mov %eax, 0xfffc; over16
    step16; ljmp $0xffff, $0x10; over16
    step16; ljmp $0xf000, $0xfff0; over16
    step16; mov $0xffff, %ax; jmp *%ax; over16
    step16; mov $-1, %ecx; .byte 0x67; rep outsb; over16
    step16; mov $-1, %ecx; mov $0xfff0, %di; rep insl; over16
    step16; mov $-1, %ecx; mov $0xfff0, %di; rep stosl; over16
    step16; push $-1; popf; over16
    step16; pushl $-1; popfl; over16
    step16; pushl $-1; pushl $-1; iretl; over16
    step16; enter $-1, $31; over16
    step16; ud2; over16
    step16; .byte 0x0f, 0x00, 0xd0; over16      /* lldt */
    step16; .byte 0xf0, 0x90; over16
    step16; lidt (%bp); int $0; over16
    step16; lgdt (%bp); mov $1, %eax; lmsw %ax; nop; mov %ax, %ds; over16
    step16; mov $0x11, %eax; mov %eax, %cr0; ljmp $8, $TINY_CODE; over16
    step16; mov $0x80000011, %eax; mov %eax, %cr0; over16
    step16; mov $-1, %eax; mov %eax, %cr4; over16
    step16; mov $-1, %eax; mov %eax, %cr3; over16
    step16; rdmsr; wrmsr; over16
    step16; hlt; over16
    finish
done

    /* RDMSR and WRMSR, of EDI:EDI, of those from EBX to before EBP, which the monitor says. */
guest sweep_msrs, TINY_LONG
1:
    outb %al, $TINY_ASK
    mov %ebp, %r15d
    sub %ebx, %r15d
2:
    mov %ebx, %ecx
    lea 3f(%rip), %rsi
    rdmsr
3:
    mov %edi, %eax
    mov %edi, %edx
    lea 4f(%rip), %rsi
    wrmsr
4:
    inc %ebx
    dec %r15d
    jnz 2b
    jmp 1b
done

    /* Of EBP random numbers each once. */
guest random_msrs, TINY_LONG
1:
    outb %al, $TINY_ASK
2:
    imul $0x19660d, %ebx, %ebx
    add $0x3c6ef35f, %ebx
    mov %ebx, %ecx
    rol $16, %ecx
    lea 3f(%rip), %rsi
    rdmsr
3:
    imul $0x19660d, %ebx, %ebx
    add $0x3c6ef35f, %ebx
    mov %ebx, %ecx
    rol $16, %ecx
    mov %edi, %eax
    mov %edi, %edx
    lea 4f(%rip), %rsi
    wrmsr
4:
    dec %ebp
    jnz 2b
    jmp 1b
done

    /* All ports: IN of one size, OUT of another one. */
.macro ports in, out
    lea 2f(%rip), %rsi
    \in
2:
    lea 3f(%rip), %rsi
    \out
3:
    inc %dx
    jz 9f
.endm

guest sweep_ports, TINY_LONG
    outb %al, $TINY_ASK     /* EDX has the first one, EDI how far the sizes are ahead */
    cmp $1, %edi
    jb 4f
    je 5f
    jmp 6f
4:
    ports "inb %dx, %al", "outw %ax, %dx"
5:
    ports "inw %dx, %ax", "outl %eax, %dx"
6:
    ports "inl %dx, %eax", "outb %al, %dx"
    jmp 4b
9:
    hlt
done

    /* Guests that never come to an end. */
guest shutdown, TINY_LONG
    lidt 1f(%rip)
    ud2
1:  .word 0, 0, 0, 0, 0
done

guest shutdown16, TINY_REAL
    call 0f
0:  pop %bp
    lidt %cs:1f - 0b(%bp)
    int $3
1:  .word 0, 0, 0
done

guest storm, TINY_LONG
1:
    lea 1b(%rip), %rsi
    cpuid
    jmp 1b
done

guest deaf, TINY_LONG
    cli
1:
    incq TINY_DATA
    jmp 1b
done

guest flicker, TINY_LONG
1:
    sti
    cli
    jmp 1b
done

guest strings_huge, TINY_LONG
    cli
1:
    mov $-1, %rcx
    mov $TINY_WORK, %edi
    mov $TINY_WORK, %esi
    std
    mov $0x200, %ecx
    rep movsb
    cld
    mov $TINY_WORK, %edi
    mov $0x1000, %ecx
    rep stosb
    jmp 1b
done

    /* Each delivery of a debug exception writes where the next one does: its stack is fixed. */
guest loop_debug, TINY_LONG
    movb $1, TINY_IDT + 16 + 4              /* IST 1 */
    mov $TINY_STACK - 0x408, %eax
    lea 1f(%rip), %rsi
    mov %rax, %dr0
1:
    mov $0xd0403, %eax                      /* writes of 4 bytes */
    lea 2f(%rip), %rsi
    mov %rax, %dr7
2:
    mov %rax, TINY_STACK - 0x408
3:
    jmp 3b
done

    /* The same with alignment, as a program whose handler is the program's own. */
guest loop_alignment, TINY_PROTECTED
    mov %cr0, %eax
    or $0x40000, %eax
    mov $TINY_CODE + 1f - 7771b, %esi
    mov %eax, %cr0
1:
    mov $TINY_CODE + 3f - 7771b, %eax
    or $USER_CODE << 16, %eax
    mov %eax, TINY_IDT + 17 * 8
    movl $0xee00, TINY_IDT + 17 * 8 + 4
    push $USER_DATA
    push $TINY_STACK - 1
    push $0x40002
    push $USER_CODE
    push $TINY_CODE + 2f - 7771b
    iret
2:
    mov (%esp), %eax
3:
    jmp 3b
done

    .section .note.GNU-stack, "", @progbits
