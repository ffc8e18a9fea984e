/*
 * TAP of a program of the C library: each line is a line of standard output. A program ends with
 * `return checks_end();`.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned checks_run, checks_failed;

__attribute__((format(printf, 3, 4))) static inline bool check_that(bool passed, int line,
                                                                    const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("%s %u - ", passed ? "ok" : "not ok", ++checks_run);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    if (!passed) {
        checks_failed++;
        printf("# line %d, errno %d\n", line, errno);
    }
    return passed;
}

/* check(condition, format, ...): one check; returns whether it passed. */
#define check(condition, ...) check_that((condition), __LINE__, __VA_ARGS__)

static inline int checks_end(void)
{
    printf("1..%u\n", checks_run);
    return checks_run && !checks_failed ? 0 : 1;
}
