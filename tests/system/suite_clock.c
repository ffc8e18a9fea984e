/*
 * The TSC frequency against the ACPI power-management timer (ACPI 6.4, 4.8.3.3): 3.579545 MHz,
 * 24 or 32 bits.
 *
 * One reading of the timer is bracketed by two of the TSC, and the tightest of several brackets
 * counts, so that an interruption of the machine between the two costs a try and no accuracy.
 */
#include "cpu.h"
#include "print.h"
#include "suites.h"
#include "tap.h"

#define PM_TIMER_HZ 3579545ull
#define PM_INTERVAL (PM_TIMER_HZ / 20) /* 50 ms: one tick is 6 ppm */
#define PPM_LIMIT   200

#define BRACKETS    16
#define SPINS_LIMIT 20000000u

struct reading {
    uint64_t tsc;   /* middle of the bracket */
    uint64_t width; /* TSC ticks between its ends */
    uint32_t timer;
};

static struct reading reading_take(uint16_t port)
{
    struct reading best = {0, UINT64_MAX, 0};

    for (unsigned i = 0; i < BRACKETS; i++) {
        uint64_t before = tsc_read();
        uint32_t timer = port_read32(port);
        uint64_t after = tsc_read();

        if (after - before < best.width) {
            best = (struct reading){before + (after - before) / 2, after - before, timer};
        }
    }
    return best;
}

/* TSC ticks a second by the timer; 0 if the timer stands still. The product stays below 2^64. */
static uint64_t tsc_hz_measure(uint16_t port, uint32_t mask)
{
    struct reading first = reading_take(port), last;
    uint32_t passed = 0;

    for (uint32_t i = 0; i < SPINS_LIMIT && passed < PM_INTERVAL; i++) {
        passed = (port_read32(port) - first.timer) & mask;
    }
    if (passed < PM_INTERVAL) {
        return 0;
    }
    last = reading_take(port);
    passed = (last.timer - first.timer) & mask;
    return (last.tsc - first.tsc) * PM_TIMER_HZ / passed;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static void check_frequency(const struct machine *m)
{
    uint16_t port = machine_port(m, PORTS_PM_TIMER);
    uint32_t mask = m->info->flags & BOOT_FLAG_PM_TIMER_32 ? UINT32_MAX : 0xffffff;
    uint64_t measured = port ? tsc_hz_measure(port, mask) : 0, ppm;

    tap_ok(port, "the PM timer's port was given");
    tap_ok(measured, "the PM timer runs");
    if (!measured) {
        return;
    }
    ppm = difference(measured, m->info->tsc_hz) * 1000000 / measured;
    if (m->exact) {
        tap_at_most(ppm, PPM_LIMIT, "TSC frequency is within 200 ppm of the PM timer");
    }
    tap_comment();
    print("TSC %lu Hz by the PM timer, %lu Hz recorded: %lu ppm\n", measured, m->info->tsc_hz, ppm);
}

void suite_clock(const struct machine *m)
{
    uint64_t first = tsc_read(), last = first;
    bool monotonic = true;

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = tsc_read();

        monotonic = monotonic && now >= last;
        last = now;
    }
    tap_ok(monotonic, "TSC never runs backwards");
    tap_ok(last > first, "TSC runs");
    tap_ok(m->info->tsc_hz >= 1000000 && m->info->tsc_hz <= 100000000000,
           "TSC frequency is between 1 MHz and 100 GHz");
    check_frequency(m);
}
