/*
 * Portals: an entry into one EC, with an id that the handler sees and the caller cannot change.
 */
#pragma once

#include "ec.h"

struct pt {
    struct object object;
    struct ec *ec;        /* its handler, ec_nobody when that has ended */
    struct chain portals; /* link in the handler's list, under the handler's lock */
    uint64_t id;
};

_Static_assert(sizeof(struct pt) == 64, "a small cell");

/* Memory for pt is zero but for its object. The handler is not being destroyed. */
static inline void portal_init(struct pt *pt, struct ec *ec, uint64_t id)
{
    pt->ec = ec;
    pt->id = id;
    lock_take(&ec->object.lock);
    chain_insert(&ec->portals, &pt->portals);
    lock_give(&ec->object.lock);
}

static inline void portal_end(struct pt *pt)
{
    struct ec *ec = __atomic_load_n(&pt->ec, __ATOMIC_RELAXED);

    lock_take(&ec->object.lock);
    chain_remove(&pt->portals);
    lock_give(&ec->object.lock);
}

/* Leaves at most `count` portals of an EC that ends without handler. False: it has no more. */
static inline bool portals_detach(struct ec *ec, unsigned count)
{
    lock_take(&ec->object.lock);
    for (; count > 0 && !chain_empty(&ec->portals); count--) {
        struct pt *pt = CONTAINER(ec->portals.next, struct pt, portals);
        chain_remove(&pt->portals);
        __atomic_store_n(&pt->ec, &ec_nobody, __ATOMIC_RELAXED);
    }
    bool more = !chain_empty(&ec->portals);
    lock_give(&ec->object.lock);
    return more;
}
