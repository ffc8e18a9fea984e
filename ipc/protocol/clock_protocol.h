/*
 * The service `clock`: wall time. Monotonic time needs no service: it is the TSC, at
 * environment.tsc_hz.
 */
#pragma once

#define CLOCK_VERSION 1u

enum clock_operation {
    CLOCK_WALL =
        1, /* Reply: word 0: nanoseconds since 1970-01-01T00:00:00Z; word 1: the TSC then */
};

enum clock_status {
    CLOCK_DONE = 0,
    CLOCK_BAD_REQUEST = 1,
    CLOCK_UNSET = 2, /* the real-time clock does not tell the time: its battery, or its registers */
};
