#include "waiting.h"

#include <stddef.h>

void port_waiting_add(struct port_waiting *q, struct port_waiter *w, const volatile void *address,
                      uint32_t bits)
{
    *w =
        (struct port_waiter){.previous = q->last, .address = address, .bits = bits, .queued = true};
    if (q->last)
        q->last->next = w;
    else
        q->first = w;
    q->last = w;
}

void port_waiting_remove(struct port_waiting *q, struct port_waiter *w)
{
    if (w->previous)
        w->previous->next = w->next;
    else
        q->first = w->next;
    if (w->next)
        w->next->previous = w->previous;
    else
        q->last = w->previous;
    w->queued = false;
}

uint32_t port_waiting_wake(struct port_waiting *q, const volatile void *address, uint32_t count,
                           uint32_t bits)
{
    uint32_t woken = 0;

    for (struct port_waiter *w = q->first, *next; w && woken < count; w = next) {
        next = w->next;
        if (w->address != address || !(w->bits & bits))
            continue;
        port_waiting_remove(q, w);
        port_waiter_wake(w);
        woken++;
    }
    return woken;
}

/* Who is moved comes behind those who wait there already. */
uint32_t port_waiting_move(struct port_waiting *q, const volatile void *from,
                           const volatile void *to, uint32_t count)
{
    struct port_waiter *end = q->last;
    uint32_t moved = 0;

    for (struct port_waiter *w = q->first, *next; w && from != to && moved < count; w = next) {
        next = w == end ? NULL : w->next;
        if (w->address != from)
            continue;
        port_waiting_remove(q, w);
        port_waiting_add(q, w, to, w->bits);
        moved++;
    }
    return moved;
}
