/*
 * TAP for host tests: every check prints one numbered line, and main() ends with
 *
 *     return done_testing();
 *
 * which prints the plan and gives the exit status. A failed check says its file and line; the
 * program goes on, so that one run shows all failures. A program that dies prints no plan, which
 * the harness counts as a failure.
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One counter pair a program: each test is a single translation unit that includes this once. */
static unsigned tap_run, tap_failed;

/* Print the line of one check. Returns `passed`, so that a caller can stop at a failure. */
__attribute__((format(printf, 4, 0))) static inline bool
tap_result(bool passed, const char *file, int line, const char *format, va_list arguments)
{
    printf("%s %u - ", passed ? "ok" : "not ok", ++tap_run);
    vprintf(format, arguments);
    printf("\n");
    if (!passed) {
        tap_failed++;
        printf("# %s:%d\n", file, line);
    }
    fflush(stdout);
    return passed;
}

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool passed, const char *file,
                                                                int line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_result(passed, file, line, format, arguments);
    va_end(arguments);
    return passed;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_u64(uint64_t got, uint64_t want, const char *file, int line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_result(got == want, file, line, format, arguments);
    va_end(arguments);
    if (got != want)
        printf("#  got %#" PRIx64 " (%" PRIu64 ")\n# want %#" PRIx64 " (%" PRIu64 ")\n", got, got,
               want, want);
    return got == want;
}

/* Two NULL strings are equal; a NULL is different from every string. */
__attribute__((format(printf, 5, 6))) static inline bool
tap_is_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
    bool equal = got && want ? strcmp(got, want) == 0 : got == want;
    va_list arguments;

    va_start(arguments, format);
    tap_result(equal, file, line, format, arguments);
    va_end(arguments);
    if (!equal)
        printf("#  got %s\n# want %s\n", got ? got : "(null)", want ? want : "(null)");
    return equal;
}

/* ok(condition, format, ...): one check, described by the format. */
#define ok(condition, ...) tap_ok(!!(condition), __FILE__, __LINE__, __VA_ARGS__)

/* is_u64(got, want, format, ...): two numbers are equal; shows both when they are not. */
#define is_u64(got, want, ...) \
    tap_is_u64((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)

/* is_str(got, want, format, ...): two strings are equal; shows both when they are not. */
#define is_str(got, want, ...) tap_is_str(got, want, __FILE__, __LINE__, __VA_ARGS__)

/* Print the plan. Returns main's status: 0 if there was at least one check and none failed. */
static inline int done_testing(void)
{
    printf("1..%u\n", tap_run);
    fflush(stdout);
    return tap_run && !tap_failed ? 0 : 1;
}
