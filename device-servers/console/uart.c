#include "uart.h"

#define FIFO_BYTES 16u

enum uart_register {
    UART_DATA = 0, /* and the divisor's low byte, with LCR_DIVISOR */
    UART_IER = 1,  /* and its high byte */
    UART_FCR = 2,  /* written; read: */
    UART_IIR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_SCRATCH = 7,
};

#define IER_RECEIVED 1u
#define IER_EMPTY    2u
#define FCR_FIFOS    0xc7u /* on, both empty, an interrupt at 14 bytes or after a pause */
#define LCR_8N1      3u
#define LCR_DIVISOR  0x80u
#define MCR_ON       0x0bu /* DTR, RTS, and OUT2, which lets interrupts through on a PC */
#define LSR_RECEIVED 1u
#define LSR_EMPTY    0x20u

static uint8_t read8(const struct uart *u, enum uart_register r)
{
    uint8_t value;

    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"((uint16_t)(u->base + r)));
    return value;
}

static void write8(const struct uart *u, enum uart_register r, uint8_t value)
{
    __asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"((uint16_t)(u->base + r)));
}

bool uart_open(struct uart *u, uint16_t base)
{
    *u = (struct uart){.base = base};
    write8(u, UART_SCRATCH, 0x5a);
    if (read8(u, UART_SCRATCH) != 0x5a)
        return false;
    write8(u, UART_IER, 0);
    write8(u, UART_LCR, LCR_DIVISOR | LCR_8N1);
    write8(u, UART_DATA, 1);
    write8(u, UART_IER, 0);
    write8(u, UART_LCR, LCR_8N1);
    write8(u, UART_FCR, FCR_FIFOS);
    write8(u, UART_MCR, MCR_ON);
    write8(u, UART_IER, IER_RECEIVED);
    return true;
}

uint32_t uart_room(const struct uart *u)
{
    return read8(u, UART_LSR) & LSR_EMPTY ? FIFO_BYTES : 0;
}

void uart_send(const struct uart *u, char c)
{
    write8(u, UART_DATA, (uint8_t)c);
}

void uart_notify(struct uart *u, bool on)
{
    if (on == u->sends)
        return;
    u->sends = on;
    write8(u, UART_IER, IER_RECEIVED | (on ? IER_EMPTY : 0));
}

/* Reading the identification, too, takes an interrupt of the empty transmitter back. */
bool uart_receive(const struct uart *u, char *c)
{
    (void)read8(u, UART_IIR);
    if (!(read8(u, UART_LSR) & LSR_RECEIVED))
        return false;
    *c = (char)read8(u, UART_DATA);
    return true;
}
