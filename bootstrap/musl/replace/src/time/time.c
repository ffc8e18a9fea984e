/* Replaces musl's time.c, which does not look whether there is a clock to ask. */
#include <time.h>

time_t time(time_t *result)
{
    struct timespec now;
    time_t seconds = clock_gettime(CLOCK_REALTIME, &now) ? (time_t)-1 : now.tv_sec;

    if (result)
        *result = seconds;
    return seconds;
}
