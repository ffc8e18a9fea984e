/*
 * The guest's terminal: a session with the console in raw mode. A thread of its own talks to the
 * console; what goes between it and the VCPUs is two rings, so that no VCPU waits for the console
 * unless the guest writes faster than that prints.
 */
#pragma once

#include "vm.h"

/* The lock and semaphores; without the service `console` the guest's output goes nowhere. */
void terminal_open(struct vm *vm);

/* The main thread's life from then on: returns when the VM has ended and all is printed. */
void terminal_serve(void);

/* From a VCPU. Waits for room while the ring is full, not for ever: what has none then is lost. */
void terminal_put(void *unused, uint8_t byte);
/* What was typed and not taken yet, and that so much of it is taken. One thread at a time. */
uint32_t terminal_typed(const uint8_t **bytes);
void terminal_take(uint32_t count);
/* The VM has ended. */
void terminal_end(void);

/* The last bytes of output that there were: how many of them. */
uint32_t terminal_tail(char *text, uint32_t size);
