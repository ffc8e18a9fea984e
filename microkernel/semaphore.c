/*
 * An EC that waits has state EC_BLOCKED and blocked_on set, both under the semaphore's lock;
 * whoever takes it out of the queue, an up, its deadline or the semaphore's end, clears blocked_on
 * and wakes it. So it is woken exactly once.
 */
#include "semaphore.h"

#include "cpu.h"
#include "sched.h"
#include "syscall.h"
#include "x86.h"

/* Under the semaphore's lock. */
static struct ec *waiter_take(struct sm *sm)
{
    if (chain_empty(&sm->waiters))
        return NULL;
    struct ec *ec = CONTAINER(sm->waiters.next, struct ec, waiting);
    chain_remove(&ec->waiting);
    ec->blocked_on = NULL;
    return ec;
}

void semaphore_up(struct sm *sm)
{
    lock_take(&sm->object.lock);
    struct ec *ec = waiter_take(sm);
    if (!ec && sm->count != UINT64_MAX)
        sm->count++;
    lock_give(&sm->object.lock);
    if (ec)
        ec_wake(ec, STATUS_SUCCESS);
}

bool semaphore_signal(struct sm *sm)
{
    lock_take(&sm->object.lock);
    struct ec *ec = waiter_take(sm);
    bool taken = ec || !sm->count;
    if (taken && !ec)
        sm->count = 1;
    lock_give(&sm->object.lock);
    if (ec)
        ec_wake(ec, STATUS_SUCCESS);
    return taken;
}

uint64_t syscall_up(struct ec *ec)
{
    struct object *object;
    enum status status = table_find(&ec->pd->table, ec->regs.rdi, OBJECT_SM, SM_RIGHT_UP, &object);

    if (!status)
        semaphore_up((struct sm *)object);
    return status;
}

uint64_t syscall_down(struct ec *ec)
{
    uint64_t flags = ec->regs.rsi, deadline = ec->regs.rdx;
    struct cpu *cpu = cpu_this();
    struct object *object;
    enum status status =
        table_find(&ec->pd->table, ec->regs.rdi, OBJECT_SM, SM_RIGHT_DOWN, &object);

    if (status)
        return status;
    if (flags & ~(uint64_t)(DOWN_TRY | DOWN_ZERO))
        return STATUS_BAD_PARAMETER;
    struct sm *sm = (struct sm *)object;

    lock_take(&sm->object.lock);
    if (sm->count) {
        sm->count = flags & DOWN_ZERO ? 0 : sm->count - 1;
        lock_give(&sm->object.lock);
        return STATUS_SUCCESS;
    }
    if (flags & DOWN_TRY || sm->object.dying) {
        bool dying = sm->object.dying;
        lock_give(&sm->object.lock);
        return dying ? STATUS_ABORTED : STATUS_WOULD_BLOCK;
    }
    ec->state = EC_BLOCKED;
    ec->blocked_on = sm;
    chain_insert(sm->waiters.prev, &ec->waiting);
    lock_give(&sm->object.lock);
    if (deadline) {
        timers_add(&cpu->waits, &ec->timer, deadline);
        sched_timer_update(cpu);
    }
    schedule(cpu);
}

bool semaphore_abort_one(struct sm *sm)
{
    lock_take(&sm->object.lock);
    sm->object.dying = true;
    struct ec *ec = waiter_take(sm);
    lock_give(&sm->object.lock);
    if (ec)
        ec_wake(ec, STATUS_ABORTED);
    return ec;
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
