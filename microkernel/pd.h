/*
 * Protection domains: a capability table, a user address space, I/O ports; bound to one pool.
 */
#pragma once

#include "space.h"
#include "table.h"

struct pd {
    struct object object;
    struct chain ecs; /* execution contexts in it (ec.member), under the object's lock */
    struct space space;
    struct chain doomed; /* link in the list of the CPU that destroys it, under its wake_lock */
    uint32_t doomed_by;  /* that CPU */
    struct table table;
};

_Static_assert(sizeof(struct pd) <= FRAME_OBJECT_MAXIMUM, "a domain has one frame");

/* create.c: memory for pd is zero; its object is not touched. False: the pool lacks two frames. */
bool pd_init(struct pd *pd, struct pool *pool) __attribute__((warn_unused_result));
