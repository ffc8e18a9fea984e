/*
 * Scheduling contexts and the CPU capabilities that they are made from.
 */
#ifndef CAIRN_SC_H
#define CAIRN_SC_H

#include "sched.h"

/* Authority to have scheduling contexts on a CPU. */
struct cpu_share {
    struct object object;
    uint32_t cpu;
    uint32_t ceiling; /* highest priority */
    uint64_t reserved[3];
};

_Static_assert(sizeof(struct cpu_share) == 64, "a small cell");

struct sc_request {
    struct ec *home;
    const struct cpu_share *share;
    uint32_t priority;
    bool reserve; /* only carries the handler on when a donor is lost: it does not start the EC */
    uint64_t budget, period;
};

/*
 * STATUS_BAD_PARAMETER: priority above the ceiling, or no sound budget; STATUS_WRONG_CPU: the EC
 * belongs to another CPU than the share.
 */
enum status sc_check(const struct sc_request *request) __attribute__((warn_unused_result));

/* Memory for sc is zero but for its object. False: the EC is being destroyed. */
bool sc_init(struct sc *sc, const struct sc_request *request) __attribute__((warn_unused_result));

/* Takes it from its CPU, which is this one; once is enough. */
void sc_end(struct sc *sc);

#endif
