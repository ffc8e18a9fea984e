/*
 * The whole user space of a guest whose boot is measured. Marks that it was reached, in a way that
 * a counter of instructions sees and that exits from no virtual machine, says so on the console,
 * and powers off. What the kernel's command line says decides about more:
 *
 *     job=idle   between markers 20 and 21, ten seconds in which nothing happens
 *     job=stay   it does not end
 */
#define SYS_WRITE      1
#define SYS_PAUSE      34
#define SYS_NANOSLEEP  35
#define SYS_REBOOT     169
#define REBOOT_MAGIC1  0xfee1dead
#define REBOOT_MAGIC2  672274793
#define REBOOT_OFF     0x4321fedc

    /* nopl 0x4d4b00NN(%rax), as tests/bench/plugin counts it */
.macro marker number
    .byte 0x0f, 0x1f, 0x80, \number, 0x00, 0x4b, 0x4d
.endm

    .section .text, "ax"
    .globl _start
_start:
    marker 1
    mov $SYS_WRITE, %eax
    mov $1, %edi
    lea reached(%rip), %rsi
    mov $reached_end - reached, %edx
    syscall

    /* The stack: argc, arguments, 0, environment, 0. Unknown words NAME=VALUE are in the latter. */
    mov (%rsp), %rcx
    lea 16(%rsp, %rcx, 8), %rbx
    mov job_idle(%rip), %rdi
    mov job_stay(%rip), %rsi
1:  mov (%rbx), %rax
    add $8, %rbx
    test %rax, %rax
    jz off
    cmp %rdi, (%rax)
    je idle
    cmp %rsi, (%rax)
    jne 1b

stay:
    mov $SYS_PAUSE, %eax
    syscall
    jmp stay

idle:
    marker 20
    mov $SYS_NANOSLEEP, %eax
    lea ten_seconds(%rip), %rdi
    xor %esi, %esi
    syscall
    marker 21

off:
    marker 2
    mov $SYS_REBOOT, %eax
    mov $REBOOT_MAGIC1, %edi
    mov $REBOOT_MAGIC2, %esi
    mov $REBOOT_OFF, %edx
    syscall
    jmp stay

    .balign 8
ten_seconds:
    .quad 10, 0
job_idle:
    .ascii "job=idle"
job_stay:
    .ascii "job=stay"
reached:
    .ascii "INIT-REACHED\n"
reached_end:

    .section .note.GNU-stack, "", @progbits
