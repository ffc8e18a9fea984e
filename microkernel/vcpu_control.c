/*
 * What others do to a VCPU: bind its exits, recall, freeze, resume it, read and write its state.
 *
 * Recall, freeze and resume are requests to its CPU, which takes them over between two programs
 * (vcpu_woken); so they come from any CPU. Its state is in its CPU.
 */
#include "ec_control.h"
#include "guest.h"
#include "sched.h"
#include "syscalls.h"

/*
 * RDX: exit, R8: portal, R9: groups. Others may bind the same exit meanwhile, and the last one
 * counts. An exit that comes meanwhile finds no portal, or, since it looks at the groups first, the
 * new one with the groups of the old one.
 */
static uint64_t exit_bind(const struct ec *caller, struct vcpu *vcpu)
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
    if (slot->depth >= DEPTH_MAX)
        return STATUS_DEPTH; /* the old one stays */
    if (!slot_revoke(&vcpu->exits[regs->rdx], true))
        return syscall_again();
    __atomic_store_n(&vcpu->groups[regs->rdx], (uint32_t)regs->r9 & ~STATE_BASIC, __ATOMIC_RELAXED);
    status = slot_delegate(slot, word, &vcpu->exits[regs->rdx], PT_RIGHT_CALL);
    return status == STATUS_IN_USE ? syscall_again() : status;
}

/* RDX: selector. */
static enum status page_give(struct ec *caller, struct vcpu *vcpu)
{
    struct node *slot;
    enum status status = slot_open(caller, &caller->pd->table, caller->regs.rdx, &slot);

    if (status)
        return status;
    return slot_delegate(&vcpu->ec.page_slot, vcpu->ec.page_slot.word, slot, RIGHTS_ALL);
}

/* While nobody but who asks for it touches its state: it is in no guest, and will not be. */
static enum status state_move(const struct ec *caller, struct vcpu *vcpu, bool write)
{
    uint64_t groups = caller->regs.rdx;
    const struct ec *ec = &vcpu->ec;

    if (groups & ~(uint64_t)STATE_ALL)
        return STATUS_BAD_PARAMETER;
    if (ec->cpu != caller->cpu)
        return STATUS_WRONG_CPU;
    if ((ec->state == EC_RUNNABLE || ec->state == EC_BLOCKED) && !(ec->pending & PENDING_FROZEN))
        return STATUS_BUSY;
    (write ? guest->set : guest->get)(vcpu, (uint32_t)groups);
    return STATUS_SUCCESS;
}

/* Freezes or resumes it. A resume that its CPU has not taken over yet came before. */
static uint64_t frozen_set(struct vcpu *vcpu, bool freeze)
{
    struct lock *lock = &cpu_at(vcpu->ec.cpu)->wake_lock;

    lock_take(lock);
    bool frozen = vcpu->ec.pending & PENDING_FROZEN, resumes = vcpu->requests & REQUEST_RESUME;
    lock_give(lock);
    if (freeze && frozen && !resumes)
        return STATUS_SUCCESS;
    if (!freeze && !frozen && __atomic_load_n(&vcpu->ec.state, __ATOMIC_ACQUIRE) != EC_STOPPED)
        return STATUS_BUSY;
    sched_request(vcpu, freeze ? PENDING_FROZEN : REQUEST_RESUME);
    return freeze ? syscall_again() : STATUS_SUCCESS;
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
        if (argument)
            return STATUS_BAD_PARAMETER;
        if (operation != VCPU_RECALL)
            return frozen_set(vcpu, operation == VCPU_FREEZE);
        sched_request(vcpu, PENDING_RECALL);
        return STATUS_SUCCESS;
    }
}
