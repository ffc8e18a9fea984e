/*
 * From the boot loader into 64-bit C.
 *
 * A Multiboot loader enters at loader_start32 in 32-bit protected mode with paging off, EAX = its
 * magic number and EBX = the address of its information (Multiboot 0.6.96, 3.2; Multiboot 2.0,
 * 3.3). Both headers stand in the first 8 KiB of the file. The low 4 GiB are mapped one to one.
 */

#define MULTIBOOT1_MAGIC 0x1badb002
#define MULTIBOOT1_FLAGS 0x00000003 /* modules on pages; memory map wanted */

#define MULTIBOOT2_MAGIC      0xe85250d6
#define MULTIBOOT2_I386       0
#define TAG_END               0
#define TAG_MODULES_ON_PAGES  6

#define PAGE_PRESENT_WRITE 0x003
#define PAGE_LARGE         0x083 /* present, writable, 2 MiB */

#define EFLAGS_ID    (1 << 21)
#define CPUID_LONG   (1 << 29) /* 0x80000001 EDX */
#define CPUID_NX     (1 << 20) /* 0x80000001 EDX */
#define MSR_EFER     0xc0000080
#define EFER_LME     (1 << 8)
#define EFER_NXE     (1 << 11)
#define CR0_PG_WP    0x80010000
#define CR4_PAE      (1 << 5)

#define COM1       0x3f8
#define POLLS_MAX  1000000
#define SCREEN     0xb8000
#define STACK_SIZE 16384

    .section .multiboot, "a"
    .balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long MULTIBOOT2_I386
    .long multiboot2_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + MULTIBOOT2_I386 + (multiboot2_end - multiboot2_header))
    .word TAG_MODULES_ON_PAGES, 0
    .long 8
    .word TAG_END, 0
    .long 8
multiboot2_end:
    .balign 4
    .long MULTIBOOT1_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)

    .section .text.start32, "ax"
    .code32
    .globl loader_start32
loader_start32:
    cli
    cld
    movl $stack_top, %esp
    movl %eax, %ebp             /* magic number */
    movl %ebx, %esi             /* information */

    /* CPUID is there if software can flip EFLAGS.ID (SDM 1, 20.1.2). */
    pushfl
    popl %eax
    movl %eax, %ecx
    xorl $EFLAGS_ID, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    xorl %ecx, %eax
    testl $EFLAGS_ID, %eax
    jz no_long_mode

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    testl $CPUID_LONG, %edx
    jz no_long_mode
    movl %edx, %edi             /* extended features, for NX below */

    /* One table of each upper level, four page directories of 2 MiB pages. */
    movl $pdpt + PAGE_PRESENT_WRITE, loader_pml4
    movl $pdpt, %eax
    movl $loader_page_directories + PAGE_PRESENT_WRITE, %ecx
1:  movl %ecx, (%eax)
    addl $8, %eax
    addl $4096, %ecx
    cmpl $pdpt + 4 * 8, %eax
    jb 1b
    movl $loader_page_directories, %eax
    movl $PAGE_LARGE, %ecx
2:  movl %ecx, (%eax)
    addl $8, %eax
    addl $0x200000, %ecx
    cmpl $loader_page_directories + 4 * 4096, %eax
    jb 2b

    /* Long mode (SDM 3A, 10.8.5). */
    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $loader_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    testl $CPUID_NX, %edi
    jz 3f
    orl $EFER_NXE, %eax
3:  wrmsr
    movl %cr0, %eax
    orl $CR0_PG_WP, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $start64

/*
 * The refusal, in 32-bit code because there is no other. A CPU without long mode has a BIOS and
 * a VGA text screen, whose first two rows get the same text.
 */
no_long_mode:
    movw $COM1 + 1, %dx         /* no interrupts; 115200 baud, 8N1; FIFO */
    xorl %eax, %eax
    outb %al, %dx
    movw $COM1 + 3, %dx
    movb $0x80, %al
    outb %al, %dx
    movw $COM1, %dx
    movb $1, %al
    outb %al, %dx
    movw $COM1 + 1, %dx
    movb $0, %al
    outb %al, %dx
    movw $COM1 + 3, %dx
    movb $3, %al
    outb %al, %dx
    movw $COM1 + 2, %dx
    movb $7, %al
    outb %al, %dx

    movl $refusal, %esi
    call serial_text
    movl $refusal, %esi
    movl $SCREEN, %edi
    call screen_row
    movl $exit_line, %esi
    call serial_text
    movl $exit_line, %esi
    movl $SCREEN + 160, %edi
    call screen_row
4:  cli
    hlt
    jmp 4b

/* The NUL-terminated text at ESI on COM1, with its end of line. */
serial_text:
    lodsb
    testb %al, %al
    jz 7f
    movb %al, %bl
    movl $POLLS_MAX, %ecx
    movw $COM1 + 5, %dx
5:  inb %dx, %al
    testb $0x20, %al
    jnz 6f
    decl %ecx
    jnz 5b
6:  movb %bl, %al
    movw $COM1, %dx
    outb %al, %dx
    jmp serial_text
7:  ret

/* The text at ESI, up to its end of line, in the screen row at EDI, white on black. */
screen_row:
    movl $80, %ecx
8:  movb (%esi), %al
    cmpb $' ', %al
    jb 9f
    incl %esi
    jmp 10f
9:  movb $' ', %al
10: movb $0x0f, %ah
    stosw
    loop 8b
    ret

    .code64
start64:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movl $stack_top, %esp
    movl %ebp, %edi
    movl %esi, %esi
    xorl %ebp, %ebp
    call loader_main            /* does not return */

    .section .rodata.start, "a"
    .balign 8
    .globl loader_gdt
loader_gdt:
    .quad 0
    .quad 0x00209b0000000000    /* 64-bit code */
    .quad 0x0000930000000000    /* data */
gdt_pointer:
    .word . - loader_gdt - 1
    .long loader_gdt
refusal:
    .asciz "# [loader] error: this CPU has no long mode (64-bit)\n"
exit_line:
    .asciz "CAIRN-EXIT 8\n"

    .section .bss.start, "aw", @nobits
    .balign 4096
    .globl loader_pml4, loader_page_directories
loader_pml4:
    .skip 4096
pdpt:
    .skip 4096
loader_page_directories:
    .skip 4 * 4096
    .balign 16
stack_bottom:
    .skip STACK_SIZE
stack_top:

    .section .note.GNU-stack, "", @progbits
