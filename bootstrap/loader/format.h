/*
 * Text from a format, as much of printf as the loader needs.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Knows %s, %c, %u, %lu, %x, %lx and %%, without widths. Writes at most size - 1 characters and a
 * NUL, where size is at least 1. Characters outside printable ASCII become '?', because names come
 * from boot modules and lines go to terminals. Returns the number of characters written. An
 * unknown conversion ends the text.
 */
size_t format_text(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
