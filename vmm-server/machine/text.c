#include "text.h"

#include <stdarg.h>

struct writer {
    char *text;
    size_t size, length;
};

static void put(struct writer *w, char c)
{
    if (w->length + 1 < w->size)
        w->text[w->length++] = c >= ' ' && c <= '~' ? c : '?';
}

static void put_string(struct writer *w, const char *string)
{
    while (*string)
        put(w, *string++);
}

static void put_number(struct writer *w, unsigned long value, unsigned base)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (count)
        put(w, digits[--count]);
}

size_t text_format(char *text, size_t size, const char *format, ...)
{
    struct writer w = {text, size, 0};
    va_list arguments;

    va_start(arguments, format);
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            put_string(&w, va_arg(arguments, const char *));
            p++;
        } else if (p[0] == '%' && p[1] == 'l' && (p[2] == 'u' || p[2] == 'x')) {
            put_number(&w, va_arg(arguments, unsigned long), p[2] == 'u' ? 10 : 16);
            p += 2;
        } else {
            put(&w, *p);
        }
    }
    va_end(arguments);
    text[w.length] = 0;
    return w.length;
}
