/* A machine for tests of devices: a clock that stands until it is moved, and lines that count. */
#pragma once

#include <string.h>

#include "devices.h"
#include "tap.h"

/* No multiple of any device's frequency, so that what rounds is seen. */
#define MACHINE_HZ 2400000007ull

static uint64_t machine_now;
static struct machine machine;

static uint64_t machine_clock(void)
{
    return machine_now;
}

/* An empty machine, some time after its start. */
static inline void machine_start(void)
{
    memset(&machine, 0, sizeof(machine));
    machine.timers.hz = MACHINE_HZ;
    machine.timers.now = machine_clock;
    machine_now = 777777777;
}

/* It is that tick, and what is due fires. */
static inline void machine_run(uint64_t tick)
{
    machine_now = tick;
    timers_run(&machine.timers);
}

/* Lines 0 to 31 that somebody drives. */
static struct wire {
    uint32_t level; /* a bit a line */
    uint32_t rises[32], falls[32];
} wire;

static inline void wire_set(void *target, uint32_t pin, bool level)
{
    (void)target;
    if ((wire.level >> (pin & 31) & 1) == level)
        return;
    wire.level ^= 1u << (pin & 31);
    if (level)
        wire.rises[pin & 31]++;
    else
        wire.falls[pin & 31]++;
}

/* Ports with byte accesses. */
static inline uint8_t in(uint16_t port)
{
    return (uint8_t)bus_read(&machine.ports, port, 1);
}

static inline void out(uint16_t port, uint8_t value)
{
    bus_write(&machine.ports, port, 1, value);
}
