/*
 * The ways in and out of a VM under the real monitor, each so many times between two markers that
 * a counter of instructions sees and that exit from no virtual machine (tests/bench/vm.py, where
 * the paths have their names in the same order). Booted by Multiboot; runs in 64-bit mode, in large
 * pages as Linux' kernel does; ends by the debug-exit port.
 */
#define REPETITIONS  16
#define MARKER_FIRST 0x40 /* before path n: this + 2 * n, and behind it the next one */

#define MSR_APIC_BASE 0x1b
#define MSR_MTRR_TYPE 0x2ff
#define MSR_X2_EOI    0x80b
#define MSR_X2_SVR    0x80f
#define MSR_X2_SELF   0x83f
#define MSR_EFER      0xc0000080
#define EFER_LME      0x100

#define COM1_STATUS 0x3fd
#define DEBUG_EXIT  0xf4
#define LINE        20 /* of the I/O APIC */
#define LINE_PORT   (0x2000 + LINE)
#define IOAPIC      0xfec00000
#define WINDOW      0x10

#define VECTOR_SELF 0x40
#define VECTOR_LINE 0x41

#define UNTOUCHED 0x4000000 /* RAM that nobody has used */

    /* nopl 0x4d4b00NN(%rax), as tests/bench/plugin counts it */
.macro marker number
    .byte 0x0f, 0x1f, 0x80, \number, 0x00, 0x4b, 0x4d
.endm

.macro path number
    movl $REPETITIONS, %r12d
path_\number:
.endm
.macro begin number
    marker (MARKER_FIRST+2*\number)
.endm
.macro end number
    marker (MARKER_FIRST+2*\number+1)
    decl %r12d
    jnz path_\number
.endm

.macro msr_write number, value
    movl $\number, %ecx
    movl $\value, %eax
    xorl %edx, %edx
    wrmsr
.endm

.macro ioapic_write register, value
    movl $\register, (%rbx)
    movl $\value, WINDOW(%rbx)
.endm

    .section .multiboot, "ax"
    .balign 4
    .long 0x1badb002, 0, -0x1badb002

    .text
    .code32
    .globl start
start:
    cld
    movl $0x83, %eax /* 4 GiB in pages of 2 MiB, as they are */
    movl $level2, %edi
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    jnc 1b
    movl $(level2 + 3), level3
    movl $(level2 + 0x1003), level3 + 8
    movl $(level2 + 0x2003), level3 + 16
    movl $(level2 + 0x3003), level3 + 24
    movl $(level3 + 3), level4
    movl $level4, %eax
    movl %eax, %cr3
    movl $0x620, %eax /* PAE, FXSR, exceptions */
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $0x80000011, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $stack_end, %esp

    movl $idt + VECTOR_SELF * 16, %edi
    movl $on_interrupt, %eax
    call gate
    addl $16, %edi
    call gate
    lidt idt_pointer

    movb $0xff, %al /* the PIC is masked */
    outb %al, $0x21
    outb %al, $0xa1
    movl $MSR_APIC_BASE, %ecx
    rdmsr
    orl $0xc00, %eax
    wrmsr
    msr_write MSR_X2_SVR, 0x1ff
    movl $IOAPIC, %ebx
    ioapic_write (0x11+2*LINE), 0
    ioapic_write (0x10+2*LINE), VECTOR_LINE /* an edge */
    movl $1, (%rbx)
    movl $IOAPIC, %r13d
    sti

    path 0
    movl $1, %eax
    xorl %ecx, %ecx
    begin 0
    cpuid
    end 0

    path 1
    movl $MSR_MTRR_TYPE, %ecx
    begin 1
    rdmsr
    end 1

    path 2
    movl $MSR_X2_SELF, %ecx
    movl $VECTOR_SELF, %eax
    xorl %edx, %edx
    begin 2
    wrmsr
    end 2

    path 3
    movw $COM1_STATUS, %dx
    begin 3
    inb %dx, %al
    end 3

    path 4
    begin 4
    movl WINDOW(%r13), %eax
    end 4

    path 5
    movw $LINE_PORT, %dx
    xorl %eax, %eax
    outb %al, %dx
    incl %eax
    begin 5
    outb %al, %dx
    end 5

    path 6
    movl %r12d, %edi
    shll $12, %edi
    begin 6
    movl %eax, UNTOUCHED(%rdi)
    end 6

    xorl %eax, %eax
    outb %al, $DEBUG_EXIT
1:  hlt
    jmp 1b

    /* An interrupt gate at EDI to EAX, which is below 4 GiB. */
gate:
    movw %ax, (%rdi)
    movw $8, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    movl %eax, %edx
    shrl $16, %edx
    movw %dx, 6(%rdi)
    ret

    /* No more than a handler has to do; the registers are nobody's. */
    .balign 16
on_interrupt:
    msr_write MSR_X2_EOI, 0
    iretq

    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt
    .balign 8
idt_pointer:
    .word 256 * 16 - 1
    .quad idt

    .bss
    .balign 4096
level4:
    .skip 4096
level3:
    .skip 4096
level2:
    .skip 4 * 4096
idt:
    .skip 4096
    .skip 4096
stack_end:

    .section .note.GNU-stack, "", @progbits
