/*
 * One mode for the life of the machine: x2APIC where there is one, otherwise the register page.
 */
#include "lapic.h"

#include "boot.h"
#include "cpu.h"
#include "shoot.h"
#include "stop.h"
#include "x86.h"

#define APIC_BASE_ENABLE (1ull << 11)
#define APIC_BASE_X2APIC (1ull << 10)
#define ICR_PENDING      (1u << 12)
#define SVR_ENABLE       (1u << 8)

static uint32_t lapic_read(enum lapic_register reg)
{
    if (cpu_this()->x2apic)
        return (uint32_t)msr_read(MSR_X2APIC + (uint32_t)reg / 16);
    return *(volatile uint32_t *)(DEVICES + (uint64_t)reg);
}

void cpu_interrupt(uint32_t cpu)
{
    uint32_t apic_id = boot_handoff.apic_id[cpu];

    if (cpu_this()->x2apic) {
        /* Not ordered with earlier stores by itself (SDM 3A, 10.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        msr_write(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | VECTOR_WAKE);
        return;
    }
    while (lapic_read(LAPIC_ICR) & ICR_PENDING)
        cpu_pause();
    lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
    lapic_write(LAPIC_ICR, VECTOR_WAKE);
}

void lapic_enable(void)
{
    struct cpu *cpu = cpu_this();
    uint32_t expected = boot_handoff.apic_id[cpu->index];

    if (cpu->x2apic)
        msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);

    uint32_t id = lapic_read(LAPIC_ID) >> (cpu->x2apic ? 0 : 24);
    if (id != expected)
        stop("cpu %u has local APIC %u, not %u", cpu->index, id, expected);

    lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
}
