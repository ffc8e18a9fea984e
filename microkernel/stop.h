/*
 * The end of the run, and what is said then: a failure of the kernel, or the power-off that a
 * program asked for.
 */
#pragma once

#include "types.h"

/*
 * The kernel's own lines on COM1, polled. Writes text with these conversions: %s string, %u
 * unsigned, %lu unsigned long, %lx hexadecimal without prefix.
 */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Exit status of a run in which the system itself failed. */
#define EXIT_SYSTEM_FAILED 8

/*
 * Writes the line "CAIRN-EXIT status", lets the UART send it and powers the machine off (ACPI S5).
 * Halts for good where that has no effect.
 */
NORETURN void power_off(unsigned status);

/*
 * Lets one CPU, the first that asks, report a failure; others halt here. The same CPU passes
 * again, so that a failure while reporting one is reported as well.
 */
void stop_claim(void);

/* Prints "# [kernel] " and the message (console.h), then powers off with EXIT_SYSTEM_FAILED. */
NORETURN void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));
