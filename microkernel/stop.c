/*
 * Powering off (ACPI 6.4, 7.4.2: SLP_TYP and SLP_EN in PM1a_CNT and PM1b_CNT).
 */
#include "stop.h"

#include "x86.h"

#define NOBODY UINT32_MAX

static struct handoff_power_off power_off_how SEALED;
static uint32_t stopping = NOBODY; /* APIC id of the CPU that reports a failure */

void power_off_setup(const struct handoff_power_off *how)
{
    power_off_how = *how;
}

void stop_claim(void)
{
    /* Not cpu_this(): a failure may come before the CPU is on its own stack. */
    uint32_t me = cpuid(1, 0).ebx >> 24;
    uint32_t nobody = NOBODY;

    if (__atomic_compare_exchange_n(&stopping, &nobody, me, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE) ||
        nobody == me)
        return;
    for (;;)
        __asm__ volatile("cli; hlt");
}

void power_off(unsigned status)
{
    console_print("CAIRN-EXIT %u\n", status);
    console_drain();
    if (power_off_how.port_a)
        port_write16(power_off_how.port_a, power_off_how.value_a);
    if (power_off_how.port_b)
        port_write16(power_off_how.port_b, power_off_how.value_b);
    for (;;)
        __asm__ volatile("cli; hlt");
}
