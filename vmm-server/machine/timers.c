#include "timers.h"

static void take_out(struct timers *timers, const struct timer *timer)
{
    struct timer **link = &timers->first;

    while (*link && *link != timer)
        link = &(*link)->next;
    if (*link)
        *link = timer->next;
}

void timer_set(struct timers *timers, struct timer *timer, uint64_t deadline)
{
    struct timer **link = &timers->first;

    if (timer->deadline)
        take_out(timers, timer);
    timer->deadline = deadline;
    if (!deadline)
        return;
    while (*link && (*link)->deadline <= deadline)
        link = &(*link)->next;
    timer->next = *link;
    timer->round = timers->round;
    *link = timer;
}

/* What is set while this runs waits for the next call, even if it is due: so this one ends. */
static struct timer *due_take(struct timers *timers, uint64_t now)
{
    struct timer **link = &timers->first;

    while (*link && (*link)->deadline <= now && (*link)->round == timers->round)
        link = &(*link)->next;
    struct timer *timer = *link;
    if (!timer || timer->deadline > now)
        return NULL;
    *link = timer->next;
    return timer;
}

void timers_run(struct timers *timers)
{
    uint64_t now = timers->now();
    struct timer *timer;

    timers->round++;
    while ((timer = due_take(timers, now))) {
        uint64_t deadline = timer->deadline;
        timer->deadline = 0;
        timer->fire(timer->device, deadline);
    }
}
