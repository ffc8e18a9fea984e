/*
 * Probe: a machine program of known length, which checks the instruction counter (counter.t).
 *
 * It enters long mode with the first 2 MiB mapped one to one and once more at UPPER, and then runs
 * passages whose instructions are counted by hand, with a marker before and after each. Between
 * two markers NN and NN+1 the counter must show exactly what stands in counter.t; the first marker
 * counts, the second does not.
 *
 * The guest of the SVM passage runs on the same page tables, in the same mode (no nested paging).
 */
#define UPPER 0xffff800000000000

#define MSR_EFER         0xc0000080
#define MSR_VM_HSAVE_PA  0xc0010117
#define EFER_LME         0x100
#define EFER_SVME        0x1000

#define marker(number) .byte 0x0f, 0x1f, 0x80, number, 0x00, 0x4b, 0x4d

    .section .multiboot, "ax"
    .balign 4
    .long 0x1badb002, 0, -0x1badb002

    .text
    .code32
    .globl start
start:
    cld
    movl $tables, %edi
    xorl %eax, %eax
    movl $(tables_end - tables) / 4, %ecx
    rep stosl
    movl $(level3 + 3), level4
    movl $(level3 + 3), level4 + 256 * 8
    movl $(level2 + 3), level3
    movl $0x83, level2
    movl $level4, %eax
    movl %eax, %cr3
    movl $0x620, %eax /* PAE, FXSR, exceptions */
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_SVME), %eax
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

    /* 1: straight code in the lower half; 3 instructions after the marker. */
    marker(1)
    nop
    nop
    nop
    marker(2)

    /* 3: the same number of times round a loop: 1 + 100 * 2. */
    marker(3)
    movl $100, %ecx
1:  decl %ecx
    jnz 1b
    marker(4)

    /* 5: every event once, and look-alikes that are none. */
    movl $MSR_EFER, %ecx
    marker(5)
    movq %cr3, %rax
    movq %rax, %cr3
    invlpg scratch
    fxsave area
    fxrstor area
    lock incl scratch
    xchgl %eax, scratch
    xchgl %eax, %ebx
    stmxcsr scratch
    movq %cr0, %rax
    rdmsr
    wrmsr
    inb $0x80, %al
    outb %al, $0x80
    sti
    cli /* still in the shadow of STI: no interrupt comes */
    marker(6)

    /* 7: a string instruction, its iterations and the check that ends it. */
    movl $scratch, %edi
    marker(7)
    movl $16, %ecx
    rep stosb
    marker(8)

    /* 9: up into the upper half and down again; point "upper" is passed there. */
    movabsq $UPPER + upper, %rbx
    marker(9)
    callq *%rbx
    marker(10)

    /* 11: a guest of 5 instructions, twice. */
    movl $MSR_VM_HSAVE_PA, %ecx
    movl $hsave, %eax
    xorl %edx, %edx
    wrmsr
    call vmcb_fill
    movl $vmcb, %eax
    marker(11)
    vmrun
    movq $guest, vmcb + 0x578
    vmrun
    marker(12)

    /* 13, again in the upper half: the longest stretch is the second, begun at "preempt". */
    marker(13)
    callq *%rbx
    movabsq $UPPER + divided, %rbx
    callq *%rbx
    marker(14)

    /* 15, the same by CLI. */
    movabsq $UPPER + windowed, %rbx
    marker(15)
    callq *%rbx
    marker(16)

    /* 17: IRET ends one, also where it returns to the upper half. */
    movabsq $UPPER + returning, %rbx
    marker(17)
    callq *%rbx
    marker(18)

    movl $0x604, %edx /* ACPI power off of QEMU's q35: SLP_EN, S5 */
    movl $0x2000, %eax
    outw %ax, %dx
2:  hlt
    jmp 2b

    .globl upper
upper:
    nop
    nop
    retq

    .globl divided
divided:
    nop
    nop
    .globl preempt
preempt:
    marker(0xff)
    nop
    nop
    nop
    retq

    .globl windowed
windowed:
    nop
    nop
    sti
    .globl closed
closed:
    cli
    nop
    nop
    retq

    .globl returning
returning:
    nop
    movq %rsp, %rax
    pushq $16
    pushq %rax
    pushfq
    pushq $8
    leaq 1f(%rip), %rax
    pushq %rax
    iretq
1:  nop
    nop
    retq

/* A 64-bit guest that differs from its host in RIP only. Offsets: AMD64 APM vol. 2, appendix B. */
vmcb_fill:
    movl $0x3, vmcb + 0x010 /* intercepts: VMRUN, VMMCALL */
    movl $1, vmcb + 0x058   /* ASID */
    movq $guest, vmcb + 0x578
    movl $0x02930010, vmcb + 0x400 /* ES */
    movl $-1, vmcb + 0x404
    movl $0x029b0008, vmcb + 0x410 /* CS */
    movl $-1, vmcb + 0x414
    movl $0x02930010, vmcb + 0x420 /* SS */
    movl $-1, vmcb + 0x424
    movl $0x02930010, vmcb + 0x430 /* DS */
    movl $-1, vmcb + 0x434
    movl $MSR_EFER, %ecx
    rdmsr
    movl %eax, vmcb + 0x4d0
    movq %cr4, %rax
    movq %rax, vmcb + 0x548
    movq %cr3, %rax
    movq %rax, vmcb + 0x550
    movq %cr0, %rax
    movq %rax, vmcb + 0x558
    movq $2, vmcb + 0x570 /* RFLAGS */
    movq $stack_end, vmcb + 0x5d8
    retq

guest:
    nop
    nop
    nop
    nop
    vmmcall

    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

    .bss
    .balign 4096
tables:
level4:
    .skip 4096
level3:
    .skip 4096
level2:
    .skip 4096
tables_end:
vmcb:
    .skip 4096
hsave:
    .skip 4096
area:
    .skip 512
scratch:
    .skip 64
    .skip 1024
stack_end:
