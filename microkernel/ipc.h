/*
 * System calls CALL and REPLY (ipc/abi/README.md).
 */
#pragma once

#include "ec.h"

/*
 * Calls the portal that regs.rdi names, message length in regs.r10. Returns only with an error for
 * the caller; otherwise the handler runs, or whoever must run for it.
 */
uint64_t ipc_call(struct ec *caller);

/* Replies to the current caller, if any, and waits. Returns only with an error. */
uint64_t ipc_reply(struct ec *handler);

/*
 * Exception as a call: the handler of selector events + vector gets vector, error code, RIP and CR2
 * as its four words. The EC's registers and vector state must be saved in full. While the handler
 * is busy the exception stays pending and the EC helps. The EC stops if it cannot be delivered:
 * there is no portal, or its handler has stopped or is on another CPU, or the chain of calls is too
 * long.
 */
NORETURN void ipc_exception(struct cpu *cpu, struct ec *ec);

struct pt;

/*
 * The same, or an exit, through a portal whose handler is not there at once, or while events are
 * recorded. NULL: there is none.
 */
NORETURN void ipc_pass_slowly(struct cpu *cpu, struct ec *ec, const struct pt *pt);

/* The handler, which waits, takes the caller's call. */
static inline void call_link(struct ec *caller, struct ec *handler)
{
    handler->caller = caller;
    handler->room = caller->room - 1;
    handler->state = EC_RUNNABLE;
    caller->partner = handler;
}

/*
 * The EC, which is on this CPU and does not run, takes part in no call and waits for nothing any
 * more: its caller's call is aborted, and those of its helpers start again, `count` of them. True:
 * there are further helpers.
 */
bool ipc_cut(struct ec *ec, unsigned count) __attribute__((warn_unused_result));

/* It helps no more, and when it runs calls again: no program has a deadline. */
void help_end(struct cpu *cpu, struct ec *helper);

/* Cuts the EC's call off, if it waits for one; the handler goes on without a caller. */
bool ipc_cancel(struct ec *caller);
