/*
 * Who runs. A scheduling context (SC) has a priority and a budget on one CPU and belongs to one EC,
 * its home. The CPU takes the ready SC of the highest priority and follows the chain from its home:
 * through calls to the handler at their end, through helpers to the handler that they wait for. The
 * EC at the end of the chain runs on that SC's time.
 *
 * A call and a reply do not come by here: the current SC stays, the end of its chain moves by one.
 */
#pragma once

#include "budget.h"
#include "cpu.h"
#include "ec.h"

struct sc {
    struct object object;
    struct budget budget;
    struct runqueue_entry ready; /* in its CPU's run queue, unless it waits for time or an EC */
    struct timer refill;         /* armed while its budget is used up */
    struct chain parked;         /* link in the list of the EC at whose end it waits */
    struct ec *home;
    uint64_t quantum;  /* TSC ticks before others of the same priority have their turn */
    uint64_t turn_end; /* what budget.consumed will be then */
    uint32_t cpu;
    uint32_t share;       /* of the CPU, taken from what it was made from */
    struct node time;     /* derived from the capability to that */
    struct chain sibling; /* link in its home's list, under the CPU's wake_lock */
    struct ending ending;
    bool starts; /* makes its home, an EC that has not run yet, runnable */
};

/* Saves nothing: the current EC's registers are where they must be. Never returns. */
NORETURN void schedule(struct cpu *cpu);

/* Goes on with the EC at the end of the current SC's chain. */
NORETURN void sched_run(struct cpu *cpu, struct ec *ec);

/*
 * Makes an EC runnable that waited, with status as the result of its system call, and tells its
 * CPU. If it is more urgent than what runs here, cpu->reschedule becomes true.
 */
void ec_wake(struct ec *ec, uint64_t status);

/* Something was added to the CPU's woken or ending list, and its wake_lock is still held. */
void sched_tell(struct cpu *cpu);

struct vcpu;

/* Its CPU will take over what is asked of it (vcpu_woken), at the latest when it next schedules. */
void sched_request(struct vcpu *vcpu, uint32_t request);

/* Takes over what other CPUs have woken; the handler of VECTOR_WAKE. */
void sched_wake_interrupt(struct cpu *cpu);

/* The timer interrupt: expired waits, refilled and used-up budgets. */
void sched_timer_interrupt(struct cpu *cpu);

/* The SCs parked at an EC of this CPU become ready; each finds the end of its chain anew. */
void sched_unpark(struct ec *ec);

/* The EC, of this CPU, waits until the deadline at most. */
void sched_wait(struct cpu *cpu, struct ec *ec, uint64_t deadline);

/* The EC has lost its donor: its reserve, if it has one, becomes ready. */
void sched_reserve(struct cpu *cpu, struct ec *ec);

/*
 * Brings a new SC to its CPU. Its memory is zero but for its object and what the caller chooses:
 * home (not being destroyed), budget (valid), priority and, if it is no reserve, starts.
 */
void sc_init(struct sc *sc);

/* Takes it from its CPU, which is this one; once is enough. */
void sc_end(struct sc *sc);

/* Makes an SC ready on its CPU, which must be this one. */
void sc_ready(struct cpu *cpu, struct sc *sc);

/*
 * Ending ECs and SCs. Only their own CPU may do that, and only between two programs, when no EC's
 * registers are in it. So whoever destroys one asks that CPU, its own too, and looks again later:
 * it waits for nobody, so two CPUs may end each other's ECs, and even those that ask.
 */

/*
 * Asks cpu to end an EC or SC to which nothing new can come (its object is closed). True: it has:
 * the EC takes part in nothing any more, has no SC and no portal; the SC has no EC.
 */
bool ending_ask(struct ending *ending, uint32_t cpu) __attribute__((warn_unused_result));

/* One step of destroying the domains that destroyed themselves on this CPU (destroy.c). */
void doom_step(struct cpu *cpu);

/* One step of what this CPU was asked for. */
void ending_step(struct cpu *cpu);
