/* A program for Linux guests: writes 5 to the debug-exit port. Ends with status 1 if it may not. */
#define SYS_EXIT   60
#define SYS_IOPERM 173
#define PORT       0xf4
#define VALUE      5

    .section .text, "ax"
    .globl _start
_start:
    mov $SYS_IOPERM, %eax
    mov $PORT, %edi
    mov $1, %esi
    mov $1, %edx
    syscall
    test %eax, %eax
    jnz 1f
    mov $VALUE, %al
    out %al, $PORT
1:  mov $SYS_EXIT, %eax
    mov $1, %edi
    syscall
