/*
 * TSC deadline (SDM 3A, 10.5.4.1) or the LAPIC's down counter, divided by one (10.5.4).
 */
#include "timer.h"

#include "boot.h"
#include "cpu.h"
#include "lapic.h"
#include "stop.h"
#include "x86.h"

#define DIVIDE_BY_1 0xbu

static uint64_t ratio; /* LAPIC ticks in a TSC tick, 32 binary digits after the point. All CPUs' */

void timer_open(void)
{
    if (cpu_this()->tsc_deadline) {
        lapic_write(LAPIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
        /* The write to the LVT must arrive before the first one to the MSR. */
        __asm__ volatile("mfence" : : : "memory");
        return;
    }
    if (!boot_handoff.lapic_hz || boot_handoff.lapic_hz > UINT32_MAX)
        stop("cpu %u has no TSC deadline, and its LAPIC timer runs at %lu Hz", cpu_this()->index,
             boot_handoff.lapic_hz);
    ratio = (boot_handoff.lapic_hz << 32) / boot_handoff.tsc_hz;
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

void timer_arm(uint64_t deadline)
{
    if (cpu_this()->tsc_deadline) {
        msr_write(MSR_TSC_DEADLINE, deadline);
        return;
    }
    uint64_t now = tsc_read(), ticks = deadline > now ? deadline - now : 0;
    unsigned __int128 count = ((unsigned __int128)ticks * ratio >> 32) + 1;
    lapic_write(LAPIC_TIMER_COUNT, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
}
