/* Guests that leave for one reason each, in as many ways as there are. */
#include "guest.inc"

#define PORT   0x1234
#define FAR    0x40000 /* guest-physical, where the monitor has mapped nothing or less */
#define FAR2   0x41000
#define FAR3   0x42000

/* Each size, by number and by DX. */
.macro ports
    mov $0x11223344, %eax
    mov $PORT, %dx
    outb %al, $0x80
    outw %ax, $0x80
    outl %eax, $0x80
    outb %al, %dx
    outw %ax, %dx
    outl %eax, %dx
    inb $0x81, %al
    inw $0x81, %ax
    inl $0x81, %eax
    inb %dx, %al
    inw %dx, %ax
    inl %dx, %eax
    hlt
.endm

guest ports16, TINY_REAL
    ports
done

guest ports32, TINY_PAGED
    ports
done

guest ports64, TINY_LONG
    ports
done

.macro strings
    mov $PORT, %dx
    mov $TINY_DATA, %esi
    mov $TINY_DATA, %edi
    mov $3, %ecx
    outsb
    outsw
    outsl
    insb
    insw
    insl
    rep outsb
    rep outsw
    rep outsl
    rep insb
    rep insw
    rep insl
    hlt
.endm

guest strings16, TINY_REAL
    strings
done

guest strings32, TINY_PAE
    strings
done

guest strings64, TINY_LONG
    strings
done

.macro model_specific
    .irp number, 0x1b, 0x10, 0xc0000080, 0xc0000082, 0xc0000100, 0x277, 0x174, 0x12345678
    mov $\number, %ecx
    rdmsr
    mov $0x11223344, %eax
    mov $0x55667788, %edx
    wrmsr
    .endr
    hlt
.endm

guest msrs16, TINY_REAL
    model_specific
done

guest msrs64, TINY_LONG
    model_specific
done

    /* Of its own, with MSR_PASS_ALL: what it writes it reads, and adds up. */
guest msrs_own, TINY_LONG
    xor %r8d, %r8d
    .irp number, 0xc0000100, 0xc0000101, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, \
                 0xc0000102, 0x174, 0x175, 0x176
    mov $\number, %ecx
    lea 0x1000(%ecx), %eax
    and $0xffff, %eax
    xor %edx, %edx
    wrmsr
    xor %eax, %eax
    rdmsr
    add %rax, %r8
    .endr
    mov $0x277, %ecx
    mov $0x00070406, %eax
    mov $0x06070406, %edx
    wrmsr
    rdmsr
    add %rax, %r8
    mov %r8, %rax
    mov $PORT, %dx
    outl %eax, %dx
    hlt
done

guest debug, TINY_LONG
    mov $0x1000, %ebx
    mov %rbx, %dr0
    mov %rbx, %dr1
    mov %rbx, %dr2
    mov %rbx, %dr3
    mov %rbx, %dr6
    mov %rbx, %dr7
    mov %dr0, %rsi
    mov %dr1, %r9
    mov %dr2, %rax
    mov %dr3, %rax
    mov %dr6, %rax
    mov %dr7, %r15
    hlt
done

    /* What exits only if it is asked for. */
.macro asked
    pause
    rdtsc
    mov $PORT, %dx
    outb %al, %dx
    invlpg TINY_DATA
    outb %al, %dx
    hlt
.endm

guest asked16, TINY_REAL
    asked
done

guest asked64, TINY_LONG
    asked
done

guest tscp, TINY_LONG
    lea 1f(%rip), %rsi
    rdtscp
1:
    hlt
done

    /* What always exits. */
guest always, TINY_LONG
    mov $7, %eax
    mov $2, %ecx
    cpuid
    xor %ecx, %ecx
    rdpmc
    invd
    wbinvd
    mov $TINY_DATA, %eax
    xor %ecx, %ecx
    xor %edx, %edx
    monitor
    mwait
    hlt
done

guest always16, TINY_REAL
    cpuid
    xor %ecx, %ecx
    rdpmc
    invd
    wbinvd
    hlt
done

    /* What it may change by itself, then CR0.CD, which it may not. */
guest control, TINY_LONG
    mov %cr3, %rax
    mov %rax, %cr3
    mov $6, %eax
    mov %rax, %cr8
    mov %cr0, %rax
    or $0xa, %eax               /* MP, TS */
    mov %rax, %cr0
    clts
    mov %cr0, %rbx
    lmsw %bx
    mov %cr8, %rcx
    mov %rcx, %r9
    or $0x40000000, %rbx
    mov %rbx, %cr0
    mov %cr0, %r10
    hlt
done

guest lmsw, TINY_REAL
    mov $0x31, %bx
    lmsw %bx
    hlt
done

    /* CR4.OSXSAVE, then XCR0. */
guest xsetbv, TINY_LONG
    mov %cr4, %r11
    or $0x40000, %r11
    mov %r11, %cr4
    xor %ecx, %ecx
    xgetbv
    mov $7, %eax
    xor %edx, %edx
    xsetbv
    hlt
done

    /* CR8 is 9, then a threshold is set, then it is above and below that. */
guest tpr, TINY_LONG
    mov $9, %ebx
    mov %rbx, %cr8
    out %al, $0xf0
    mov $6, %ebx
    mov %rbx, %cr8
    mov $4, %ebx
    mov %rbx, %cr8
    mov %cr8, %rdx
    hlt
done

.macro hypercalls
    mov $0x1111, %eax
    mov $0x2222, %ebx
    mov $0x3333, %ecx
.endm

guest vmcall16, TINY_REAL
    hypercalls
    vmcall
    hlt
done

guest vmcall64, TINY_LONG
    hypercalls
    lea 1f(%rip), %rsi
    vmcall
1:
    hlt
done

guest vmmcall16, TINY_REAL
    hypercalls
    vmmcall
    hlt
done

guest vmmcall64, TINY_LONG
    hypercalls
    lea 1f(%rip), %rsi
    vmmcall
1:
    hlt
done

    /* No IDT: any exception becomes a double fault, and that a triple one. */
guest triple16, TINY_REAL
    mov $1f - 0f, %bx
    call 0f
0:  pop %si
    lidt (%bx, %si)
    ud2
    hlt
1:  .word 0, 0, 0
done

guest triple32, TINY_PAGED
    call 0f
0:  pop %esi
    lidt (1f - 0b)(%esi)
    ud2
    hlt
1:  .word 0, 0, 0
done

guest triple64, TINY_LONG
    lidt 1f(%rip)
    ud2
    hlt
1:  .word 0, 0, 0, 0, 0
done

    /* Reads, writes, writes what can be read only, and executes what cannot be executed. */
.macro physical
    mov FAR, %eax
    mov %eax, FAR
    mov FAR2, %eax
    mov %eax, FAR2
    mov FAR3, %eax
.endm

guest physical32, TINY_PROTECTED
    physical
    mov $FAR3, %eax
    call *%eax
    hlt
done

guest physical_paged, TINY_PAGED
    physical
    mov $FAR3, %eax
    call *%eax
    hlt
done

guest physical_pae, TINY_PAE
    physical
    mov $FAR3, %eax
    call *%eax
    hlt
done

guest physical64, TINY_LONG
    physical
    mov $FAR3, %eax
    call *%rax
    hlt
done

guest physical16, TINY_REAL
    mov $FAR >> 4, %ax
    mov %ax, %ds
    mov 0, %eax
    mov %eax, 0
    mov 0x1000, %eax
    mov %eax, 0x1000
    hlt
done

    /* Through a page table that is not there. */
guest walk32, TINY_PAGED
    movl $FAR + 7, TINY_TABLES + 4
    mov 0x400000, %eax
    hlt
done

guest walk64, TINY_LONG
    movl $FAR + 7, TINY_TABLES + 0x2008
    mov 0x200000, %ebx
    hlt
done

    /* A far jump to another TSS. */
guest task, TINY_PROTECTED
    ljmp $TINY_TASK, $0
    hlt
done

    .section .note.GNU-stack, "", @progbits
