/*
 * The kernel's own lines on COM1, polled: what it says at boot and when it stops. User programs
 * write through their own I/O ports; nothing here is on the way of a system call.
 */
#ifndef CAIRN_CONSOLE_H
#define CAIRN_CONSOLE_H

#include <stdarg.h>

/*
 * Writes text with these conversions: %s string, %u unsigned, %lu unsigned long, %lx hexadecimal
 * without prefix.
 */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_print_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/* Waits until the UART has sent everything (LSR.TEMT), for a bounded number of polls. */
void console_drain(void);

#endif
