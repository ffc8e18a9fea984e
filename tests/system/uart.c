/*
 * COM1 at the settings that the loader chose. Each wait is bounded: a UART that never becomes
 * ready loses characters, it does not hang the program.
 */
#include "uart.h"

#include <stdint.h>

#include "cpu.h"

#define LSR_THRE   0x20 /* transmitter holding register empty */
#define WAIT_LOOPS 1000000u

void uart_put(char c)
{
    for (uint32_t i = 0; i < WAIT_LOOPS; i++) {
        if (port_read8(UART_LSR) & LSR_THRE) {
            break;
        }
        cpu_pause();
    }
    port_write8(UART_BASE, (uint8_t)c);
}
