/*
 * Times between TSC ticks and seconds with nanoseconds. A frequency is between 1 kHz and 2^34 Hz,
 * so that a second's rest times a thousand million fits into 64 bits.
 */
#pragma once

#include <stdint.h>

#define PORT_SECOND     1000000000ull
#define PORT_NEVER      UINT64_MAX /* a deadline that does not come in this machine's life */
#define PORT_HZ_MINIMUM 1000ull
#define PORT_HZ_MAXIMUM (1ull << 34)

struct port_time {
    uint64_t seconds;
    uint64_t nanoseconds; /* below PORT_SECOND */
};

/* Rounded down. */
static inline struct port_time port_time_of(uint64_t ticks, uint64_t hz)
{
    return (struct port_time){ticks / hz, ticks % hz * PORT_SECOND / hz};
}

/* Rounded up, so that the clock shows the time when so many ticks have passed; or PORT_NEVER. */
static inline uint64_t port_ticks_of(struct port_time time, uint64_t hz)
{
    uint64_t whole, part = (time.nanoseconds * hz + PORT_SECOND - 1) / PORT_SECOND;

    if (__builtin_mul_overflow(time.seconds, hz, &whole) ||
        __builtin_add_overflow(whole, part, &whole))
        return PORT_NEVER;
    return whole;
}

/* now + ticks, or PORT_NEVER. */
static inline uint64_t port_deadline(uint64_t now, uint64_t ticks)
{
    uint64_t sum;

    return __builtin_add_overflow(now, ticks, &sum) ? PORT_NEVER : sum;
}
