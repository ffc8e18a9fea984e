/*
 * An EC that waits has state EC_BLOCKED and blocked_on set, both under the semaphore's lock;
 * whoever takes it out of the queue, an up, its deadline or the semaphore's end, clears blocked_on
 * and wakes it. So it is woken exactly once.
 */
#include "semaphore.h"

#include "sched.h"

/* Somebody waits, or the semaphore ends. Gives its lock. False: nobody waited. */
static __attribute__((noinline)) bool waiter_wake(struct sm *sm, enum status status)
{
    struct ec *ec = NULL;

    if (!chain_empty(&sm->waiters)) {
        ec = CONTAINER(sm->waiters.next, struct ec, waiting);
        chain_remove(&ec->waiting);
        ec->blocked_on = NULL;
    }
    lock_give(&sm->object.lock);
    if (ec)
        ec_wake(ec, status);
    return ec;
}

inline bool semaphore_up(struct sm *sm, uint64_t limit)
{
    lock_take(&sm->object.lock);
    if (!chain_empty(&sm->waiters))
        return waiter_wake(sm, STATUS_SUCCESS);
    bool below = sm->count < limit;
    sm->count += below;
    lock_give(&sm->object.lock);
    return below;
}

uint64_t syscall_up(struct ec *ec)
{
    struct object *object;
    enum status status = table_find(&ec->pd->table, ec->regs.rdi, OBJECT_SM, SM_RIGHT_UP, &object);

    if (status)
        return status;
    (void)semaphore_up((struct sm *)object, UINT64_MAX);
    return STATUS_SUCCESS;
}

/* The count is zero, or there are flags. Without flags the lock is held. */
static __attribute__((noinline)) uint64_t down_slowly(struct ec *ec, struct sm *sm)
{
    uint64_t flags = ec->regs.rsi, deadline = ec->regs.rdx, count;
    struct cpu *cpu = cpu_this();

    if (flags & ~(uint64_t)(DOWN_TRY | DOWN_ZERO))
        return STATUS_BAD_PARAMETER;
    if (flags)
        lock_take(&sm->object.lock);
    count = sm->count;
    bool dying = sm->object.dying;
    if (count || dying || flags & DOWN_TRY) {
        sm->count = flags & DOWN_ZERO || !count ? 0 : count - 1;
        lock_give(&sm->object.lock);
        return count ? STATUS_SUCCESS : dying ? STATUS_ABORTED : STATUS_WOULD_BLOCK;
    }
    ec->state = EC_BLOCKED;
    ec->blocked_on = sm;
    chain_insert(sm->waiters.prev, &ec->waiting);
    lock_give(&sm->object.lock);
    if (deadline)
        sched_wait(cpu, ec, deadline);
    schedule(cpu);
}

uint64_t syscall_down(struct ec *ec)
{
    struct object *object;
    enum status status =
        table_find(&ec->pd->table, ec->regs.rdi, OBJECT_SM, SM_RIGHT_DOWN, &object);

    if (status)
        return status;
    struct sm *sm = (struct sm *)object;
    if (ec->regs.rsi)
        return down_slowly(ec, sm);
    lock_take(&sm->object.lock);
    if (!sm->count)
        return down_slowly(ec, sm);
    sm->count--;
    lock_give(&sm->object.lock);
    return STATUS_SUCCESS;
}

bool semaphore_abort_one(struct sm *sm)
{
    lock_take(&sm->object.lock);
    sm->object.dying = true;
    return waiter_wake(sm, STATUS_ABORTED);
}

bool semaphore_cancel(struct ec *ec)
{
    struct sm *sm = __atomic_load_n(&ec->blocked_on, __ATOMIC_ACQUIRE);

    if (!sm)
        return false;
    lock_take(&sm->object.lock);
    bool mine = ec->blocked_on == sm;
    if (mine) {
        chain_remove(&ec->waiting);
        ec->blocked_on = NULL;
    }
    lock_give(&sm->object.lock);
    return mine;
}
