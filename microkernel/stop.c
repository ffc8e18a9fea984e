/*
 * Powering off (ACPI 6.4, 7.4.2: SLP_TYP and SLP_EN in PM1a_CNT and PM1b_CNT).
 */
#include "stop.h"

#include "boot.h"
#include "x86.h"

#define NOBODY UINT32_MAX

static uint32_t stopping = NOBODY; /* APIC id of the CPU that reports a failure */

void stop_claim(void)
{
    /* Not cpu_this(): a failure may come before the CPU is on its own stack. */
    uint32_t me = cpuid(1, 0).ebx >> 24;
    uint32_t nobody = NOBODY;

    if (!__atomic_compare_exchange_n(&stopping, &nobody, me, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE) &&
        nobody != me)
        for (;;)
            __asm__ volatile("cli; hlt");
}

void stop(const char *format, ...)
{
    va_list arguments;

    stop_claim();
    console_print("# [kernel] ");
    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
    console_print("\n");
    power_off(EXIT_SYSTEM_FAILED);
}

void power_off(unsigned status)
{
    const struct handoff_power_off *how = &boot_handoff.power_off; /* no ports before boot_accept */

    console_print("CAIRN-EXIT %u\n", status);
    console_drain();
    if (how->port_a)
        port_write16(how->port_a, how->value_a);
    if (how->port_b)
        port_write16(how->port_b, how->value_b);
    for (;;)
        __asm__ volatile("cli; hlt");
}
