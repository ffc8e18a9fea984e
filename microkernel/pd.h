/*
 * Protection domains: a capability table, a user address space, I/O ports; bound to one pool.
 */
#ifndef CAIRN_PD_H
#define CAIRN_PD_H

#include "object.h"
#include "space.h"
#include "table.h"

struct pd {
    struct object object;
    struct chain ecs;    /* execution contexts in it (ec.member), under the object's lock */
    struct chain doomed; /* link in the list of the CPU that destroys it, under its wake_lock */
    uint32_t doomed_by;  /* that CPU */
    struct table table;
    struct space space;
};

_Static_assert(sizeof(struct pd) <= FRAME_OBJECT_MAXIMUM, "a domain has one frame");

/* Memory for pd is zero; its object is not touched. False: the pool lacks two frames. */
bool pd_init(struct pd *pd, struct pool *pool) __attribute__((warn_unused_result));

#endif
