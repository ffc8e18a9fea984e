/*
 * The service is asked once for what time it was at which TSC; from there on the TSC counts. When
 * it was started again it is asked again, as the real-time clock may know better by now; while it
 * is away, what it has said holds.
 */
#include "wall.h"

#include "asking.h"
#include "clock_protocol.h"
#include "port.h"

static struct wall {
    struct port_service service;
    uint64_t notice; /* of the session, when it was asked; 0: nothing is known */
    uint64_t nanoseconds, tsc;
} wall = {.service = {.name = "clock", .version = CLOCK_VERSION}};

/* Is there another service than the one that was asked? */
static bool is_old(void)
{
    uint64_t notice = __atomic_load_n(wall.service.session.notice, __ATOMIC_ACQUIRE);

    return !wall.notice || (notice != wall.notice && notice & NOTICE_CONNECTED);
}

static void ask(void)
{
    struct session_entry entry = {.operation = CLOCK_WALL};
    uint64_t before = tsc_now();

    if (!port_service_ask(&wall.service, &entry) || entry.operation != CLOCK_DONE ||
        entry.word[1] < before || entry.word[1] > tsc_now())
        return;
    wall.nanoseconds = entry.word[0];
    wall.tsc = entry.word[1];
    wall.notice = wall.service.session.generation << NOTICE_GENERATION | NOTICE_CONNECTED;
}

bool port_wall_now(struct port_time *now)
{
    port_lock(PORT_LOCK_SERVICES);
    if (port_service_is_there(&wall.service) && is_old())
        ask();
    bool known = wall.notice;
    struct port_time passed = port_time_of(tsc_now() - wall.tsc, ENVIRONMENT->tsc_hz);
    uint64_t rest = passed.nanoseconds + wall.nanoseconds % PORT_SECOND;
    *now = (struct port_time){wall.nanoseconds / PORT_SECOND + passed.seconds + rest / PORT_SECOND,
                              rest % PORT_SECOND};
    port_unlock(PORT_LOCK_SERVICES);
    return known;
}
