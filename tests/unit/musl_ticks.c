/* Times in ticks and in seconds (bootstrap/musl/port/ticks.h). */
#include "tap.h"
#include "ticks.h"

static const uint64_t frequencies[] = {PORT_HZ_MINIMUM, 1000000,     2596104000,
                                       PORT_SECOND,     5000000001u, PORT_HZ_MAXIMUM};

static void test_of(uint64_t hz)
{
    struct port_time zero = port_time_of(0, hz), one = port_time_of(hz, hz);
    unsigned wrong = 0;

    ok(!zero.seconds && !zero.nanoseconds && one.seconds == 1 && !one.nanoseconds,
       "%" PRIu64 " Hz: a second is one", hz);
    for (uint64_t ticks = 1, i = 0; i < 60; ticks = ticks * 2 + 1, i++) {
        struct port_time t = port_time_of(ticks, hz);
        unsigned __int128 exact = (unsigned __int128)ticks * PORT_SECOND / hz;

        wrong += (unsigned __int128)t.seconds * PORT_SECOND + t.nanoseconds != exact;
        wrong += t.nanoseconds >= PORT_SECOND;
    }
    is_u64(wrong, 0, "and any number of ticks is exact");
}

static void test_back(uint64_t hz)
{
    unsigned wrong = 0;

    for (uint64_t ns = 0; ns < PORT_SECOND; ns += 999983) {
        struct port_time t = {12345, ns}, shown = port_time_of(port_ticks_of(t, hz), hz);

        wrong += shown.seconds < t.seconds ||
                 (shown.seconds == t.seconds && shown.nanoseconds < t.nanoseconds);
        if (port_ticks_of(t, hz)) {
            shown = port_time_of(port_ticks_of(t, hz) - 1, hz);
            wrong += shown.seconds > t.seconds ||
                     (shown.seconds == t.seconds && shown.nanoseconds > t.nanoseconds);
        }
    }
    is_u64(wrong, 0, "%" PRIu64 " Hz: a deadline is the first tick that shows its time", hz);
}

int main(void)
{
    for (unsigned i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++) {
        test_of(frequencies[i]);
        test_back(frequencies[i]);
    }
    is_u64(port_ticks_of((struct port_time){UINT64_MAX, 0}, 1000), PORT_NEVER, "never");
    is_u64(port_ticks_of((struct port_time){UINT64_MAX / 1000, 999999999}, 1000), PORT_NEVER,
           "nor so late");
    is_u64(port_ticks_of((struct port_time){INT64_MAX, 0}, PORT_HZ_MAXIMUM), PORT_NEVER,
           "nor at the end of a signed time");
    is_u64(port_deadline(5, 7), 12, "a deadline");
    is_u64(port_deadline(UINT64_MAX - 1, 7), PORT_NEVER, "that does not wrap");
    return done_testing();
}
