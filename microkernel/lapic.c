/*
 * One mode for the life of the machine: x2APIC where there is one, otherwise the register page.
 */
#include "lapic.h"

#include "shoot.h"

#define ICR_PENDING (1u << 12)

void cpu_interrupt(uint32_t cpu)
{
    uint32_t apic_id = boot_handoff.apic_id[cpu];

    if (boot_handoff.x2apic) {
        /* Not ordered with earlier stores by itself (SDM 3A, 10.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        msr_write(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | VECTOR_WAKE);
        return;
    }
    while (*(volatile uint32_t *)(DEVICES + LAPIC_ICR) & ICR_PENDING)
        cpu_pause();
    lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
    lapic_write(LAPIC_ICR, VECTOR_WAKE);
}

void timer_arm(uint64_t deadline)
{
    if (!boot_handoff.timer_ratio) {
        msr_write(MSR_TSC_DEADLINE, deadline);
        return;
    }
    uint64_t now = tsc_read(), ticks = deadline > now ? deadline - now : 0;
    unsigned __int128 count = ((unsigned __int128)ticks * boot_handoff.timer_ratio >> 32) + 1;
    lapic_write(LAPIC_TIMER_COUNT, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
}
