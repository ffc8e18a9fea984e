/*
 * System call DESTROY: RDI = selector. In steps: no call but this one finds the object any more, it
 * takes no part in anything, all capabilities to it go, the youngest first, and when no CPU can
 * hold a pointer to it (shoot.h) its memory goes back to its pool. Until the
 * caller's capability has gone, a call that gives way starts again from the beginning, and each
 * step finds what the last one left.
 *
 * A domain or VM is destroyed with its ECs, wherever they run; a pool with all objects that it paid
 * for, the pools among them first, and then its frames go back to their MEMs. Those victims are
 * found from their domain or pool until they are gone, so their ends are steps like any other.
 * Several calls may be at it: an object is claimed for each step.
 */
#include "cpu.h"
#include "derive.h"
#include "interrupt.h"
#include "ipc.h"
#include "mapping.h"
#include "pd.h"
#include "portal.h"
#include "sc.h"
#include "sched.h"
#include "semaphore.h"
#include "shoot.h"
#include "syscalls.h"
#include "vcpu.h"
#include "x86.h"

#define WAITERS_AT_ONCE 16u
#define FRAMES_AT_ONCE  4u

static enum object_type object_type(const struct object *object)
{
    return (enum object_type)(object->type & ~OBJECT_CLOSED);
}

/*
 * From here on nothing is created in, for or from a domain, VM, EC or pool. May open interrupts,
 * but what is claimed stays. STATUS_IN_USE, of a part: it was there at boot, or is a MEM that is
 * deposited or of which a part is.
 */
static enum status object_close(struct object *object)
{
    switch (object->type) {
    case OBJECT_PD:
    case OBJECT_VM:
    case OBJECT_EC:
    case OBJECT_VCPU:
    case OBJECT_POOL:
        __atomic_store_n(&object->type, (uint8_t)(object->type | OBJECT_CLOSED), __ATOMIC_RELEASE);
        quiesce();
        return STATUS_SUCCESS;
    case OBJECT_MEM:
        return mem_close((struct mem *)object);
    case OBJECT_CPU:
    case OBJECT_PORTS:
    case OBJECT_IRQ:
    case OBJECT_PCI:
        return object->cut ? STATUS_SUCCESS : STATUS_IN_USE;
    case OBJECT_PLATFORM:
        return STATUS_BAD_CAPABILITY;
    default: /* or closed already */
        return STATUS_SUCCESS;
    }
}

/* What has to end before the object: an EC of a domain or VM, an object of a pool. Or NULL. */
static struct object *member_first(struct object *object)
{
    const struct chain *ecs = &((struct pd *)object)->ecs, *first;

    if (object_type(object) == OBJECT_POOL)
        return pool_first_object((struct pool *)object);
    if (object_type(object) != OBJECT_PD && object_type(object) != OBJECT_VM)
        return NULL;
    lock_take(&object->lock);
    first = ecs->next;
    lock_give(&object->lock);
    return first == ecs ? NULL : &CONTAINER(first, struct ec, member)->object;
}

/* Takes a domain's or VM's mappings from it, and a domain's capabilities. */
static bool space_leave_step(struct pd *pd)
{
    uint32_t cpu = cpu_this()->index;
    unsigned budget = NODES_AT_ONCE;

    if (mapping_die_step(&pd->space, NODES_AT_ONCE, cpu))
        return true;
    bool more = object_type(&pd->object) == OBJECT_PD && table_end_step(&pd->table, &budget);
    shoot_flush(cpu);
    return more;
}

/* Gives a pool's frames back to their MEMs. If some are in use, another call is giving them up. */
static bool pool_leave_step(struct pool *pool)
{
    struct mem *mem = (struct mem *)pool_deposit_within(pool, 0, UINT64_MAX);
    bool more;

    if (mem)
        (void)!mem_withdraw_step(mem, pool, FRAMES_AT_ONCE, cpu_this()->index, &more);
    return mem;
}

/* A step of taking the object, which has no members, out of all that it takes part in. */
static bool leave_step(struct object *object)
{
    struct ec *ec = (struct ec *)object;
    struct sc *sc = (struct sc *)object;
    struct sm *sm = (struct sm *)object;

    switch (object_type(object)) {
    case OBJECT_PD:
    case OBJECT_VM:
        return space_leave_step((struct pd *)object);
    case OBJECT_POOL:
        return pool_leave_step((struct pool *)object);
    case OBJECT_EC:
    case OBJECT_VCPU:
        return !ending_ask(&ec->ending, ec->cpu);
    case OBJECT_SC:
        return !ending_ask(&sc->ending, sc->cpu);
    case OBJECT_SM:
        for (unsigned i = 0; i < WAITERS_AT_ONCE; i++)
            if (!semaphore_abort_one(sm) && !interrupt_end_one(sm))
                return false;
        return true;
    default:
        return false;
    }
}

/* A step of taking an object from everybody. Returns whether more remains. */
static bool forget_step(struct object *object)
{
    unsigned budget = NODES_AT_ONCE;
    bool more = object_die_step(object, &budget);

    if (object_type(object) == OBJECT_EC || object_type(object) == OBJECT_VCPU)
        more |= object_die_step(&((struct ec *)object)->page_mem.object, &budget);
    shoot_flush(cpu_this()->index);
    return more;
}

static void doom_undo(struct pd *pd)
{
    struct cpu *cpu = cpu_at(pd->doomed_by);

    lock_take(&cpu->wake_lock);
    chain_remove(&pd->doomed);
    lock_give(&cpu->wake_lock);
}

/* Gives back what the object has, and the object itself, to which no capability is left. */
static void object_release(struct object *object)
{
    enum object_type type = object_type(object);
    struct pd *pd = (struct pd *)object;
    struct pool *pool = object->pool;
    uint32_t cpu = cpu_this()->index;

    interrupts_take();
    shoot_settle(cpu);
    if (type == OBJECT_VCPU)
        vcpu_end((struct vcpu *)object);
    if (type == OBJECT_EC || type == OBJECT_VCPU)
        ec_end((struct ec *)object);
    else if (type == OBJECT_SC)
        sc_release((struct sc *)object);
    else if (type == OBJECT_PD)
        doom_undo(pd);
    pool_hide_object(pool, object);
    quiesce();
    if (type == OBJECT_PT)
        portal_end((struct pt *)object); /* until now its handler stayed too */
    else if (type == OBJECT_EC)
        pool_give_frame(pool, ((struct ec *)object)->utcb);
    else if (type == OBJECT_VCPU)
        vcpu_release((struct vcpu *)object);
    else if (type == OBJECT_PD)
        pool_give_clean_frame(pool, pd->table.directory);
    if (type == OBJECT_PD || type == OBJECT_VM)
        space_end(&pd->space, cpu);
    pool_give_cell(pool, object);
}

/*
 * A step of ending an object with what has to end before it, or of a victim: no slot. Otherwise
 * through the capability `word` in slot: without it the call cannot start again. STATUS_SUCCESS: it
 * is gone.
 */
static uint64_t object_destroy(struct object *object, struct node *slot, uint64_t word)
{
    struct object *victim = object, *member = object;
    uint64_t status;

    do {
        victim = member;
        if (!object_claim(victim))
            return syscall_again();
        status = object_close(victim);
        member = member_first(victim);
        if (member)
            object_unclaim(victim);
    } while (member);
    if (victim != object)
        slot = NULL;
    if (!status && (leave_step(victim) || (victim->cut && slot && !slot_revoke(slot, false))))
        status = syscall_again();
    while (!status && forget_step(victim)) {
        if (!slot || slot_word(slot) == word)
            status = syscall_again();
        else
            interrupts_take();
    }
    if (!status && victim->type != OBJECT_MEM)
        object_release(victim);
    else if (victim->cut)
        part_unclaim((struct part *)victim, cpu_this()->index);
    else
        object_unclaim(victim);
    return status || victim == object ? status : syscall_again();
}

/*
 * The caller's own domain, claimed: the caller ends here, and the rest is done by this CPU between
 * programs, as urgently as the caller was. Others may be destroying it too.
 */
static NORETURN void pd_doom(struct cpu *cpu, struct ec *ec)
{
    struct pd *pd = ec->pd;
    uint32_t priority = cpu->sc ? cpu->sc->ready.priority : 0;

    (void)!object_close(&pd->object);
    (void)!object_close(&ec->object);
    lock_take(&cpu->wake_lock);
    if (chain_empty(&cpu->doomed) || cpu->doom < priority)
        cpu->doom = priority;
    if (chain_empty(&pd->doomed)) {
        pd->doomed_by = cpu->index;
        chain_insert(cpu->doomed.prev, &pd->doomed);
    }
    ec->state = EC_STOPPED;
    lock_give(&cpu->wake_lock);
    object_unclaim(&pd->object);
    (void)!ending_ask(&ec->ending, cpu->index);
    schedule(cpu);
}

void doom_step(struct cpu *cpu)
{
    lock_take(&cpu->wake_lock);
    struct chain *first = cpu->doomed.next;
    lock_give(&cpu->wake_lock);
    if (first != &cpu->doomed)
        (void)object_destroy(&CONTAINER(first, struct pd, doomed)->object, NULL, 0);
}

/* Nobody destroys what the call itself stands on. */
static bool caller_needs(const struct ec *ec, const struct object *object)
{
    return object == &ec->object || (object == &ec->pd->object && ec->first) ||
           (object_type(object) == OBJECT_POOL &&
            (!object->pool || pool_pays((const struct pool *)object, &ec->object) ||
             pool_pays((const struct pool *)object, &ec->pd->object)));
}

/* RDI: selector. */
uint64_t syscall_destroy(struct ec *ec)
{
    struct node *slot = table_slot(&ec->pd->table, ec->regs.rdi);
    uint64_t word = slot_word(slot);
    struct object *object = capability_object(word);

    if (!word)
        return STATUS_BAD_CAPABILITY;
    if (!(capability_rights(word) & RIGHT_DESTROY))
        return STATUS_NO_RIGHT;
    if (caller_needs(ec, object))
        return STATUS_IN_USE;
    if (object != &ec->pd->object)
        return object_destroy(object, slot, word);
    if (object_claim(object))
        pd_doom(cpu_this(), ec);
    return syscall_again();
}
