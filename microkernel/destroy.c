/*
 * System call DESTROY: RDI = selector. In steps: no call but this one finds the object any more, it
 * takes no part in anything, all capabilities to it go, the youngest first, and when no CPU can
 * hold a pointer to it (quiesce.h) its memory goes back to its pool. Until the
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
#include "ending.h"
#include "interrupt.h"
#include "ipc.h"
#include "mapping.h"
#include "pd.h"
#include "portal.h"
#include "ports.h"
#include "quiesce.h"
#include "sc.h"
#include "semaphore.h"
#include "syscalls.h"
#include "vcpu.h"
#include "vm.h"
#include "x86.h"

#define WAITERS_AT_ONCE 16u
#define FRAMES_AT_ONCE  4u

static enum object_type object_type(const struct object *object)
{
    return (enum object_type)(object->type & ~OBJECT_CLOSED);
}

/*
 * From here on nothing is created in, for or from a domain, VM, EC or pool. May open interrupts,
 * but what is claimed stays.
 */
static void object_close(struct object *object)
{
    enum object_type type = (enum object_type)object->type; /* none of them if it is closed */

    if (type != OBJECT_PD && type != OBJECT_VM && type != OBJECT_EC && type != OBJECT_VCPU &&
        type != OBJECT_POOL)
        return;
    __atomic_store_n(&object->type, (uint8_t)(type | OBJECT_CLOSED), __ATOMIC_RELEASE);
    quiesce();
}

/* A step of taking an object from everybody. Returns whether more remains. */
static bool forget_step(struct object *object)
{
    unsigned budget = NODES_AT_ONCE;
    bool more = object_die_step(object, &budget);
    if (object_type(object) == OBJECT_EC)
        more |= object_die_step(&((struct ec *)object)->utcb_mem.object, &budget);
    else if (object_type(object) == OBJECT_VCPU)
        more |= object_die_step(&((struct vcpu *)object)->page_mem.object, &budget);
    shoot_flush(cpu_this()->index);
    return more;
}

/* The frames of a table that nobody can reach any more; it is empty, or nearly. */
static void table_release(struct table *table)
{
    bool more;

    do {
        interrupts_take();
        more = table_free_step(table);
        shoot_flush(cpu_this()->index);
    } while (more);
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

    shoot_settle(cpu);
    if (type == OBJECT_EC)
        ec_end((struct ec *)object);
    else if (type == OBJECT_VCPU)
        vcpu_end((struct vcpu *)object);
    else if (type == OBJECT_SC)
        sc_release((struct sc *)object);
    else if (type == OBJECT_PD)
        doom_undo(pd);
    pool_hide_object(pool, object);
    quiesce();
    if (type == OBJECT_PT) {
        portal_end((struct pt *)object); /* until now its handler stayed too */
    } else if (type == OBJECT_EC) {
        pool_give_frame(pool, ((struct ec *)object)->utcb);
    } else if (type == OBJECT_VCPU) {
        vcpu_release((struct vcpu *)object);
    } else if (type == OBJECT_PD) {
        table_release(&pd->table);
        ports_end(&pd->space, cpu);
        space_end(&pd->space, cpu);
    } else if (type == OBJECT_VM) {
        ports_end(&((struct vm *)object)->space, cpu);
        space_end(&((struct vm *)object)->space, cpu);
    }
    pool_give_object(pool, object);
}

/* What has to end before the object: an EC of a domain or VM, an object of a pool. NULL: nothing.
 */
static struct object *member_first(struct object *object)
{
    enum object_type type = object_type(object);
    const struct chain *ecs =
        type == OBJECT_PD ? &((struct pd *)object)->ecs : &((struct vm *)object)->vcpus;
    struct object *member = NULL;

    if (type == OBJECT_POOL)
        return pool_first_object((struct pool *)object);
    if (type != OBJECT_PD && type != OBJECT_VM)
        return NULL;
    lock_take(&object->lock);
    if (!chain_empty(ecs))
        member = &CONTAINER(ecs->next, struct ec, member)->object;
    lock_give(&object->lock);
    return member;
}

/* Takes a domain's mappings and capabilities from it. */
static bool pd_leave(struct pd *pd)
{
    uint32_t cpu = cpu_this()->index;
    unsigned budget = NODES_AT_ONCE;

    if (mapping_die_step(&pd->space, NODES_AT_ONCE, cpu))
        return true;
    bool more = table_clear_step(&pd->table, &budget);
    shoot_flush(cpu);
    return more;
}

/* Gives a pool's frames back to their MEMs. If some are in use, another call is giving them up. */
static bool pool_leave(struct pool *pool)
{
    struct mem *mem;
    bool more;

    if (pool_retire(pool))
        return false;
    mem = (struct mem *)pool_deposit_within(pool, 0, UINT64_MAX);
    if (mem)
        (void)!mem_withdraw_step(mem, pool, FRAMES_AT_ONCE, cpu_this()->index, &more);
    return true;
}

/* A step of taking the object, which has no members, out of all that it takes part in. */
static bool leave_step(struct object *object)
{
    struct sm *sm = (struct sm *)object;

    switch (object_type(object)) {
    case OBJECT_PD:
        return pd_leave((struct pd *)object);
    case OBJECT_VM:
        return mapping_die_step(&((struct vm *)object)->space, NODES_AT_ONCE, cpu_this()->index);
    case OBJECT_POOL:
        return pool_leave((struct pool *)object);
    case OBJECT_EC:
    case OBJECT_VCPU:
        return !ending_ask(&((struct ec *)object)->ending, ((struct ec *)object)->cpu);
    case OBJECT_SC:
        return !ending_ask(&((struct sc *)object)->ending, ((struct sc *)object)->cpu);
    case OBJECT_SM:
        for (unsigned i = 0; i < WAITERS_AT_ONCE; i++)
            if (!semaphore_abort_one(sm) && !interrupt_end_one(sm))
                return false;
        return true;
    default:
        return false;
    }
}

/* STATUS_IN_USE: it was there at boot, or is a MEM that is deposited or of which a part is. */
static enum status part_close(struct object *object)
{
    if (object->type == OBJECT_MEM)
        return mem_close((struct mem *)object);
    return object->cut ? STATUS_SUCCESS : STATUS_IN_USE;
}

/* A step of ending an object with what has to end before it. */
static enum status victim_step(struct object *object)
{
    struct object *member;

    while (object->type & OBJECT_CLOSED && (member = member_first(object)))
        object = member;
    if (object->cut) {
        enum status status = part_close(object);
        if (!status)
            (void)forget_step(object);
        return status;
    }
    if (!object_claim(object))
        return STATUS_SUCCESS;
    object_close(object);
    if (member_first(object) || leave_step(object) || forget_step(object))
        object_unclaim(object);
    else
        object_release(object);
    return STATUS_SUCCESS;
}

/*
 * The caller's own domain, claimed: the caller ends here, and the rest is done by this CPU between
 * programs, as urgently as the caller was. Others may be destroying it too.
 */
static NORETURN void pd_doom(struct cpu *cpu, struct ec *ec)
{
    struct pd *pd = ec->pd;
    uint32_t priority = cpu->sc ? cpu->sc->ready.priority : 0;

    object_close(&pd->object);
    object_close(&ec->object);
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
    struct pd *pd = NULL;

    lock_take(&cpu->wake_lock);
    if (!chain_empty(&cpu->doomed))
        pd = CONTAINER(cpu->doomed.next, struct pd, doomed);
    lock_give(&cpu->wake_lock);
    if (pd)
        (void)victim_step(&pd->object);
}

/* Nobody destroys what the call itself stands on. */
static bool caller_needs(const struct ec *ec, const struct object *object)
{
    return object == &ec->object || (object == &ec->pd->object && ec->first) ||
           (object_type(object) == OBJECT_POOL &&
            (!object->pool || pool_pays((const struct pool *)object, &ec->object) ||
             pool_pays((const struct pool *)object, &ec->pd->object)));
}

/* The object is claimed, and so it stays after success only: then it is gone. */
static uint64_t object_destroy(struct object *object, struct node *slot, uint64_t word)
{
    object_close(object);
    if (member_first(object)) {
        enum status status = victim_step(object);
        return status ? status : syscall_again();
    }
    if (leave_step(object))
        return syscall_again();
    while (forget_step(object)) {
        if (slot_word(slot) == word)
            return syscall_again();
        interrupts_take(); /* without its own capability the call cannot start again */
    }
    object_release(object);
    return STATUS_SUCCESS;
}

/* Who claims a part releases it. */
static uint64_t part_destroy(struct object *object, struct node *slot)
{
    enum status status = part_close(object);

    if (status)
        return status;
    if (!slot_revoke(slot, false) || !object_claim(object))
        return syscall_again();
    while (forget_step(object))
        interrupts_take();
    if (object->type == OBJECT_MEM)
        mem_release((struct mem *)object, cpu_this()->index);
    else
        object_release(object);
    return STATUS_SUCCESS;
}

/* RDI: selector. */
uint64_t syscall_destroy(struct ec *ec)
{
    struct node *slot = table_slot(&ec->pd->table, ec->regs.rdi);
    uint64_t word = slot ? slot_word(slot) : CAPABILITY_EMPTY;
    struct object *object = capability_object(word);

    if (!word)
        return STATUS_BAD_CAPABILITY;
    if (!(capability_rights(word) & RIGHT_DESTROY))
        return STATUS_NO_RIGHT;
    enum object_type type = object_type(object);
    if (type == OBJECT_PLATFORM)
        return STATUS_BAD_CAPABILITY;
    if (type == OBJECT_MEM || (type >= OBJECT_CPU && type <= OBJECT_PCI))
        return part_destroy(object, slot);
    if (caller_needs(ec, object))
        return STATUS_IN_USE;
    if (!object_claim(object))
        return syscall_again();
    if (object == &ec->pd->object)
        pd_doom(cpu_this(), ec);
    uint64_t status = object_destroy(object, slot, word);
    if (status)
        object_unclaim(object);
    return status;
}
