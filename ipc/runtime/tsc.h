/* The time that all CPUs share: ticks of the TSC, environment.tsc_hz in a second. */
#pragma once

#include <stdint.h>

/* Not before what comes earlier in the program is done. */
static inline uint64_t tsc_now(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}
