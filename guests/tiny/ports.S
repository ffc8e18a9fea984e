/* Guests that use ports which may be open to them. */
#include "guest.inc"

#define SCRATCH 0x3ff /* of COM1 */

/* Writes and reads one port, and reads its neighbour. */
guest scratch, TINY_PROTECTED
    mov $SCRATCH, %edx
    mov $0x5a, %al
    outb %al, %dx
    xor %eax, %eax
    inb %dx, %al
    mov %eax, TINY_DATA
    dec %edx
    inb %dx, %al
    hlt
done

/* Writes that port for ever, and counts. */
guest scratches, TINY_PROTECTED
    mov $SCRATCH, %edx
    mov $0x5a, %al
1:  outb %al, %dx
    incl TINY_DATA
    jmp 1b
done
