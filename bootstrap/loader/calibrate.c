/*
 * How fast the TSC and the local APIC's timer run.
 *
 * The ACPI PM timer is the reference: it is there on every machine that matters and its frequency
 * is fixed. What CPUID says about the TSC is taken when the PM timer confirms it, which is quicker,
 * or when there is no usable PM timer; emulators have been seen to pass on the value of the CPU
 * that they imitate.
 */
#include <stddef.h>

#include "clock.h"
#include "console.h"
#include "hardware.h"
#include "lapic.h"
#include "x86.h"

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu /* the low 24 bits are there in either width */
#define LIMIT         20u       /* a measurement ends after 1/20 s */

#define TSC_HZ_MIN 1000000u
#define TSC_HZ_MAX 17000000000ull

#define LEAF1_ECX_TSC_DEADLINE (1u << 24)
#define LEAF1_ECX_HYPERVISOR   (1u << 31)
#define LEAF_TSC               0x15u
#define LEAF_HYPERVISOR        0x40000000u
#define LEAF_HYPERVISOR_TIMING 0x40000010u

#define LAPIC_RATE_SCALE   (1ull << 28)
#define LAPIC_SPURIOUS_ON  0x1ffu /* enabled, vector 255 */
#define LAPIC_TIMER_MASKED 0x100ffu
#define LAPIC_DIVIDE_BY_1  0xbu

/* What CPUID says of the TSC's frequency, or 0. The hypervisor's own leaf comes first. */
static uint64_t tsc_claim(void)
{
    uint64_t hz = 0;

    if ((cpuid(1, 0).ecx & LEAF1_ECX_HYPERVISOR) &&
        cpuid(LEAF_HYPERVISOR, 0).eax >= LEAF_HYPERVISOR_TIMING)
        hz = cpuid(LEAF_HYPERVISOR_TIMING, 0).eax * 1000ull;
    if (hz == 0 && cpuid(0, 0).eax >= LEAF_TSC) {
        struct cpuid leaf = cpuid(LEAF_TSC, 0);

        if (leaf.eax && leaf.ebx && leaf.ecx)
            hz = (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
    }
    return hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX ? hz : 0;
}

static void pm_timer_burst(void *context, struct clock_sample samples[CLOCK_BURST])
{
    uint16_t port = *(const uint16_t *)context;

    for (uint32_t i = 0; i < CLOCK_BURST; i++) {
        samples[i].before = tsc_read();
        samples[i].counter = port_read32(port);
        samples[i].after = tsc_read();
    }
}

/* The local APIC's timer counts down; its complement counts up. */
static void lapic_burst_memory(void *context, struct clock_sample samples[CLOCK_BURST])
{
    const volatile uint32_t *current = context;

    for (uint32_t i = 0; i < CLOCK_BURST; i++) {
        samples[i].before = tsc_read();
        samples[i].counter = ~*current;
        samples[i].after = tsc_read();
    }
}

static void lapic_burst_msr(void *context, struct clock_sample samples[CLOCK_BURST])
{
    (void)context;
    for (uint32_t i = 0; i < CLOCK_BURST; i++) {
        samples[i].before = tsc_read();
        samples[i].counter = ~(uint32_t)msr_read(MSR_X2APIC + LAPIC_TIMER_CURRENT / 16);
        samples[i].after = tsc_read();
    }
}

/* Without a PM timer that can be used, CPUID's word is taken. */
static enum hardware_status tsc_measure(struct hardware *hw)
{
    struct clock_source source = {
        .burst = pm_timer_burst, .context = &hw->pm_timer_port, .mask = PM_TIMER_MASK};
    struct clock_request request = {.scale = PM_TIMER_HZ,
                                    .max_ticks = PM_TIMER_HZ / LIMIT,
                                    .max_tsc = TSC_HZ_MAX / LIMIT,
                                    .claim = tsc_claim()};
    enum hardware_status status = HARDWARE_NO_CLOCK;

    if (hw->pm_timer_port)
        status = clock_measure(&source, &request, &hw->tsc_hz);
    if (status != HARDWARE_OK && request.claim) {
        console_line("warning: %s; CPUID says %lu Hz", hardware_status_text(status),
                     (unsigned long)request.claim);
        hw->tsc_hz = request.claim;
        return HARDWARE_OK;
    }
    if (status != HARDWARE_OK)
        return status;

    uint64_t difference =
        request.claim > hw->tsc_hz ? request.claim - hw->tsc_hz : hw->tsc_hz - request.claim;
    if (request.claim && difference > hw->tsc_hz / 100)
        console_line("CPUID says that the TSC runs at %lu Hz, the PM timer says %lu Hz: using the "
                     "latter",
                     (unsigned long)request.claim, (unsigned long)hw->tsc_hz);
    return HARDWARE_OK;
}

/* Counts down once with interrupts masked. Leaves the timer stopped. */
static enum hardware_status lapic_timer_measure(struct hardware *hw)
{
    struct clock_source source = {.burst = lapic_is_x2apic() ? lapic_burst_msr : lapic_burst_memory,
                                  .context = (void *)(lapic_address() + LAPIC_TIMER_CURRENT),
                                  .mask = UINT32_MAX};
    struct clock_request request = {
        .scale = LAPIC_RATE_SCALE, .max_ticks = UINT64_MAX, .max_tsc = hw->tsc_hz / LIMIT};
    uint64_t rate;

    uint32_t spurious = lapic_read(LAPIC_SPURIOUS);
    lapic_write(LAPIC_SPURIOUS, LAPIC_SPURIOUS_ON);
    lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_MASKED);
    lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
    lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
    enum hardware_status status = clock_measure(&source, &request, &rate);
    lapic_write(LAPIC_TIMER_INITIAL, 0);
    lapic_write(LAPIC_SPURIOUS, spurious);

    if (status != HARDWARE_OK || rate == 0)
        return HARDWARE_TIMER_STANDS_STILL;
    hw->lapic_hz = (hw->tsc_hz * LAPIC_RATE_SCALE + rate / 2) / rate;
    return hw->lapic_hz && hw->lapic_hz <= UINT32_MAX ? HARDWARE_OK : HARDWARE_TIMER_STANDS_STILL;
}

enum hardware_status hardware_calibrate(struct hardware *hw)
{
    enum hardware_status status = tsc_measure(hw);

    hw->lapic_hz = 0;
    if (status == HARDWARE_OK && !(cpuid(1, 0).ecx & LEAF1_ECX_TSC_DEADLINE))
        status = lapic_timer_measure(hw);
    return status;
}
