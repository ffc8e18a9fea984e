/*
 * Scheduling contexts and the CPU capabilities that they are made from.
 */
#pragma once

#include "sched.h"

/*
 * Authority to have scheduling contexts on a CPU: a part (object.h) of its time. The shares of what
 * is made from one sum to at most its own, as `free` keeps account. A context with a limited budget
 * has a share; one without a limit runs when nobody more urgent does and has none.
 *
 * Contexts too are derived from the capability that they were made from. One whose node goes ends,
 * and its share is free again; the object stays, without use.
 */
struct cpu_share {
    struct part part;
    struct cpu_share *parent; /* NULL: was there at boot. Constant, as are all but free */
    uint32_t cpu;
    uint32_t ceiling; /* highest priority */
    uint32_t share;   /* of CPU_SHARE_ALL */
    uint32_t free;    /* of it; under the lock for the chain */
};

__attribute__((warn_unused_result)) static inline enum status share_take(struct cpu_share *share,
                                                                         uint32_t parts)
{
    if (parts > share->free)
        return STATUS_IN_USE;
    share->free -= parts;
    return STATUS_SUCCESS;
}

/*
 * sc_init, from the capability to a CPU that slot names by `word`. STATUS_BAD_PARAMETER: priority
 * above the ceiling, or no sound budget; STATUS_WRONG_CPU: the EC belongs to another CPU;
 * STATUS_BAD_CAPABILITY: slot has changed; STATUS_IN_USE: less than its share is free;
 * STATUS_DEPTH.
 */
enum status sc_derive(struct sc *sc, struct node *slot, uint64_t word)
    __attribute__((warn_unused_result));

/* One that has ended gives its share back. */
void sc_release(struct sc *sc);
