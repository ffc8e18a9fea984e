/* COM1, polled: the console of the first program. */
#pragma once

#define UART_BASE    0x3f8
#define UART_LSR     (UART_BASE + 5)
#define UART_SCRATCH (UART_BASE + 7)

/* Sends one character as it is. Waits a bounded time for room. */
void uart_put(char c);
