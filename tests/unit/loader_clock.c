/*
 * Calibration on simulated clocks: a TSC and a counter of known frequencies, read by code that
 * takes time, with the delays, quantization and wraps that real ones have.
 */
#include "clock.h"
#include "loader_fakes.h"
#include "tap.h"

#define PM_HZ   3579545ull
#define SECOND  1000000000000ull /* picoseconds */
#define CAP_TSC (1ull << 33)

struct world {
    uint64_t tsc_hz, counter_hz;
    uint64_t step;    /* picoseconds for one part of a reading; there are three and a pause */
    uint64_t jitter;  /* up to so much more for each part */
    uint64_t hole;    /* now and then a reading takes so much longer */
    uint64_t quantum; /* the counter is derived from a clock of that period, or 0 */
    uint32_t mask;
    uint64_t offset; /* counter value at time 0 */
    bool stuck, backwards;
    uint64_t time, state, readings;
};

static uint64_t scaled(uint64_t time, uint64_t hz)
{
    return (uint64_t)((unsigned __int128)time * hz / SECOND);
}

static uint64_t world_pass(struct world *w)
{
    w->time += w->step;
    if (w->jitter)
        w->time += noise(&w->state) % w->jitter;
    if (w->hole && noise(&w->state) % 200 == 0)
        w->time += w->hole;
    return w->time;
}

static uint32_t world_counter(struct world *w)
{
    uint64_t time = world_pass(w);

    w->readings++;
    if (w->stuck)
        return 42;
    if (w->backwards)
        return (uint32_t)(w->mask - scaled(time, w->counter_hz)) & w->mask;
    if (w->quantum)
        time -= time % w->quantum;
    return (uint32_t)(w->offset + scaled(time, w->counter_hz)) & w->mask;
}

static void world_burst(void *context, struct clock_sample samples[CLOCK_BURST])
{
    struct world *w = context;

    for (uint32_t i = 0; i < CLOCK_BURST; i++) {
        samples[i].before = scaled(world_pass(w), w->tsc_hz);
        samples[i].counter = world_counter(w);
        samples[i].after = scaled(world_pass(w), w->tsc_hz);
        world_pass(w);
    }
}

static enum hardware_status measure(struct world *w, uint64_t claim, uint64_t *rate)
{
    struct clock_source source = {.burst = world_burst, .context = w, .mask = w->mask};
    struct clock_request request = {
        .scale = PM_HZ, .max_ticks = PM_HZ / 20, .max_tsc = CAP_TSC, .claim = claim};

    w->state = 88172645463325252ull;
    return clock_measure(&source, &request, rate);
}

static uint64_t error_ppm(uint64_t got, uint64_t want)
{
    return (got > want ? got - want : want - got) * 1000000 / want;
}

static const struct {
    const char *what;
    struct world world;
    uint64_t ppm, milliseconds; /* sought */
} machines[] = {
    {"an instruction a nanosecond", {.tsc_hz = 1000000000, .step = 4000, .mask = 0xffffff}, 50, 1},
    {"3 GHz, port reads of a microsecond",
     {.tsc_hz = 3000000000, .step = 400000, .jitter = 100000, .mask = 0xffffff},
     100,
     51},
    {"nested, reads of 10 us with holes of 300 us",
     {.tsc_hz = 2600000000,
      .step = 3000000,
      .jitter = 2000000,
      .hole = 300000000,
      .mask = 0xffffff},
     200,
     60},
    {"20 MHz TSC, counter derived from microseconds",
     {.tsc_hz = 20000000, .step = 300000, .quantum = 1000000, .mask = 0xffffff},
     50,
     30},
    {"a 24-bit counter that wraps at once",
     {.tsc_hz = 1000000000, .step = 4000, .offset = 0xfffff0, .mask = 0xffffff},
     50,
     1},
    {"a 24-bit counter that wraps on the way",
     {.tsc_hz = 2000000000, .step = 200000, .offset = 0xffff00, .mask = 0xffffff},
     60,
     51},
    {"16 GHz", {.tsc_hz = 16000000000, .step = 100000, .jitter = 30000, .mask = 0xffffff}, 60, 51},
};

static void test_machines(void)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        struct world w = machines[i].world;
        uint64_t rate = 0;

        w.counter_hz = PM_HZ;
        is_u64(measure(&w, 0, &rate), HARDWARE_OK, "%s", machines[i].what);
        ok(error_ppm(rate, w.tsc_hz) <= machines[i].ppm, "  within %lu ppm: %lu",
           (unsigned long)machines[i].ppm, (unsigned long)error_ppm(rate, w.tsc_hz));
        ok(w.time <= machines[i].milliseconds * (SECOND / 1000), "  after %lu us",
           (unsigned long)(w.time / 1000000));
    }
}

static void test_claims(void)
{
    struct world w = {.tsc_hz = 3000000000, .counter_hz = PM_HZ, .step = 400000, .mask = 0xffffff};
    struct world start = w;
    uint64_t rate, measured;

    is_u64(measure(&w, 3000012345, &rate), HARDWARE_OK, "a claim that is true");
    is_u64(rate, 3000012345, "  is taken");
    uint64_t quick = w.time;
    w = start;
    is_u64(measure(&w, 0, &measured), HARDWARE_OK, "no claim");
    ok(w.time > 2 * quick, "  takes longer");
    w = start;
    is_u64(measure(&w, 3100000000, &rate), HARDWARE_OK, "a claim that is false");
    is_u64(rate, measured, "  changes nothing");
    w = start;
    is_u64(measure(&w, 20000000, &rate), HARDWARE_OK, "a claim that is absurd");
    is_u64(rate, measured, "  changes nothing");
}

static void test_broken(void)
{
    struct world w = {.tsc_hz = 3000000000, .counter_hz = PM_HZ, .step = 10000, .mask = 0xffffff};
    uint64_t rate;

    w.stuck = true;
    is_u64(measure(&w, 0, &rate), HARDWARE_CLOCK_STANDS_STILL, "a counter that stands still");
    ok(w.readings <= 2000, "  is given up soon");

    w = (struct world){.tsc_hz = 3000000000, .counter_hz = PM_HZ, .step = 10000, .mask = 0xffffff};
    w.backwards = true;
    is_u64(measure(&w, 0, &rate), HARDWARE_CLOCK_UNSTEADY, "a counter that runs backwards");

    w = (struct world){.tsc_hz = 1000000000, .counter_hz = 3000, .step = 4000, .mask = 0xffffff};
    ok(measure(&w, 0, &rate) != HARDWARE_OK, "a counter that is far too slow");

    w = (struct world){.tsc_hz = 3000000000, .counter_hz = PM_HZ, .mask = 0xffffff};
    w.step = 50000000;
    is_u64(measure(&w, 0, &rate), HARDWARE_CLOCK_UNSTEADY, "reads of 50 us: not within 200 ppm");
}

/* Bounds hold what was put in, also where the intervals contradict each other. */
static void test_bounds(void)
{
    const struct clock_edge early[] = {{.after = 100, .before = 110, .ticks = 10}};
    const struct clock_edge late[] = {{.after = 1100, .before = 1130, .ticks = 110},
                                      {.after = 1098, .before = 1112, .ticks = 110, .slack = 1}};
    const struct clock_edge liar[] = {{.after = 1100, .before = 1130, .ticks = 110},
                                      {.after = 3000, .before = 3010, .ticks = 120}};
    struct clock_rate rate = clock_bounds(early, 1, late, 1, 1000);

    ok(rate.low == 9900 && rate.high == 10301, "one pair");
    rate = clock_bounds(early, 1, late, 2, 1000);
    ok(rate.low == 9900 && rate.high == 10121, "the tightest of two pairs");
    rate = clock_bounds(early, 1, liar, 2, 1000);
    ok(rate.low == 10301 && rate.high == 26272, "a contradiction is the error");
    rate = clock_bounds(early, 1, early, 1, 1000);
    is_u64(clock_error_ppm(&rate), 1000000, "nothing to compare");
    rate = (struct clock_rate){.low = 999900000, .high = 1000100000};
    is_u64(clock_error_ppm(&rate), 101, "half the width counts");
}

/* Is the answer ever further off than its error bound says? */
static void test_honest(void)
{
    uint64_t state = 7, rate;
    unsigned wrong = 0, measured = 0;

    for (unsigned i = 0; i < 60; i++) {
        struct world w = {.counter_hz = PM_HZ, .mask = 0xffffff};

        w.tsc_hz = 10000000 + noise(&state) % 5000000000;
        w.step = 10000 + noise(&state) % 2000000;
        w.jitter = noise(&state) % 1000000;
        w.hole = noise(&state) % 100000000;
        w.offset = noise(&state);
        if (measure(&w, 0, &rate) != HARDWARE_OK)
            continue;
        measured++;
        wrong += error_ppm(rate, w.tsc_hz) > 200;
    }
    ok(measured >= 20, "random machines: %u of 60 measured", measured);
    is_u64(wrong, 0, "  all within 200 ppm");
}

int main(void)
{
    test_bounds();
    test_machines();
    test_claims();
    test_broken();
    test_honest();
    return done_testing();
}
