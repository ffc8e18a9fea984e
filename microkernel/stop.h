/*
 * The end of the run: a failure of the kernel, or the power-off that a program asked for.
 */
#ifndef CAIRN_STOP_H
#define CAIRN_STOP_H

#include "console.h"
#include "types.h"

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

#endif
