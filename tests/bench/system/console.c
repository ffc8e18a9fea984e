/*
 * The console: COM1, which belongs to the first domain. Paths are measured in domains without
 * ports; from there each character is a call.
 */
#include "bench.h"
#include "cpu.h"
#include "uart.h"

#define WAIT_LOOPS 1000000u
#define LSR_THRE   0x20 /* transmitter holding register empty */
#define IER        (UART_BASE + 1)
#define IIR        (UART_BASE + 2)
#define MCR        (UART_BASE + 4)
#define IER_THRE   0x02 /* interrupt when the transmitter is empty, which it is */
#define MCR_OUT2   0x0b /* DTR, RTS, and OUT2, which lets interrupts out */

bool console_far;

static void put(struct handler *self, struct message *message)
{
    (void)self;
    for (unsigned i = 0; i < WAIT_LOOPS && !(port_read8(UART_LSR) & LSR_THRE); i++) {
        cpu_pause();
    }
    port_write8(UART_BASE, (uint8_t)message->word[0]);
    message->length = 0;
}

/* Raises the UART's interrupt: a path of its own, and the thread that it wakes passes its middle.
 */
static void raise(struct handler *self, struct message *message)
{
    (void)self;
    for (unsigned i = 0; i < WAIT_LOOPS && !(port_read8(UART_LSR) & LSR_THRE); i++) {
        cpu_pause();
    }
    port_write8(MCR, MCR_OUT2);
    probe_begin();
    port_write8(IER, IER_THRE);
    probe_end();
    (void)port_read8(IIR);
    port_write8(IER, 0);
    message->length = 2;
    message->word[0] = probe_before;
    message->word[1] = probe_after;
}

struct handler console_handler = {.handle = put};
struct handler raise_handler = {.handle = raise};

void uart_put(char c)
{
    struct message message = {.length = 1, .word = {(uint64_t)(uint8_t)c}};

    if (!console_far) {
        put(NULL, &message);
    } else if (portal_call(CONSOLE, &message, 0) != STATUS_SUCCESS) {
        __asm__ volatile("ud2");
    }
}
