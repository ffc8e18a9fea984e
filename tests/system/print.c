/* Formatted output: a small printf over uart_put. Nothing is buffered. */
#include "print.h"

#include <stdarg.h>
#include <stdbool.h>

#include "uart.h"

struct conversion {
    bool alternate; /* # */
    bool is_long;
    unsigned width;
};

static void print_text(const char *text)
{
    while (*text) {
        uart_put(*text++);
    }
}

static void print_number(uint64_t value, unsigned base, unsigned width)
{
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    for (; width > n; width--) {
        uart_put('0');
    }
    while (n) {
        uart_put(digits[--n]);
    }
}

/* Reads flags, width and length after a '%'; returns the conversion character's position. */
static const char *conversion_parse(const char *p, struct conversion *c)
{
    *c = (struct conversion){false, false, 0};
    if (*p == '#') {
        c->alternate = true;
        p++;
    }
    while (*p >= '0' && *p <= '9' && c->width < 100) {
        c->width = c->width * 10 + (unsigned)(*p++ - '0');
    }
    if (*p == 'l') {
        c->is_long = true;
        p++;
    }
    return p;
}

void print(const char *format, ...)
{
    struct conversion c;
    va_list list;

    va_start(list, format);
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            uart_put(*p);
            continue;
        }
        p = conversion_parse(p + 1, &c);
        if (*p == 's') {
            print_text(va_arg(list, const char *));
        } else if (*p == 'c') {
            uart_put((char)va_arg(list, int));
        } else if (*p == 'u' || *p == 'x') {
            uint64_t value = c.is_long ? va_arg(list, unsigned long) : va_arg(list, unsigned);

            if (*p == 'x' && c.alternate) {
                print_text("0x");
            }
            print_number(value, *p == 'u' ? 10 : 16, c.width);
        } else if (*p) {
            uart_put(*p);
        } else {
            break;
        }
    }
    va_end(list);
}

void print_size(uint64_t bytes)
{
    if (bytes >= 16ull << 20) {
        print("%lu MiB", bytes >> 20);
    } else if (bytes >= 16ull << 10) {
        print("%lu KiB", bytes >> 10);
    } else {
        print("%lu bytes", bytes);
    }
}

void print_untrusted(const char *text, uint64_t limit)
{
    for (uint64_t i = 0; i < limit && text[i]; i++) {
        uart_put(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    }
}
