/* Guests into which events are injected, and whose own cannot be delivered at once. */
#include "guest.inc"

#define STEP 0xf0    /* port: the monitor is to do something */
#define FAR  0x40000 /* nothing is mapped from here on until the monitor does it */
#define IDT  0x50000

.macro events
    sti
    nop
    out %al, $STEP
    nop
    nop
    nop
    hlt
.endm

guest events16, TINY_REAL
    events
done

guest events32, TINY_PAGED
    events
done

guest events64, TINY_LONG
    events
done

    /* Interrupts are off at first, then held back by STI; the window opens at the second NOP. */
.macro window
    cli
    out %al, $STEP
    nop
    sti
    nop
    nop
    hlt
.endm

guest window16, TINY_REAL
    window
done

guest window64, TINY_LONG
    window
done

    /* Shadows: an access that exits, once behind STI and once behind MOV SS. */
guest shadow_sti, TINY_LONG
    cli
    sti
    mov FAR, %eax
    nop
    hlt
done

guest shadow_ss, TINY_LONG
    sti
    mov %ss, %ebx
    mov %ebx, %ss
    mov FAR, %eax
    nop
    hlt
done

    /* Each event with a stack that is not there yet; ESI has where to go on. */
.macro event page, instruction:vararg
    lea 7781f(%rip), %rsi
    mov $FAR + \page * 0x1000 + 0x1000, %esp
    \instruction
7781:
.endm

guest deliver64, TINY_LONG
    sti
    event 0, out %al, $STEP
    event 1, out %al, $STEP
    event 2, ud2
    event 3, int $0x50
    event 4, int3
    mov $0xff, %eax
    event 5, mov %eax, %ds
    lidt 1f(%rip)
    event 6, int $0x51
    event 6, ud2
    hlt
1:  .word 0xfff
    .quad IDT
done

.macro event32 page, instruction:vararg
    lea (7781f - 7780b)(%ebx), %esi
    mov $FAR + \page * 0x1000 + 0x1000, %esp
    \instruction
7781:
.endm

guest deliver32, TINY_PAGED
    call 7780f
7780:
    pop %ebx
    sti
    event32 0, out %al, $STEP
    event32 1, out %al, $STEP
    event32 2, ud2
    event32 3, int $0x50
    event32 4, int3
    mov $0xff, %eax
    event32 5, mov %eax, %ds
    lidt (1f - 7780b)(%ebx)
    event32 6, int $0x51
    event32 6, ud2
    hlt
1:  .word 0x7ff
    .long IDT
done

.macro event16 page, instruction:vararg
    mov $7781f - 7780b, %si
    add %bx, %si
    mov $(FAR + \page * 0x1000) >> 4, %ax
    mov %ax, %ss
    mov $0x1000, %sp
    \instruction
7781:
.endm

guest deliver16, TINY_REAL
    call 7780f
7780:
    pop %bx
    sti
    event16 0, out %al, $STEP
    event16 1, out %al, $STEP
    event16 2, ud2
    event16 3, int $0x50
    event16 4, int3
    hlt
done

    .section .note.GNU-stack, "", @progbits
