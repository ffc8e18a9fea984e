/* Clocks and sleeping. */
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define SECOND 1000000000

static int64_t now(clockid_t clock)
{
    struct timespec t;

    return clock_gettime(clock, &t) ? -1 : t.tv_sec * SECOND + t.tv_nsec;
}

static void check_monotonic(void)
{
    int64_t last = now(CLOCK_MONOTONIC), wrong = 0;
    struct timespec resolution = {0};

    check(last > 0, "there is a monotonic clock");
    for (unsigned i = 0; i < 20000; i++) {
        int64_t next = now(CLOCK_MONOTONIC);

        wrong += next < last;
        last = next;
    }
    check(!wrong, "which never goes back");
    int error = clock_getres(CLOCK_MONOTONIC, &resolution);
    check(!error && resolution.tv_sec == 0 && resolution.tv_nsec > 0 &&
              resolution.tv_nsec < 1000000,
          "and says how fine it is: %ld ns", resolution.tv_nsec);
    check(now(CLOCK_BOOTTIME) >= last && now(CLOCK_MONOTONIC_RAW) >= last, "by other names too");
}

static void check_sleep(void)
{
    int64_t begin = now(CLOCK_MONOTONIC);
    struct timespec time = {0, 15000000};

    check(nanosleep(&time, NULL) == 0, "a sleep of 15 ms");
    int64_t took = now(CLOCK_MONOTONIC) - begin;
    check(took >= 15000000 && took < 5ll * SECOND, "takes that long: %ld us", (long)took / 1000);
    begin = now(CLOCK_MONOTONIC) + 10000000;
    time = (struct timespec){begin / SECOND, begin % SECOND};
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0 &&
              now(CLOCK_MONOTONIC) >= begin,
          "a sleep until a moment ends after it");
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == 0, "which may be past");
    time = (struct timespec){0, SECOND};
    check(nanosleep(&time, NULL) == -1 && errno == EINVAL, "no second has so many nanoseconds");
    time = (struct timespec){-1, 0};
    check(nanosleep(&time, NULL) == -1 && errno == EINVAL, "and none is negative");
    check(usleep(1000) == 0, "usleep does too");
}

static void check_cpu_time(void)
{
    int64_t thread = now(CLOCK_THREAD_CPUTIME_ID), process = now(CLOCK_PROCESS_CPUTIME_ID);

    for (volatile unsigned i = 0; i < 2000000; i++) {
    }
    usleep(100); /* the kernel counts when a thread gives its CPU up */
    check(thread >= 0 && now(CLOCK_THREAD_CPUTIME_ID) > thread, "a thread's own time passes");
    check(process >= thread && now(CLOCK_PROCESS_CPUTIME_ID) > process, "and the program's");
    check(clock() != (clock_t)-1, "clock() has it");
}

static void check_day(void)
{
    struct timespec t = {5, 5};
    struct timeval v;

    check(clock_gettime(CLOCK_REALTIME, &t) == -1 && errno == EINVAL && t.tv_sec == 0,
          "nobody knows the time of day: EINVAL");
    check(time(NULL) == (time_t)-1, "nor does time()");
    check(gettimeofday(&v, NULL) == -1 && errno == EINVAL, "nor gettimeofday()");
    check(timespec_get(&t, TIME_UTC) == 0, "nor timespec_get()");
    check(clock_settime(CLOCK_REALTIME, &t) == -1 && errno == ENOSYS, "and it cannot be set");
    check(clock_gettime(77, &t) == -1 && errno == EINVAL, "there is no clock 77");
}

int main(void)
{
    check_monotonic();
    check_sleep();
    check_cpu_time();
    check_day();
    return checks_end();
}
