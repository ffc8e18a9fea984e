/*
 * Comparing two clocks: how many TSC ticks is one tick of another counter? Pure arithmetic over
 * readings that the caller provides, so that host tests run it on simulated clocks.
 *
 * A reading of the counter tells nothing about where inside its tick it happened. Two readings with
 * a change between them do: the change lies between the TSC values around them. Each pair of an
 * early and a late change gives a lower and an upper bound of the rate that are true whatever
 * delayed the readings; the tightest of all pairs count.
 */
#pragma once

#include <stdint.h>

#include "hardware.h"

#define CLOCK_BURST 128u /* readings in one go */

/* The counter's value, and the TSC read just before and just after it. */
struct clock_sample {
    uint64_t before, after;
    uint32_t counter;
};

/* A counter that counts up and wraps at mask + 1, a power of two. */
struct clock_source {
    /* Takes CLOCK_BURST samples as fast as it can. */
    void (*burst)(void *context, struct clock_sample samples[CLOCK_BURST]);
    void *context;
    uint32_t mask;
};

/*
 * At some moment later than TSC value `after` and not later than `before`, the counter's exact
 * count was at least ticks and at most ticks + slack.
 */
struct clock_edge {
    uint64_t after, before;
    uint64_t ticks; /* since the start of the measurement, wraps undone */
    uint64_t slack;
};

/* TSC ticks for each counter tick, times a scale: between low and high. */
struct clock_rate {
    uint64_t low, high;
};

struct clock_request {
    uint64_t scale;     /* at most 2^28; the counter's frequency makes the rate the TSC's */
    uint64_t max_ticks; /* when to end: counter ticks, ... */
    uint64_t max_tsc;   /* ... and TSC ticks, whichever comes first; at most 2^34 */
    uint64_t claim;     /* what the rate is said to be, or 0 */
};

/* Tightest bounds from all pairs of early and late changes. Empty bounds become the range between.
 */
struct clock_rate clock_bounds(const struct clock_edge *early, uint32_t early_count,
                               const struct clock_edge *late, uint32_t late_count, uint64_t scale);

/* How far the middle can be from the truth, in millionths, rounded up. */
uint64_t clock_error_ppm(const struct clock_rate *rate);

/*
 * Measures until the error is at most 50 ppm, or 200 ppm when the claim lies within the bounds; at
 * the end of the allowed time 200 ppm will do. rate_out: the claim if it was confirmed, otherwise
 * the middle of the bounds. Errors: CLOCK_STANDS_STILL, CLOCK_UNSTEADY.
 */
enum hardware_status clock_measure(const struct clock_source *source,
                                   const struct clock_request *request, uint64_t *rate_out)
    __attribute__((warn_unused_result));
