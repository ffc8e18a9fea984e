/*
 * Guests for the fuzzer of monitors. The first ones do one after the other whatever exits or has
 * registers of its own, for ever, and care for no result. The last one is well-behaved.
 */
#include "guest.inc"

#define UNMAPPED 0x20000 /* guest-physical: beyond what tiny guests have */

.macro everything a, c, d, w
1:
    cpuid
    out %al, $0x80
    in $0x81, %al
    outl %eax, %dx
    rdtsc
    pause
    mov %cr0, \a
    mov \a, %cr0
    mov %cr4, \a
    mov \a, %cr4
    mov %cr3, \a
    mov \a, %cr3
    mov %dr7, \a
    mov \a, %dr0
    clts
    fninit
    fld1
    mov $0x10, %ecx
    rdmsr
    mov $0xc0000101, %ecx
    wrmsr
    xor %ecx, %ecx
    rdpmc
    sti
    nop
    int3
    int $0x30
    cli
    pushf
    popf
    push \a
    pop \c
    vmcall
    vmmcall
    wbinvd
    invd
    ud2
    mov $2, \c
    mov \c, TINY_DATA
    mov TINY_DATA, \a
    movl $UNMAPPED, %ebx
    mov (%ebx), %al
    mov %al, (%ebx)
    cld
    mov $TINY_DATA, \d
    invlpg (TINY_DATA)
    rdtscp
    monitor
    mwait
    xor %ecx, %ecx
    xgetbv
    xsetbv
    vmrun
    vmxoff
    stgi
    hlt
    jmp 1b
.endm

guest fuzz_real, TINY_REAL
    everything %eax, %ecx, %edx
done

guest fuzz_protected, TINY_PROTECTED
    everything %eax, %ecx, %edx
done

guest fuzz_paged, TINY_PAGED
    everything %eax, %ecx, %edx
done

guest fuzz_pae, TINY_PAE
    everything %eax, %ecx, %edx
done

guest fuzz_long, TINY_LONG
    everything %rax, %rcx, %rdx
done

    /*
     * Writes 256 words of a sequence, keeps its state in a vector register too, reports the next
     * one by RAX, and halts. RBX: what was not as it had been left.
     */
guest steady, TINY_LONG
    mov $1, %r12
    xor %ebx, %ebx
    movq %r12, %mm0
1:
    movq %mm0, %rax
    xor %r12, %rax
    or %rax, %rbx
    xor %ecx, %ecx
2:
    mov %r12, TINY_DATA(,%rcx,8)
    mov %r12, %rax
    shl $13, %rax
    xor %rax, %r12
    mov %r12, %rax
    shr $7, %rax
    xor %rax, %r12
    mov %r12, %rax
    shl $17, %rax
    xor %rax, %r12
    inc %ecx
    cmp $256, %ecx
    jne 2b
    movq %r12, %mm0
    mov %r12, %rax
    out %eax, $0x80
    hlt
    jmp 1b
done

    .section .note.GNU-stack, "", @progbits
