/*
 * Local APIC of the CPU that runs this, in xAPIC or x2APIC mode (SDM 3A, chapter 10).
 */
#pragma once

#include "boot.h"
#include "x86.h"

/* Registers, as offsets in xAPIC mode; in x2APIC mode the MSR is 0x800 + offset / 16. */
enum lapic_register {
    LAPIC_EOI = 0x0b0,
    LAPIC_ICR = 0x300,
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_TIMER_COUNT = 0x380,
};

/* Of a register whose offset is a constant: a test and a store. */
static inline void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (boot_handoff.x2apic)
        msr_write(MSR_X2APIC + (uint32_t)reg / 16, value);
    else
        *(volatile uint32_t *)(DEVICES + (uint64_t)reg) = value; /* the first device (layout.h) */
}

/*
 * VECTOR_TIMER comes once the TSC has reached deadline: at once if it has already. With a LAPIC
 * count it may come earlier when the deadline is further away than the counter reaches.
 */
void timer_arm(uint64_t deadline);
