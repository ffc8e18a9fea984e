/* A 16550 behind eight I/O ports (PC16550D data sheet, 8): with FIFOs, by interrupts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct uart {
    uint16_t base;
    bool sends; /* the interrupt of an empty transmitter is on */
};

/* 115,200 baud, 8 bits, no parity, one stop bit. False: no 16550 is there. */
bool uart_open(struct uart *u, uint16_t base);

/* Bytes that can be sent at once; 0: the transmitter is not empty. */
uint32_t uart_room(const struct uart *u);
void uart_send(const struct uart *u, char c);

/* An interrupt comes when the transmitter becomes empty, or not. */
void uart_notify(struct uart *u, bool on);

/* A byte that was received. False: none. */
bool uart_receive(const struct uart *u, char *c);
