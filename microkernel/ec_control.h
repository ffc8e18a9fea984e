/*
 * What others do to an EC: read and set its registers, recall, resume, supervise it. And what comes
 * of an exception: a call of its portal, or the EC stops and its supervisor is told.
 *
 * An EC's registers are looked at on its own CPU only, where it is not the one that runs.
 */
#ifndef CAIRN_EC_CONTROL_H
#define CAIRN_EC_CONTROL_H

#include "ec.h"

/* CONTROL on ec by the caller, who has these rights to it; RSI: operation, RDX: argument. */
uint64_t ec_control(struct ec *caller, struct ec *ec, uint32_t rights);

/* A semaphore of the caller's becomes its supervisor: EC_SUPERVISOR, VCPU_SUPERVISOR. */
enum status supervisor_set(const struct ec *caller, struct ec *ec, uint64_t selector)
    __attribute__((warn_unused_result));

/* The EC was about to run, but has something pending. */
NORETURN void ec_raise_pending(struct cpu *cpu, struct ec *ec);

/*
 * Stops an EC of this CPU and ups its supervisor. Scheduling contexts come to wait at it by
 * themselves. The first program's own thread has nobody to tell but the kernel: without a
 * supervisor, its end is that of the run.
 */
void ec_stop(struct ec *ec);

#endif
