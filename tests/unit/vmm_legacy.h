/* A machine around one device: its time is `now`, its lines are counted. */
#pragma once

#include "devices.h"
#include "tap.h"

/* Ticks a second: no multiple of any device's frequency, so that what rounds is seen. */
#define HZ 2100000014ull

static struct machine machine;
static uint64_t now = 5 * HZ;

/* Of a line: its level, and how often it rose. */
static struct wire {
    bool level;
    unsigned rises;
} wires[24];

static inline uint64_t read_now(void)
{
    return now;
}

static inline void wire_set(void *target, uint32_t pin, bool level)
{
    struct wire *wire = (struct wire *)target + pin;

    wire->rises += level && !wire->level;
    wire->level = level;
}

static inline struct line wire_line(uint32_t pin)
{
    return (struct line){wire_set, wires, pin};
}

static inline void machine_make(void)
{
    machine = (struct machine){.timers = {.hz = HZ, .now = read_now}};
    memset(wires, 0, sizeof(wires));
}

static inline uint32_t in(uint16_t port)
{
    return (uint32_t)bus_read(&machine.ports, port, 1);
}

static inline void out(uint16_t port, uint32_t value)
{
    bus_write(&machine.ports, port, 1, value);
}

/* Time goes on to a tick, and the timers that are due by then fire. */
static inline void run_until(uint64_t tick)
{
    now = tick;
    timers_run(&machine.timers);
}
