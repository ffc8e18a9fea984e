/*
 * The 16 ISA interrupt lines: each is one of the PICs' and one of the I/O APIC's, 0 there on pin 2
 * (MADT: override of IRQ 0), where the PICs have their cascade.
 */
#pragma once

#include "ioapic.h"
#include "pic.h"

struct isa {
    struct pic *pic;
    struct ioapic *ioapic;
};

/* Is the function of a struct line; target is a struct isa. */
static inline void isa_set(void *target, uint32_t pin, bool level)
{
    struct isa *isa = target;

    pic_set(isa->pic, pin, level);
    ioapic_set(isa->ioapic, pin ? pin : 2, level);
}
