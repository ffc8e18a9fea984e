/*
 * System call DESTROY: RDI = selector. In steps: no call but this one finds the object any more, it
 * takes no part in anything, all capabilities to it go but the caller's own, then that one, and
 * when no CPU can hold a pointer to it (quiesce.h) its memory goes back to its pool. Until the
 * caller's capability has gone, a call that gives way starts again from the beginning, and each
 * step finds what the last one left.
 *
 * A domain is destroyed with its ECs, wherever they run; a pool with all objects that it paid for,
 * the pools among them first, and then its frames go back to their MEMs. Those victims are found
 * from their domain or pool until they are gone, so their ends are steps like any other. Several
 * calls may be at it: an object is claimed for each step.
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
#include "x86.h"

#define NODES_AT_ONCE   64u
#define WAITERS_AT_ONCE 16u
#define FRAMES_AT_ONCE  4u

/* Takes the object out of all that it takes part in. AGAIN: the call must give way. */
static uint64_t sm_leave(struct object *object)
{
    for (unsigned i = 0; i < WAITERS_AT_ONCE; i++)
        if (!semaphore_abort_one((struct sm *)object) && !interrupt_end_one((struct sm *)object))
            return STATUS_SUCCESS;
    return syscall_again();
}

/* All that a range takes part in is derived from the capabilities to it. */
static uint64_t range_leave(struct object *object)
{
    (void)object;
    return STATUS_SUCCESS;
}

/* It stays in its handler's list until its memory goes, so the handler stays as long. */
static uint64_t pt_leave(struct object *object)
{
    (void)object;
    return STATUS_SUCCESS;
}

static uint64_t sc_leave(struct object *object)
{
    struct sc *sc = (struct sc *)object;

    return ending_ask(&sc->ending, sc->cpu) ? STATUS_SUCCESS : syscall_again();
}

static uint64_t ec_leave(struct object *object)
{
    struct ec *ec = (struct ec *)object;

    return ending_ask(&ec->ending, ec->cpu) ? STATUS_SUCCESS : syscall_again();
}

static bool object_claim(struct object *object)
{
    return !__atomic_exchange_n(&object->claimed, true, __ATOMIC_ACQUIRE);
}

static void object_unclaim(struct object *object)
{
    __atomic_store_n(&object->claimed, false, __ATOMIC_RELEASE);
}

static enum object_type object_type(const struct object *object)
{
    return (enum object_type)(object->type & ~OBJECT_CLOSED);
}

/*
 * From here on nothing is created in, for or from a domain, EC or pool. May open interrupts, but
 * what is claimed stays.
 */
static void object_close(struct object *object)
{
    enum object_type type = (enum object_type)object->type; /* none of them if it is closed */

    if (type != OBJECT_PD && type != OBJECT_EC && type != OBJECT_POOL)
        return;
    __atomic_store_n(&object->type, (uint8_t)(type | OBJECT_CLOSED), __ATOMIC_RELEASE);
    quiesce();
}

/* A step of taking an object from everybody. Returns whether more remains. */
static bool forget_step(struct object *object)
{
    struct shoot batch;
    unsigned budget = NODES_AT_ONCE;

    shoot_begin(&batch, cpu_this()->index);
    bool more = object_die_step(object, &budget);
    shoot_flush(&batch);
    return more;
}

/* The frames of a table that nobody can reach any more; it is empty, or nearly. */
static void table_release(struct table *table)
{
    struct shoot batch;
    bool more;

    do {
        shoot_begin(&batch, cpu_this()->index);
        more = table_free_step(table);
        shoot_flush(&batch);
        interrupts_take();
    } while (more);
}

/* Gives back what the object has, and the object itself, to which no capability is left. */
static void object_release(struct object *object)
{
    struct pool *pool = object->pool;
    uint32_t cpu = cpu_this()->index;

    shoot_settle(cpu);
    if (object_type(object) == OBJECT_EC)
        ec_end((struct ec *)object);
    pool_hide_object(pool, object);
    quiesce();
    switch (object_type(object)) {
    case OBJECT_PT:
        portal_end((struct pt *)object);
        break;
    case OBJECT_EC:
        pool_give_frame(pool, ((struct ec *)object)->utcb);
        break;
    case OBJECT_PD:
        table_release(&((struct pd *)object)->table);
        ports_end(&((struct pd *)object)->space, cpu);
        space_end(&((struct pd *)object)->space, cpu);
        break;
    default:
        break;
    }
    pool_give_object(pool, object);
}

/* Steps that follow for a victim that takes part in nothing any more. The claim ends. */
static void victim_finish(struct object *object)
{
    if (forget_step(object) ||
        (object_type(object) == OBJECT_EC && forget_step(&((struct ec *)object)->utcb_mem.object)))
        object_unclaim(object);
    else
        object_release(object);
}

/* A step of ending the ECs of a domain. False: there are none. */
static bool members_step(struct pd *pd)
{
    struct ec *ec = NULL;

    lock_take(&pd->object.lock);
    if (!chain_empty(&pd->ecs))
        ec = CONTAINER(pd->ecs.next, struct ec, member);
    lock_give(&pd->object.lock);
    if (!ec)
        return false;
    if (object_claim(&ec->object)) {
        object_close(&ec->object);
        if (ec_leave(&ec->object))
            object_unclaim(&ec->object);
        else
            victim_finish(&ec->object);
    }
    return true;
}

static uint64_t pd_leave(struct object *object)
{
    struct pd *pd = (struct pd *)object;
    uint32_t cpu = cpu_this()->index;
    unsigned budget = NODES_AT_ONCE;
    struct shoot batch;

    if (members_step(pd) || mapping_die_step(&pd->space, NODES_AT_ONCE, cpu))
        return syscall_again();
    shoot_begin(&batch, cpu);
    bool more = table_clear_step(&pd->table, &budget);
    shoot_flush(&batch);
    return more ? syscall_again() : (uint64_t)STATUS_SUCCESS;
}

/* By type; a MEM goes with its origin, a pool with its objects. */
static uint64_t (*const leave[])(struct object *object) = {
    [OBJECT_PD] = pd_leave,     [OBJECT_EC] = ec_leave,     [OBJECT_SC] = sc_leave,
    [OBJECT_PT] = pt_leave,     [OBJECT_SM] = sm_leave,     [OBJECT_PORTS] = range_leave,
    [OBJECT_IRQ] = range_leave, [OBJECT_PCI] = range_leave,
};

/* A step of ending an object of a pool. STATUS_IN_USE: a MEM that another pool has deposited. */
static uint64_t victim_step(struct object *object)
{
    enum object_type type = object_type(object);

    if (type == OBJECT_MEM) {
        enum status status = mem_close((struct mem *)object);
        if (status)
            return status;
        (void)forget_step(object);
    } else if (object_claim(object)) {
        object_close(object);
        if (type == OBJECT_POOL || leave[type](object))
            object_unclaim(object);
        else
            victim_finish(object);
    }
    return syscall_again();
}

static uint64_t pool_leave(struct pool *top)
{
    struct pool *pool = top;
    struct object *victim = pool_first_object(pool);
    bool more;

    while (victim && object_type(victim) == OBJECT_POOL && victim->type & OBJECT_CLOSED) {
        pool = (struct pool *)victim;
        victim = pool_first_object(pool);
    }
    if (victim)
        return victim_step(victim);
    if (!pool_retire(pool)) {
        struct mem *mem = (struct mem *)pool_deposit_source(pool);
        if (mem)
            (void)!mem_withdraw_step(mem, pool, FRAMES_AT_ONCE, cpu_this()->index, &more);
        return syscall_again(); /* if frames are in use, another call is giving them back */
    }
    if (pool == top)
        return STATUS_SUCCESS;
    if (object_claim(&pool->object))
        victim_finish(&pool->object);
    return syscall_again();
}

/* Does the pool pay for the object, directly or not? */
static bool pool_pays(const struct pool *pool, const struct object *object)
{
    const struct pool *payer = object->pool;

    while (payer && payer != pool)
        payer = payer->object.pool;
    return payer;
}

/* Nobody destroys what the call itself stands on. */
static bool caller_needs(const struct ec *ec, const struct object *object)
{
    return object == &ec->object || object == &ec->pd->object ||
           (object_type(object) == OBJECT_POOL &&
            (!object->pool || pool_pays((const struct pool *)object, &ec->object) ||
             pool_pays((const struct pool *)object, &ec->pd->object)));
}

/* The object is claimed, and so it stays after success only: then it is gone. */
static uint64_t object_destroy(struct object *object, struct node *slot, uint64_t word)
{
    object_close(object);
    uint64_t status = object_type(object) == OBJECT_POOL ? pool_leave((struct pool *)object)
                                                         : leave[object_type(object)](object);
    if (status)
        return status;
    if (slot_word(slot) == word && !slot_revoke(slot, false))
        return syscall_again();
    /* The caller could not name the object again: no giving way any more. */
    while (forget_step(object))
        interrupts_take();
    if (object_type(object) == OBJECT_EC)
        while (forget_step(&((struct ec *)object)->utcb_mem.object))
            interrupts_take();
    object_release(object);
    return STATUS_SUCCESS;
}

static uint64_t mem_destroy(struct mem *mem, struct node *slot)
{
    enum status status = mem_close(mem);

    if (status)
        return status;
    if (!slot_revoke(slot, false) || !mem_hold(mem))
        return syscall_again();
    while (forget_step(&mem->object))
        interrupts_take();
    shoot_settle(cpu_this()->index);
    mem_let_go(mem, cpu_this()->index);
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
    if (type == OBJECT_MEM)
        return mem_destroy((struct mem *)object, slot);
    if (type != OBJECT_POOL && (type >= sizeof(leave) / sizeof(leave[0]) || !leave[type]))
        return STATUS_BAD_CAPABILITY;
    if (caller_needs(ec, object))
        return STATUS_IN_USE;
    if (!object_claim(object))
        return syscall_again();
    uint64_t status = object_destroy(object, slot, word);
    if (status)
        object_unclaim(object);
    return status;
}
