/*
 * What others do to a VCPU: bind its exits, recall, freeze, resume it, read and write its state.
 *
 * Recall, freeze and resume are requests to its CPU, which takes them over between two programs
 * (vcpu_woken); so they come from any CPU. Its state is in its CPU.
 */
#include "cpu.h"
#include "ec_control.h"
#include "guest.h"
#include "sched.h"
#include "syscalls.h"
#include "vcpu.h"

/* RDX: exit, R8: portal, R9: groups. */
static enum status exit_bind(const struct ec *caller, struct vcpu *vcpu)
{
    const struct registers *regs = &caller->regs;
    struct node *slot;
    uint64_t word;

    if (regs->rdx >= EXIT_COUNT || regs->r9 & ~(uint64_t)STATE_ALL)
        return STATUS_BAD_PARAMETER;
    enum status status =
        table_find_slot(&caller->pd->table, regs->r8, OBJECT_PT, PT_RIGHT_CALL, &slot, &word);
    if (status)
        return status;
    struct node *exit = &vcpu->exits[regs->rdx];
    if (slot->depth >= DEPTH_MAX)
        return STATUS_DEPTH; /* the old one stays */
    if (!slot_revoke(exit, true))
        return STATUS_BUSY;
    status = slot_delegate(slot, word, exit, PT_RIGHT_CALL);
    if (!status)
        __atomic_store_n(&vcpu->groups[regs->rdx], (uint32_t)regs->r9 & ~STATE_BASIC,
                         __ATOMIC_RELAXED);
    return status;
}

/* RDX: selector. */
static enum status page_give(struct ec *caller, struct vcpu *vcpu)
{
    struct node *slot;
    enum status status = slot_open(caller, &caller->pd->table, caller->regs.rdx, &slot);

    if (status)
        return status;
    slot_unclaim(slot);
    return slot_delegate(&vcpu->page_slot, vcpu->page_slot.word, slot, RIGHTS_ALL);
}

/* Nobody but who asks for it touches its state: it is in no guest, and will not be. */
static bool state_at_rest(const struct ec *ec)
{
    return ec->state == EC_STOPPED || ec->state == EC_WAITING || ec_donates(ec) ||
           ec->pending & PENDING_FROZEN;
}

static enum status state_move(const struct ec *caller, struct vcpu *vcpu, bool write)
{
    uint64_t groups = caller->regs.rdx;

    if (groups & ~(uint64_t)STATE_ALL)
        return STATUS_BAD_PARAMETER;
    if (vcpu->ec.cpu != caller->cpu)
        return STATUS_WRONG_CPU;
    if (!state_at_rest(&vcpu->ec))
        return STATUS_BUSY;
    if (write)
        return vcpu_take(vcpu, groups);
    guest->get(vcpu, (uint32_t)groups);
    return STATUS_SUCCESS;
}

/* A resume that its CPU has not taken over yet came before. */
static uint64_t freeze(struct vcpu *vcpu)
{
    struct lock *lock = &cpu_at(vcpu->ec.cpu)->wake_lock;

    lock_take(lock);
    bool frozen = vcpu->ec.pending & PENDING_FROZEN && !(vcpu->requests & REQUEST_RESUME);
    lock_give(lock);
    if (frozen)
        return STATUS_SUCCESS;
    sched_request(vcpu, PENDING_FROZEN);
    return syscall_again();
}

static enum status resume(struct vcpu *vcpu)
{
    const struct ec *ec = &vcpu->ec;

    if (__atomic_load_n(&ec->state, __ATOMIC_ACQUIRE) != EC_STOPPED &&
        !(__atomic_load_n(&ec->pending, __ATOMIC_ACQUIRE) & PENDING_FROZEN))
        return STATUS_BUSY;
    sched_request(vcpu, REQUEST_RESUME);
    return STATUS_SUCCESS;
}

uint64_t vcpu_control(struct ec *caller, struct vcpu *vcpu, uint32_t rights)
{
    uint64_t operation = caller->regs.rsi, argument = caller->regs.rdx;
    bool state = operation == VCPU_READ || operation == VCPU_WRITE || operation == VCPU_PAGE;

    if (operation > VCPU_PAGE)
        return STATUS_BAD_PARAMETER;
    if (!(rights & (state ? VCPU_RIGHT_STATE : VCPU_RIGHT_CONTROL)))
        return STATUS_NO_RIGHT;
    switch (operation) {
    case VCPU_BIND:
        return exit_bind(caller, vcpu);
    case VCPU_SUPERVISOR:
        return supervisor_set(caller, &vcpu->ec, argument);
    case VCPU_READ:
    case VCPU_WRITE:
        return state_move(caller, vcpu, operation == VCPU_WRITE);
    case VCPU_PAGE:
        return page_give(caller, vcpu);
    default:
        break;
    }
    if (argument)
        return STATUS_BAD_PARAMETER;
    if (operation == VCPU_FREEZE)
        return freeze(vcpu);
    if (operation == VCPU_RESUME)
        return resume(vcpu);
    sched_request(vcpu, PENDING_RECALL);
    return STATUS_SUCCESS;
}
