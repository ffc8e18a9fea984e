/*
 * Clocks. CLOCK_MONOTONIC and its kind count the TSC, which all CPUs share, from where the machine
 * started it. The time of day is what the service `clock` says (wall.h); where nobody says,
 * CLOCK_REALTIME is refused (EINVAL), and its result is zero for those who do not look.
 */
#include <errno.h>
#include <time.h>

#include "calls.h"
#include "ticks.h"
#include "wall.h"

static uint64_t hz(void)
{
    return ENVIRONMENT->tsc_hz;
}

static bool is_monotonic(long clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

static bool is_wall(long clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static bool is_cpu_time(long clock)
{
    return clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID;
}

static uint64_t ticks_of(long clock)
{
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return time_consumed(port_self()->time).value;
    return clock == CLOCK_PROCESS_CPUTIME_ID ? port_threads_time() : tsc_now();
}

/* False: there is no such clock, or nobody knows its time. */
static bool clock_read(long clock, struct port_time *time)
{
    if (is_wall(clock))
        return port_wall_now(time);
    if (!is_monotonic(clock) && !is_cpu_time(clock))
        return false;
    *time = port_time_of(ticks_of(clock), hz());
    return true;
}

/* clock, result */
long call_clock_gettime(const long *a)
{
    struct timespec *result = (struct timespec *)a[1];
    struct port_time time;

    if (!clock_read(a[0], &time)) {
        *result = (struct timespec){0};
        return -EINVAL;
    }
    *result = (struct timespec){.tv_sec = (time_t)time.seconds, .tv_nsec = (long)time.nanoseconds};
    return 0;
}

/* clock, result or NULL */
long call_clock_getres(const long *a)
{
    struct timespec *result = (struct timespec *)a[1];
    struct port_time time;

    if (!clock_read(a[0], &time))
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
        uint64_t now = tsc_now(), left = deadline > now ? deadline - now : 0;
        struct port_time time = port_time_of(left, hz());

        *rest =
            (struct timespec){.tv_sec = (time_t)time.seconds, .tv_nsec = (long)time.nanoseconds};
    }
    return result;
}

/* From now on until the time of day is that; 0: it is past. */
static uint64_t ticks_until(struct port_time then, struct port_time now)
{
    if (then.seconds < now.seconds ||
        (then.seconds == now.seconds && then.nanoseconds <= now.nanoseconds))
        return 0;
    bool borrow = then.nanoseconds < now.nanoseconds;
    return port_ticks_of(
        (struct port_time){then.seconds - now.seconds - borrow,
                           then.nanoseconds + (borrow ? PORT_SECOND : 0) - now.nanoseconds},
        hz());
}

/* clock, flags, time, rest or NULL */
long call_clock_nanosleep(const long *a)
{
    const struct timespec *time = (const struct timespec *)a[2];
    bool absolute = a[1] & TIMER_ABSTIME;
    struct port_time now;

    if (!is_monotonic(a[0]) && (!is_wall(a[0]) || (absolute && !clock_read(a[0], &now))))
        return -EINVAL;
    if (time->tv_sec < 0 || time->tv_nsec < 0 || (uint64_t)time->tv_nsec >= PORT_SECOND)
        return -EINVAL;
    const struct port_time then = {(uint64_t)time->tv_sec, (uint64_t)time->tv_nsec};
    if (absolute && is_wall(a[0]))
        return sleep_until(port_deadline(tsc_now(), ticks_until(then, now)), NULL);
    uint64_t ticks = port_ticks_of(then, hz());
    return sleep_until(absolute ? ticks : port_deadline(tsc_now(), ticks),
                       absolute ? NULL : (struct timespec *)a[3]);
}

/* time, rest or NULL. How long is all it asks, so any clock serves. */
long call_nanosleep(const long *a)
{
    const long as_clock[] = {CLOCK_MONOTONIC, 0, a[0], a[1]};

    return call_clock_nanosleep(as_clock);
}
