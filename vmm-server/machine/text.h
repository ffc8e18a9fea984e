/*
 * Text from a format, for messages: as much of printf as they need.
 */
#pragma once

#include <stddef.h>

/*
 * Knows %s, %lu (decimal) and %lx (hexadecimal), without widths. Writes at most size - 1 characters
 * and a NUL, where size is at least 1; what does not fit is left out. Characters outside printable
 * ASCII become '?', because some come from files and lines go to terminals. Returns the number of
 * characters written.
 */
size_t text_format(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
