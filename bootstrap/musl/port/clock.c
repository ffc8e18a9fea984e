/*
 * Clocks. CLOCK_MONOTONIC and its kind count the TSC, which all CPUs share, from where the machine
 * started it. What time of day it is nobody has told this program: CLOCK_REALTIME is refused
 * (EINVAL), and its result is zero for those who do not look.
 */
#include <errno.h>
#include <time.h>

#include "calls.h"
#include "ticks.h"

static uint64_t hz(void)
{
    return ENVIRONMENT->tsc_hz;
}

static bool is_monotonic(long clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static bool is_cpu_time(long clock)
{
    return clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID;
}

static uint64_t ticks_of(long clock)
{
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return time_consumed(port_self()->time).value;
    return clock == CLOCK_PROCESS_CPUTIME_ID ? port_threads_time() : port_tsc();
}

/* clock, result */
long call_clock_gettime(const long *a)
{
    struct timespec *result = (struct timespec *)a[1];

    if (!is_monotonic(a[0]) && !is_cpu_time(a[0])) {
        *result = (struct timespec){0};
        return -EINVAL;
    }
    struct port_time time = port_time_of(ticks_of(a[0]), hz());
    *result = (struct timespec){.tv_sec = (time_t)time.seconds, .tv_nsec = (long)time.nanoseconds};
    return 0;
}

/* clock, result or NULL */
long call_clock_getres(const long *a)
{
    struct timespec *result = (struct timespec *)a[1];

    if (!is_monotonic(a[0]) && !is_cpu_time(a[0]))
        return -EINVAL;
    if (result)
        *result = (struct timespec){.tv_nsec = (long)((PORT_SECOND + hz() - 1) / hz())};
    return 0;
}

/* Until the deadline; what is left to *rest if it was interrupted. */
static long sleep_until(uint64_t deadline, struct timespec *rest)
{
    long result = port_sleep(deadline ? deadline : 1);

    if (result == -EINTR && rest) {
        uint64_t now = port_tsc(), left = deadline > now ? deadline - now : 0;
        struct port_time time = port_time_of(left, hz());

        *rest =
            (struct timespec){.tv_sec = (time_t)time.seconds, .tv_nsec = (long)time.nanoseconds};
    }
    return result;
}

/* clock, flags, time, rest or NULL */
long call_clock_nanosleep(const long *a)
{
    const struct timespec *time = (const struct timespec *)a[2];
    bool absolute = a[1] & TIMER_ABSTIME;

    if (!is_monotonic(a[0]) && !(a[0] == CLOCK_REALTIME && !absolute))
        return -EINVAL;
    if (time->tv_sec < 0 || time->tv_nsec < 0 || (uint64_t)time->tv_nsec >= PORT_SECOND)
        return -EINVAL;
    uint64_t ticks =
        port_ticks_of((struct port_time){(uint64_t)time->tv_sec, (uint64_t)time->tv_nsec}, hz());
    return sleep_until(absolute ? ticks : port_deadline(port_tsc(), ticks),
                       absolute ? NULL : (struct timespec *)a[3]);
}

/* time, rest or NULL. How long is all it asks, so any clock serves. */
long call_nanosleep(const long *a)
{
    const long as_clock[] = {CLOCK_MONOTONIC, 0, a[0], a[1]};

    return call_clock_nanosleep(as_clock);
}
