/*
 * What a unit test of kernel code needs in place of the machine: stop() comes back to the test.
 *
 *     if (STOPS(reserve_take())) ...
 *
 * is true when the expression ended in stop(); kernel_message then holds what it said.
 */
#ifndef CAIRN_TESTS_KERNEL_FAKES_H
#define CAIRN_TESTS_KERNEL_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stop.h"

static jmp_buf kernel_stopped;
static char kernel_message[512];

void console_print(const char *format, ...)
{
    size_t used = strlen(kernel_message);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(kernel_message + used, sizeof(kernel_message) - used, format, arguments);
    va_end(arguments);
}

void stop_claim(void)
{
    kernel_message[0] = '\0';
}

void power_off(unsigned status)
{
    longjmp(kernel_stopped, (int)status);
}

void power_off_setup(const struct handoff_power_off *how)
{
    (void)how;
}

#define STOPS(expression) (setjmp(kernel_stopped) ? true : ((expression), false))

#endif
