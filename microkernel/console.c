/*
 * Polled output on COM1 (16550). Every wait is bounded: a missing or stuck UART loses text, never
 * the kernel. The loader has set speed and format.
 */
#include "console.h"

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

void console_print_list(const char *format, va_list arguments)
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

void console_drain(void)
{
    console_wait(LSR_TEMT);
}
