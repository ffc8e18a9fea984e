/*
 * What a unit test of kernel code needs in place of the machine: stop() comes back to the test.
 *
 *     if (STOPS(boot_accept(&handoff))) ...
 *
 * is true when the expression ended in stop(); kernel_message then holds what it said.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stop.h"

static jmp_buf kernel_stopped;
static char kernel_message[512];

void stop(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(kernel_message, sizeof(kernel_message), format, arguments);
    va_end(arguments);
    longjmp(kernel_stopped, 1);
}

#define STOPS(expression) (setjmp(kernel_stopped) ? true : ((expression), false))
