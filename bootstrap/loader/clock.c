/*
 * Comparing two clocks. See clock.h for the idea.
 */
#include "clock.h"

#include <stdbool.h>

#define PPM          1000000u
#define EDGES        16u
#define ERROR_GOOD   50u    /* ppm */
#define ERROR_ENOUGH 200u   /* ppm */
#define CLAIM_MARGIN 20000u /* the claim may lie outside by one part in this many: 50 ppm */
#define LONG_JUMP    8u     /* counter ticks */
#define COARSE_TICK  4u     /* PM timer ticks in a microsecond, rounded up */
#define QUIET_BURSTS 8u     /* so many bursts without a change: the counter stands still */
#define BURSTS_MAX   80000u
#define FIRST_LOOK   64u /* counter ticks after which the bounds are first looked at */
#define ELAPSED_MAX  (1ull << 34)

/* A measurement on its way. */
struct clock_run {
    uint32_t counter; /* last value */
    uint64_t ticks;   /* counted so far */
    bool started;
    uint32_t early_count, late_count;
    struct clock_edge early[EDGES];
    struct clock_edge late[EDGES]; /* the last changes of the last burst that had any, a ring */
    uint32_t late_next;
};

struct clock_rate clock_bounds(const struct clock_edge *early, uint32_t early_count,
                               const struct clock_edge *late, uint32_t late_count, uint64_t scale)
{
    struct clock_rate rate = {.low = 0, .high = UINT64_MAX};

    for (uint32_t i = 0; i < early_count; i++) {
        for (uint32_t k = 0; k < late_count; k++) {
            const struct clock_edge *e = &early[i], *l = &late[k];

            /* Pairs that overlap say nothing; what is too long for 64 bits is not used. */
            if (l->after <= e->before || l->ticks <= e->ticks + e->slack ||
                l->before - e->after > ELAPSED_MAX)
                continue;
            uint64_t low = scale * (l->after - e->before) / (l->ticks + l->slack - e->ticks);
            uint64_t high = scale * (l->before - e->after) / (l->ticks - e->ticks - e->slack) + 1;
            rate.low = low > rate.low ? low : rate.low;
            rate.high = high < rate.high ? high : rate.high;
        }
    }
    if (rate.low > rate.high)
        rate = (struct clock_rate){.low = rate.high, .high = rate.low};
    return rate;
}

uint64_t clock_error_ppm(const struct clock_rate *rate)
{
    uint64_t error = (rate->high - rate->low) / 2 + 1, middle = rate->low + error;

    if (middle < PPM || error > middle / 1000)
        return PPM; /* far too much; and the division below stays sound */
    return error / (middle / PPM) + 1;
}

/*
 * What a change by step, to ticks, between two readings tells.
 *
 * A jump by more than one means that we read too slowly, or that the counter is made from a coarser
 * clock, such as one of microseconds, and then changes at that clock's ticks and shows up to one
 * tick less than it should. A long jump tells more through the second reading itself: it saw the
 * count, or up to a coarse clock's tick less.
 */
static struct clock_edge edge_between(const struct clock_sample *first,
                                      const struct clock_sample *second, uint32_t step,
                                      uint64_t ticks)
{
    if (step > LONG_JUMP)
        return (struct clock_edge){
            .after = second->before, .before = second->after, .ticks = ticks, .slack = COARSE_TICK};
    return (struct clock_edge){
        .after = first->before, .before = second->after, .ticks = ticks, .slack = step > 1};
}

/* Takes the changes out of a burst. false if the counter ran backwards. */
static bool run_take(struct clock_run *run, const struct clock_source *source,
                     const struct clock_sample *samples, uint32_t *changes)
{
    *changes = 0;
    if (!run->started) {
        run->started = true;
        run->counter = samples[0].counter;
    }
    for (uint32_t i = 0; i < CLOCK_BURST; i++) {
        uint32_t step = (samples[i].counter - run->counter) & source->mask;

        if (step == 0)
            continue;
        if (step > source->mask / 2)
            return false;
        run->counter = samples[i].counter;
        run->ticks += step;
        if (i == 0)
            continue; /* no reading just before it */

        struct clock_edge edge = edge_between(&samples[i - 1], &samples[i], step, run->ticks);
        if (run->early_count < EDGES)
            run->early[run->early_count++] = edge;
        if ((*changes)++ == 0)
            run->late_count = run->late_next = 0;
        run->late[run->late_next] = edge;
        run->late_next = (run->late_next + 1) % EDGES;
        run->late_count += run->late_count < EDGES;
    }
    return true;
}

/* Is the rate known well enough? The end of the allowed time makes one content with less. */
static bool rate_settle(const struct clock_rate *rate, const struct clock_request *request,
                        bool end, uint64_t *rate_out)
{
    uint64_t error = clock_error_ppm(rate), margin = request->claim / CLAIM_MARGIN;

    if (error <= ERROR_ENOUGH && request->claim && request->claim >= rate->low - margin &&
        request->claim <= rate->high + margin) {
        *rate_out = request->claim;
        return true;
    }
    *rate_out = rate->low + (rate->high - rate->low) / 2;
    return error <= (end ? ERROR_ENOUGH : ERROR_GOOD);
}

enum hardware_status clock_measure(const struct clock_source *source,
                                   const struct clock_request *request, uint64_t *rate_out)
{
    static struct clock_sample samples[CLOCK_BURST];
    struct clock_run run = {0};
    uint64_t look = FIRST_LOOK, first_tsc = 0;
    uint32_t quiet = 0, changes;

    for (uint32_t bursts = 0; bursts < BURSTS_MAX; bursts++) {
        uint64_t before = run.ticks;
        source->burst(source->context, samples);
        if (bursts == 0)
            first_tsc = samples[0].before;
        if (!run_take(&run, source, samples, &changes))
            return HARDWARE_CLOCK_UNSTEADY;
        quiet = run.ticks == before ? quiet + 1 : 0;
        if (quiet == QUIET_BURSTS)
            return HARDWARE_CLOCK_STANDS_STILL;

        bool end = run.ticks >= request->max_ticks ||
                   samples[CLOCK_BURST - 1].after - first_tsc >= request->max_tsc;
        if ((run.ticks >= look && changes) || end) {
            struct clock_rate rate =
                clock_bounds(run.early, run.early_count, run.late, run.late_count, request->scale);
            look = run.ticks + run.ticks / 4;
            if (rate_settle(&rate, request, end, rate_out))
                return HARDWARE_OK;
        }
        if (end)
            break;
    }
    return HARDWARE_CLOCK_UNSTEADY;
}
