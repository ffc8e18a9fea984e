#include "wall_clock.h"

#include <sys/random.h>
#include <time.h>

#include "timers.h"

#define NANOSECONDS 1000000000ull

uint64_t wall_clock_seconds(struct vm *vm)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    uint64_t since = time_scale(tsc_now(), ENVIRONMENT->tsc_hz, NANOSECONDS);
    vm->wall_clock = (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec - since;
    return (uint64_t)now.tv_sec;
}

bool random_fill(uint8_t *bytes, uint32_t size)
{
    uint32_t done = 0;

    while (done < size) {
        ssize_t part = getrandom(bytes + done, size - done, 0);
        if (part <= 0)
            return false;
        done += (uint32_t)part;
    }
    return true;
}
