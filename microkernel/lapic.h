/*
 * Local APIC of the CPU that runs this, in xAPIC or x2APIC mode (SDM 3A, chapter 10).
 */
#ifndef CAIRN_LAPIC_H
#define CAIRN_LAPIC_H

#include "cpu.h"
#include "x86.h"

/* Registers, as offsets in xAPIC mode; in x2APIC mode the MSR is 0x800 + offset / 16. */
enum lapic_register {
    LAPIC_ID = 0x020,
    LAPIC_TPR = 0x080,
    LAPIC_EOI = 0x0b0,
    LAPIC_SVR = 0x0f0,
    LAPIC_ICR = 0x300,
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_COUNT = 0x380,
    LAPIC_TIMER_DIVIDE = 0x3e0,
};

#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define LVT_TSC_DEADLINE (2u << 17)

/* Of a register whose offset is a constant: a test and a store. */
static inline void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (cpu_this()->x2apic)
        msr_write(MSR_X2APIC + (uint32_t)reg / 16, value);
    else
        *(volatile uint32_t *)(DEVICES + (uint64_t)reg) = value; /* the first device (layout.h) */
}

/*
 * Switches it on, in x2APIC mode where the CPU has it, with every local source masked but the NMI
 * at LINT1. Stops the kernel if its id is not the one the loader started.
 */
void lapic_enable(void);

#endif
