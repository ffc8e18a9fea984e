/*
 * An EC is ended in steps. What was woken or parked because of it is taken over by the scheduler
 * meanwhile, so it is done when nothing of it is in the scheduler's lists either.
 */
#include "sched.h"

#include "guest.h"
#include "ipc.h"
#include "portal.h"
#include "sc.h"

#define AT_ONCE 16u

/* True: nothing is left but what the scheduler's lists may have of it. */
static bool ec_step(struct cpu *cpu, struct ec *ec)
{
    if (cpu->current == ec)
        cpu->current = NULL;
    if (ec_is_vcpu(ec))
        guest_end(cpu, vcpu_of(ec));
    bool more = ipc_cut(ec, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE && !chain_empty(&ec->scs); i++)
        sc_end(CONTAINER(ec->scs.next, struct sc, sibling));
    return !portals_detach(ec, AT_ONCE) && !more && chain_empty(&ec->scs);
}

static void end_step(struct cpu *cpu, struct ending *ending)
{
    struct ec *ec = CONTAINER(ending, struct ec, ending);
    bool is_sc = ending->type == OBJECT_SC;

    if (is_sc)
        sc_end(CONTAINER(ending, struct sc, ending));
    bool done = is_sc || ec_step(cpu, ec);
    lock_take(&cpu->wake_lock);
    if (done && (is_sc || (chain_empty(&ec->parked) && chain_empty(&ec->wake)))) {
        chain_remove(&ending->chain);
        ending->done = true;
    }
    lock_give(&cpu->wake_lock);
}

bool ending_ask(struct ending *ending, uint32_t index)
{
    struct cpu *cpu = cpu_at(index);

    if (cpu == cpu_this() && !ending->done &&
        (ending->type != OBJECT_EC || CONTAINER(ending, struct ec, ending) != cpu->current))
        end_step(cpu, ending); /* most often that is all */
    lock_take(&cpu->wake_lock);
    bool done = ending->done;
    if (!done && chain_empty(&ending->chain)) {
        chain_insert(cpu->ending.prev, &ending->chain);
        sched_tell(cpu);
    }
    lock_give(&cpu->wake_lock);
    return done;
}

void ending_step(struct cpu *cpu)
{
    lock_take(&cpu->wake_lock);
    struct chain *first = cpu->ending.next;
    lock_give(&cpu->wake_lock);
    if (first != &cpu->ending)
        end_step(cpu, CONTAINER(first, struct ending, chain));
}
