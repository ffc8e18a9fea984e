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

static void console_number(unsigned long value, unsigned base, unsigned width)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    for (unsigned i = n; i < width; i++)
        console_put('0');
    while (n)
        console_put(digits[--n]);
}

static void console_string(const char *text)
{
    while (*text)
        console_put(*text++);
}

void console_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (; *format; format++) {
        if (*format != '%') {
            console_put(*format);
            continue;
        }
        format++;
        unsigned width = 0;
        while (*format >= '0' && *format <= '9')
            width = width * 10 + (unsigned)(*format++ - '0');
        bool wide = *format == 'l';
        if (wide)
            format++;
        if (*format == 's')
            console_string(va_arg(args, const char *));
        else if (*format == 'u' || *format == 'x')
            console_number(wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
                           *format == 'x' ? 16 : 10, width);
        else
            console_put(*format);
    }
    va_end(args);
}

void console_drain(void)
{
    console_wait(LSR_TEMT);
}
