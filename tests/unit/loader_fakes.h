/*
 * What the loader's pure parts need around them in host tests: a console that remembers, and a
 * repeatable source of noise.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "console.h"

static unsigned console_lines; /* since the test last set it to zero */
static char console_last_line[400];

void console_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(console_last_line, sizeof(console_last_line), format, arguments);
    va_end(arguments);
    console_lines++;
}

/* xorshift64: the same numbers in every run. */
static inline uint64_t noise(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}
