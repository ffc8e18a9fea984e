/*
 * Reading, setting, stopping and resuming ECs.
 */
#include "ec_control.h"

#include "ipc.h"
#include "sched.h"
#include "semaphore.h"
#include "stop.h"
#include "trace.h"
#include "vcpu.h"

/* A system call that is over leaves only some registers; the others are not to be seen again. */
static void registers_complete(struct registers *regs)
{
    regs->rbx = regs->rbp = regs->r10 = regs->rcx = regs->r11 = 0;
    regs->r12 = regs->r13 = regs->r14 = regs->r15 = 0;
}

void ec_stop(struct ec *ec)
{
    uint64_t word = slot_word(&ec->supervisor);

    ec->state = EC_STOPPED;
    if (ec_is_vcpu(ec))
        ec->pending |= PENDING_EXIT; /* told again when it is resumed */
    if (capability_rights(word) & SM_RIGHT_UP)
        (void)semaphore_up((struct sm *)capability_object(word), UINT64_MAX);
    else if (ec->first)
        exception_end_run(ec);
    else if (CAIRN_DEBUG)
        console_print("# [kernel] cpu %u: EC %lx stops: vector %lu error 0x%lx rip 0x%lx\n",
                      ec->cpu, trace_id(ec), ec->regs.vector, ec->regs.error, ec->regs.rip);
}

void ec_raise_pending(struct cpu *cpu, struct ec *ec)
{
    if (!ec->full)
        registers_complete(&ec->regs);
    ec->full = FULL_ALL;
    if (ec->pending & PENDING_EXCEPTION) {
        ec->pending &= (uint8_t)~PENDING_EXCEPTION;
    } else {
        ec->pending = 0;
        ec->regs.vector = VECTOR_RECALL;
        ec->regs.error = ec->address = 0;
    }
    ipc_exception(cpu, ec);
}

static enum utcb_activity activity(const struct ec *ec)
{
    uint8_t state = __atomic_load_n(&ec->state, __ATOMIC_ACQUIRE);
    bool exception = state == EC_HELPING ? ec->pending & PENDING_EXCEPTION : ec->full;

    if (state < EC_CALLING)
        return (enum utcb_activity)state;
    return exception ? ACTIVITY_EXCEPTION : ACTIVITY_CALLING;
}

static void state_read(struct ec *caller, const struct ec *ec)
{
    struct registers regs = ec->regs;
    enum utcb_activity now = activity(ec);
    bool exception = now == ACTIVITY_EXCEPTION || now == ACTIVITY_STOPPED;

    if (!ec->full)
        registers_complete(&regs);
    struct utcb_state state = {
        .fs_base = ec->fs_base,
        .gs_base = ec->gs_base,
        .activity = now,
        .vector = exception ? regs.vector : 0,
        .error = exception ? regs.error : 0,
        .address = exception ? ec->address : 0,
        .id = trace_id(ec),
    };
    __builtin_memcpy(&state, &regs, REGISTERS_SHARED);
    *(volatile struct utcb_state *)caller->utcb = state;
}

/*
 * An EC that waits for a call goes on as after a system call, with the registers that a message
 * has. In other system calls the registers are the kernel's until that is over.
 */
static enum status state_set(const struct ec *caller, struct ec *ec)
{
    struct utcb_state state = *(const volatile struct utcb_state *)caller->utcb;
    enum utcb_activity now = activity(ec);

    if (!state_constrain(&state))
        return STATUS_BAD_PARAMETER;
    if (now == ACTIVITY_CALLING || now == ACTIVITY_BLOCKED || ec->state == EC_HELPING)
        return STATUS_BUSY;
    __builtin_memcpy(&ec->regs, &state, REGISTERS_SHARED);
    ec->fs_base = state.fs_base;
    ec->gs_base = state.gs_base;
    ec->full = now == ACTIVITY_WAITING ? FULL_CALL : FULL_ALL;
    return STATUS_SUCCESS;
}

enum status supervisor_set(const struct ec *caller, struct ec *ec, uint64_t selector)
{
    struct node *slot;
    uint64_t word;
    enum status status =
        table_find_slot(&caller->pd->table, selector, OBJECT_SM, SM_RIGHT_UP, &slot, &word);

    return status ? status : slot_delegate(slot, word, &ec->supervisor, SM_RIGHT_UP);
}

uint64_t ec_control(struct ec *caller, struct ec *ec, uint32_t rights)
{
    uint64_t operation = caller->regs.rsi, argument = caller->regs.rdx;

    if (operation > EC_SET)
        return STATUS_BAD_PARAMETER;
    if (!(rights & (operation < EC_READ ? EC_RIGHT_CONTROL : EC_RIGHT_STATE)))
        return STATUS_NO_RIGHT;
    if (operation == EC_SUPERVISOR)
        return supervisor_set(caller, ec, argument);
    if (operation == EC_EVENTS ? argument >= SELECTORS - VECTOR_RECALL : argument)
        return STATUS_BAD_PARAMETER;
    if (operation != EC_EVENTS && ec->cpu != caller->cpu)
        return STATUS_WRONG_CPU;
    if (operation > EC_RECALL && ec == caller)
        return STATUS_BUSY;
    switch (operation) {
    case EC_EVENTS:
        ec->events = (uint32_t)argument;
        break;
    case EC_RECALL:
        ec->pending |= PENDING_RECALL;
        cpu_this()->reschedule |= ec == caller;
        break;
    case EC_RESUME:
        if (ec->state != EC_STOPPED)
            return STATUS_BUSY;
        ec->state = EC_RUNNABLE;
        sched_unpark(ec);
        break;
    case EC_READ:
        state_read(caller, ec);
        break;
    default:
        return state_set(caller, ec);
    }
    return STATUS_SUCCESS;
}
