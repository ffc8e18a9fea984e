/*
 * Who waits for what: one queue for all addresses, in the order in which they came. It is short, as
 * each thread is in it once at most. Not safe for two threads at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct port_waiter {
    struct port_waiter *next, *previous;
    const volatile void *address;
    uint32_t bits;
    bool queued;
    bool interrupted; /* woken by who wants it to look around, not by what it waits for */
};

struct port_waiting {
    struct port_waiter *first, *last;
};

void port_waiting_add(struct port_waiting *q, struct port_waiter *w, const volatile void *address,
                      uint32_t bits);
void port_waiting_remove(struct port_waiting *q, struct port_waiter *w);

/* Wakes up to `count` that wait for the address with one of these bits; returns how many. */
uint32_t port_waiting_wake(struct port_waiting *q, const volatile void *address, uint32_t count,
                           uint32_t bits);

/* Lets up to `count` that wait for one address wait for another one; returns how many. */
uint32_t port_waiting_move(struct port_waiting *q, const volatile void *from,
                           const volatile void *to, uint32_t count);

/* Supplied by the port: a waiter that is in the queue no more goes on. */
void port_waiter_wake(struct port_waiter *w);
