/*
 * Replaces musl's arch/x86_64/crt_arch.h: the first instructions of a program. The port reads the
 * environment and makes memory available (port_start), then musl begins as ever.
 */
__asm__(".text\n"
        ".global " START "\n" START ":\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rbx\n"
        "    and $-16, %rsp\n"
        "    call cairn_port_start\n"
        "    mov %rbx, %rdi\n"
        "    call " START "_c\n"
        "    ud2\n");
