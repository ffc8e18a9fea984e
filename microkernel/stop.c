/*
 * Powering off (ACPI 6.4, 7.4.2: SLP_TYP and SLP_EN in PM1a_CNT and PM1b_CNT), and before it polled
 * output on COM1 (16550). Every wait is bounded: a missing or stuck UART loses text, never the
 * kernel. The loader has set speed and format.
 */
#include "stop.h"

#include <stdarg.h>

#include "boot.h"
#include "x86.h"

#define COM1        0x3f8
#define LSR         5
#define LSR_THRE    (1u << 5)
#define LSR_TEMT    (1u << 6)
#define POLLS_LIMIT 1000000u

static void console_wait(uint8_t bit)
{
    for (unsigned polls = 0; polls < POLLS_LIMIT; polls++)
        if (port_read8(COM1 + LSR) & bit)
            return;
}

static void console_put(char c)
{
    console_wait(LSR_THRE);
    port_write8(COM1, (uint8_t)c);
}

static void console_number(unsigned long value, unsigned base)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n)
        console_put(digits[--n]);
}

static __attribute__((format(printf, 1, 0))) void console_print_list(const char *format,
                                                                     va_list arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            console_put(*format);
        } else if (*++format == 's') {
            for (const char *text = va_arg(arguments, const char *); *text; text++)
                console_put(*text);
        } else if (*format == 'u') {
            console_number(va_arg(arguments, unsigned), 10);
        } else {
            format++; /* an l */
            console_number(va_arg(arguments, unsigned long), *format == 'x' ? 16 : 10);
        }
    }
}

void console_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    console_print_list(format, arguments);
    va_end(arguments);
}

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
    console_wait(LSR_TEMT);
    if (how->port_a)
        port_write16(how->port_a, how->value_a);
    if (how->port_b)
        port_write16(how->port_b, how->value_b);
    for (;;)
        __asm__ volatile("cli; hlt");
}
