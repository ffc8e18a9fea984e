/*
 * The forbidden things of faults.list. For each NAME: the routine fault_NAME, the address
 * fault_NAME_rip of which the kernel must speak, and fault_NAME_address, the address that a page
 * fault must name. ANY stands for what cannot be known here. A routine that survives returns.
 */
#include "../../microkernel/layout.h"

#define BOOT_AREA        0x0000700000000000 /* BOOT_INFO_ADDRESS in ipc/abi/boot_info.h */
#define ANY              0xffffffffffffffff
#define HOLE_FIRST       0x0000800000000000
#define HOLE_LAST        0xffff7fffffffffff
#define FLAG_TF          0x100
#define FLAG_AC          0x40000
#define FLAGS_ODD        0x44602 /* AC, NT, DF and IF */
#define USER_LAST_PAGE   0x00007ffffffff000

/* Opens a routine; address is what a page fault in it names. */
.macro fault name, address=ANY
    .globl fault_\name, fault_\name\()_address, fault_\name\()_rip
    .set fault_\name\()_address, \address
fault_\name:
.endm

/* Marks the place of which the kernel must speak. */
.macro at name
fault_\name\()_rip:
.endm

/* A routine of one instruction, which faults. */
.macro single name, instruction:vararg
    fault \name
    at \name
    \instruction
    ret
.endm

.macro read name, address
    fault \name, \address
    mov $\address, %rax
    at \name
    mov (%rax), %al
    ret
.endm

.macro write name, address
    fault \name, \address
    mov $\address, %rdx
    at \name
    movb $0, (%rdx)
    ret
.endm

/* The fault is at the target. */
.macro jump name, address
    fault \name, \address
    .set fault_\name\()_rip, \address
    mov $\address, %rax
    jmp *%rax
.endm

.macro flags_set value
    pushfq
    orq $\value, (%rsp)
    popfq
.endm

    .text
    write write_text, fault_write_text
    write write_constant, some_constant
    write write_boot_info, BOOT_AREA
    jump execute_constant, some_constant
    jump execute_data, some_data
    jump execute_boot_info, BOOT_AREA

    /* The linker script knows the addresses. */
    .globl fault_execute_stack, fault_stack_overflow, fault_stack_overflow_rip
fault_execute_stack:
    mov $stack_begin, %eax
    jmp *%rax
fault_stack_overflow:
    mov $stack_begin, %esp
    at stack_overflow
    push %rax
    ud2

    read null_read, 0
    write null_write, 0
    jump null_jump, 0
    read last_page_read, USER_LAST_PAGE

    fault gs_base, 0x10
    at gs_base
    mov %gs:0x10, %eax
    ret
    fault fs_base, 0x10
    at fs_base
    mov %fs:0x10, %eax
    ret

    read kernel_text_read, KERNEL_IMAGE
    write kernel_text_write, KERNEL_IMAGE
    jump kernel_text_jump, KERNEL_IMAGE
    read frame_map_read, FRAME_MAP
    read kernel_stack_read, (CPU_AREAS + CPU_STACK_TOP - 8)
    write kernel_stack_write, (CPU_AREAS + CPU_STACK_TOP - 8)
    jump kernel_entry_jump, (CPU_AREAS + CPU_ENTRY)
    write kernel_bitmap_write, (CPU_AREAS + CPU_IO_BITMAP)
    read kernel_device_read, DEVICES
    read kernel_last_read, 0xffffffffffffffff

    /* Where a kernel frame is, the memory map says: fault.c looks it up. */
    fault kernel_frame_read
    mov $FRAME_MAP, %rax
    add fault_kernel_frame(%rip), %rax
    at kernel_frame_read
    mov (%rax), %al
    ret
    fault kernel_frame_write
    mov $FRAME_MAP, %rax
    add fault_kernel_frame(%rip), %rax
    at kernel_frame_write
    movb $0, (%rax)
    ret

    read noncanonical_read, HOLE_FIRST
    write noncanonical_write, HOLE_LAST

    /* Intel CPUs fault at the jump, AMD's at its target. */
    fault noncanonical_jump
    .set fault_noncanonical_jump_rip, ANY
    mov $HOLE_FIRST, %rax
    jmp *%rax

    fault noncanonical_push
    mov $HOLE_LAST, %rsp
    at noncanonical_push
    push %rax
    ud2

    single hlt, hlt
    single cli, cli
    single sti, sti
    single rdpmc, rdpmc
    single cr0_write, mov %rax, %cr0
    single cr3_read, mov %cr3, %rax
    single cr3_write, mov %rax, %cr3
    single cr4_write, mov %rax, %cr4
    single cr8_write, mov %rax, %cr8
    single dr7_write, mov %rax, %dr7
    single lgdt, lgdt some_constant(%rip)
    single lidt, lidt some_constant(%rip)
    single ltr, ltr %ax
    single lmsw, lmsw %ax
    single clts, clts
    single invlpg, invlpg some_constant(%rip)
    single wbinvd, wbinvd
    single swapgs, swapgs
    single sysretq, sysretq
    single sgdt, sgdt some_data(%rip)
    single smsw, smsw %ax
    single vmxon, vmxon some_data(%rip)

    fault vmrun
    lea some_data(%rip), %rax
    at vmrun
    vmrun
    ret

    fault rdmsr
    mov $0xc0000080, %ecx
    at rdmsr
    rdmsr
    ret
    fault wrmsr
    mov $0xc0000082, %ecx
    at wrmsr
    wrmsr
    ret

    fault xsetbv
    xor %ecx, %ecx
    xgetbv
    at xsetbv
    xsetbv
    ret

    fault port_below_com1
    mov $0x3f7, %dx
    at port_below_com1
    in %dx, %al
    ret
    fault port_above_com1
    mov $0x400, %dx
    at port_above_com1
    in %dx, %al
    ret
    fault port_across_com1
    mov $0x3fd, %dx
    at port_across_com1
    in %dx, %eax
    ret
    fault port_below_timer
    mov fault_timer_port(%rip), %dx
    dec %dx
    at port_below_timer
    in %dx, %al
    ret
    fault port_above_timer
    mov fault_timer_port(%rip), %dx
    add $4, %dx
    at port_above_timer
    in %dx, %al
    ret

    /* The control register stands four ports before the timer in PIIX4 and ICH9. */
    fault port_power
    mov fault_timer_port(%rip), %dx
    sub $4, %dx
    mov $0x2000, %ax
    at port_power
    out %ax, %dx
    ret
    fault port_keyboard
    at port_keyboard
    in $0x60, %al
    ret
    fault port_pci
    mov $0xcf8, %dx
    mov $0x80000000, %eax
    at port_pci
    out %eax, %dx
    ret
    fault port_string
    mov $0x80, %dx
    lea some_data(%rip), %rsi
    at port_string
    outsb
    ret
    fault port_last
    mov $0xffff, %dx
    at port_last
    in %dx, %al
    ret
    fault port_wrap
    mov $0xfffe, %dx
    at port_wrap
    in %dx, %eax
    ret

    single int_nmi, int $2
    single int_double_fault, int $8
    single int_page_fault, int $14
    single int_80, int $0x80
    single int_timer, int $0xf0
    single int_spurious, int $0xff

    fault divide_error
    xor %edx, %edx
    xor %ecx, %ecx
    at divide_error
    div %ecx
    ret

    /* Traps: the kernel speaks of the next instruction. The one after POPFQ is stepped. */
    fault single_step
    flags_set FLAG_TF
    nop
    at single_step
    nop
    ret

    /* Emulators differ in whether the trap comes before or after the next instruction. */
    fault syscall_step
    .set fault_syscall_step_rip, ANY
    mov $0xdead, %eax
    flags_set FLAG_TF
    syscall
    nop
    nop
    ret

    fault icebp
    .byte 0xf1
    at icebp
    ret
    fault breakpoint
    int3
    at breakpoint
    ret
    fault breakpoint_no_stack
    mov $HOLE_FIRST, %rsp
    int3
    at breakpoint_no_stack
    ud2
    fault breakpoint_flags
    flags_set FLAGS_ODD
    int3
    at breakpoint_flags
    ud2
    fault overflow
    int $4
    at overflow
    ret

    single undefined, ud2
    single sysenter, sysenter

    fault x87_error
    fninit
    pushq $0x37b /* zero-divide not masked */
    fldcw (%rsp)
    pop %rax
    fld1
    fldz
    fdivrp %st, %st(1)
    at x87_error
    fwait
    ret

    fault simd_error
    pushq $0x1d80 /* divide-by-zero not masked */
    ldmxcsr (%rsp)
    pop %rax
    pcmpeqd %xmm0, %xmm0
    pslld $25, %xmm0
    psrld $2, %xmm0 /* 1.0 */
    pxor %xmm1, %xmm1
    at simd_error
    divss %xmm1, %xmm0
    ret

    fault alignment
    flags_set FLAG_AC
    at alignment
    mov some_data + 1(%rip), %eax
    ud2

    fault iretq_kernel
    pushq $USER_SS
    pushq $stack_end
    pushq $0x202
    pushq $KERNEL_CS
    pushq $fault_undefined
    at iretq_kernel
    iretq
    fault iretq_noncanonical
    pushq $USER_SS
    pushq $stack_end
    pushq $0x202
    pushq $USER_CS
    mov $HOLE_FIRST, %rax
    push %rax
    at iretq_noncanonical
    iretq

    single far_call, lcall *far_pointer(%rip)

    .section .rodata
    .balign 16
some_constant:
    .quad 0, 0
far_pointer:
    .long fault_undefined
    .word KERNEL_CS

    .data
    .balign 16
some_data:
    .quad 0, 0

    .section .note.GNU-stack, "", @progbits
