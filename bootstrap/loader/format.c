/*
 * Text from a format. See format.h. Nothing is ever written past text[size - 1].
 */
#include "format.h"

#include <stdint.h>

struct output {
    char *text;
    size_t size, used;
};

static void put_character(struct output *out, char character)
{
    if (out->used + 1 < out->size)
        out->text[out->used++] = character >= ' ' && character <= '~' ? character : '?';
}

static void put_string(struct output *out, const char *string)
{
    while (*string && out->used + 1 < out->size)
        put_character(out, *string++);
}

static void put_number(struct output *out, uint64_t number, unsigned base)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    while (count)
        put_character(out, digits[--count]);
}

static uint64_t number_next(va_list *arguments, int is_long)
{
    return is_long ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned);
}

/* One conversion; format points behind the '%'. Returns where the format goes on, NULL if bad. */
static const char *put_conversion(struct output *out, const char *format, va_list *arguments)
{
    int is_long = *format == 'l';

    format += is_long;
    switch (*format) {
    case 'u':
        put_number(out, number_next(arguments, is_long), 10);
        break;
    case 'x':
        put_number(out, number_next(arguments, is_long), 16);
        break;
    case 's':
        put_string(out, va_arg(*arguments, const char *));
        break;
    case 'c':
        put_character(out, (char)va_arg(*arguments, int));
        break;
    case '%':
        put_character(out, '%');
        break;
    default:
        return NULL;
    }
    return format + 1;
}

size_t format_text(char *text, size_t size, const char *format, va_list arguments)
{
    struct output out = {text, size, 0};
    va_list rest;

    va_copy(rest, arguments);
    while (format && *format) {
        if (*format == '%')
            format = put_conversion(&out, format + 1, &rest);
        else
            put_character(&out, *format++);
    }
    va_end(rest);
    text[out.used] = '\0';
    return out.used;
}
