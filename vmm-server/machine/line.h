/*
 * A wire from a device to whoever listens to it: an interrupt line, or a signal between devices.
 * The device says which level it has; what that means is the listener's affair.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct line {
    void (*set)(void *target, uint32_t pin, bool level);
    void *target;
    uint32_t pin;
};

/* A line that leads nowhere can be set too. */
static inline void line_set(const struct line *line, bool level)
{
    if (line->set)
        line->set(line->target, line->pin, level);
}

/* Where message-signalled interrupts go: a write of data to address (Intel SDM 3, 11.11). */
struct message_port {
    void (*send)(void *target, uint64_t address, uint32_t data);
    void *target;
};

static inline void message_send(const struct message_port *port, uint64_t address, uint32_t data)
{
    if (port->send)
        port->send(port->target, address, data);
}
