/*
 * The end of the run: a failure of the kernel, or the power-off that a program asked for.
 */
#ifndef CAIRN_STOP_H
#define CAIRN_STOP_H

#include "console.h"
#include "handoff.h"
#include "types.h"

/* Exit status of a run in which the system itself failed. */
#define EXIT_SYSTEM_FAILED 8

/* Remembers how this machine is powered off. Before that, power_off only halts. */
void power_off_setup(const struct handoff_power_off *how);

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

/* Prints "# [kernel] " and the message, then powers off with EXIT_SYSTEM_FAILED. */
#define stop(...)                                 \
    do {                                          \
        stop_claim();                             \
        console_print("# [kernel] " __VA_ARGS__); \
        console_print("\n");                      \
        power_off(EXIT_SYSTEM_FAILED);            \
    } while (0)

#endif
