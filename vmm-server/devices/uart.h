/*
 * A 16550A with FIFOs (National Semiconductor PC16550D data sheet, June 1995) as COM1 of a PC: 8
 * ports, one interrupt line, which OUT2 gates. A byte is sent the moment it is written, all eight
 * bits of it. What is received waits in the FIFO; what does not fit waits at the host's side.
 */
#pragma once

#include "devices.h"

#define UART_COM1  0x3f8u
#define UART_PORTS 8u
#define UART_FIFO  16u

/* The other end of the wire. Hooks may be NULL. */
struct uart_host {
    void (*transmit)(void *context, uint8_t byte);
    /* There is room again, after uart_receive took less than it was offered. It may call that. */
    void (*room)(void *context);
    void *context;
};

struct uart {
    struct machine *machine;
    struct line irq;
    struct uart_host host;
    struct timer timer; /* of the character time-out */
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scratch;
    bool sent;        /* the THRE interrupt is pending */
    bool stale;       /* the character time-out is pending */
    bool refused;     /* the host has more than was taken */
    bool raised;      /* the level of the line */
    uint64_t touched; /* the tick at which something last came into the FIFO or was read from it */
    uint8_t head, count;
    uint16_t fifo[UART_FIFO]; /* a byte, and above it the bits of LSR that came with it */
};

/* False: its ports are taken. */
bool uart_open(struct uart *uart, struct machine *machine, uint16_t port, const struct line *irq,
               const struct uart_host *host);
void uart_reset(struct uart *uart);

/* Bytes from the wire, and how many of them were taken: the first that many. */
uint32_t uart_receive(struct uart *uart, const uint8_t *bytes, uint32_t count);
/* The wire's sender holds it low (what Linux takes for SysRq). False: there is no room for it. */
bool uart_receive_break(struct uart *uart);
