/*
 * Time for device models: ticks of the kernel's TSC, and timers on them. Devices count in
 * frequencies of their own; they keep the tick at which they began and compute from there, so
 * nothing drifts however late they are asked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fires once, at or after its deadline. A device that wants more sets it again when it fires. */
struct timer {
    uint64_t deadline; /* ticks; 0: it is off */
    void (*fire)(void *device, uint64_t deadline);
    void *device;
    struct timer *next; /* by deadline */
    uint64_t round;     /* of timers_run in which it was set */
};

struct timers {
    uint64_t hz; /* ticks a second */
    uint64_t (*now)(void);
    struct timer *first;
    uint64_t round;
};

/* Sets its deadline, or with 0 switches it off. One in the past fires at the next timers_run. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t deadline);
/* Fires those that are due, each at most once, in order of their deadlines. */
void timers_run(struct timers *timers);

/* The next deadline; 0: there is none. */
static inline uint64_t timers_next(const struct timers *timers)
{
    return timers->first ? timers->first->deadline : 0;
}

/* count periods of one frequency in periods of another one, rounded down; hz are not 0. */
static inline uint64_t time_scale(uint64_t count, uint64_t from_hz, uint64_t to_hz)
{
    return (uint64_t)((unsigned __int128)count * to_hz / from_hz);
}

/* The same, rounded up: the first tick at which so many periods are over. */
static inline uint64_t time_scale_up(uint64_t count, uint64_t from_hz, uint64_t to_hz)
{
    return (uint64_t)(((unsigned __int128)count * to_hz + from_hz - 1) / from_hz);
}
