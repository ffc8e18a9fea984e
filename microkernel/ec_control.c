/*
 * Reading, setting, stopping and resuming ECs.
 */
#include "ec_control.h"

#include "cpu.h"
#include "ec_state.h"
#include "entry.h"
#include "first.h"
#include "ipc.h"
#include "sched.h"
#include "semaphore.h"
#include "stop.h"
#include "syscall.h"
#include "trace.h"

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
    if (capability_rights(word) & SM_RIGHT_UP)
        semaphore_up((struct sm *)capability_object(word));
    else if (first_is(ec))
        exception_end_run(ec);
    else if (CAIRN_DEBUG)
        console_print("# [kernel] cpu %u: EC %lx stops: vector %lu error 0x%lx rip 0x%lx\n",
                      ec->cpu, trace_id(ec), ec->regs.vector, ec->regs.error, ec->regs.rip);
}

void ec_raise(struct cpu *cpu, struct ec *ec)
{
    ipc_exception(cpu, ec, ec->address);
    ec_stop(ec);
    schedule(cpu);
}

void ec_raise_pending(struct cpu *cpu, struct ec *ec)
{
    if (!ec->full)
        registers_complete(&ec->regs);
    ec->full = true;
    if (ec->pending & PENDING_EXCEPTION) {
        ec->pending &= (uint8_t)~PENDING_EXCEPTION;
    } else {
        ec->pending = 0;
        ec->regs.vector = VECTOR_RECALL;
        ec->regs.error = ec->address = 0;
    }
    ec_raise(cpu, ec);
}

static enum utcb_activity activity(const struct ec *ec)
{
    switch ((enum ec_state)__atomic_load_n(&ec->state, __ATOMIC_ACQUIRE)) {
    case EC_RUNNABLE:
        return ACTIVITY_READY;
    case EC_WAITING:
        return ACTIVITY_WAITING;
    case EC_CALLING:
        return ec->full ? ACTIVITY_EXCEPTION : ACTIVITY_CALLING;
    case EC_HELPING:
        return ec->pending & PENDING_EXCEPTION ? ACTIVITY_EXCEPTION : ACTIVITY_CALLING;
    case EC_BLOCKED:
        return ACTIVITY_BLOCKED;
    case EC_STOPPED:
        break;
    }
    return ACTIVITY_STOPPED;
}

static enum status state_read(struct ec *caller, const struct ec *ec)
{
    struct registers regs = ec->regs;
    enum utcb_activity now = activity(ec);
    bool exception = now == ACTIVITY_EXCEPTION || now == ACTIVITY_STOPPED;

    if (!ec->full)
        registers_complete(&regs);
    *(volatile struct utcb_state *)caller->utcb = (struct utcb_state){
        .rax = regs.rax,
        .rbx = regs.rbx,
        .rcx = regs.rcx,
        .rdx = regs.rdx,
        .rsi = regs.rsi,
        .rdi = regs.rdi,
        .rbp = regs.rbp,
        .rsp = regs.rsp,
        .r8 = regs.r8,
        .r9 = regs.r9,
        .r10 = regs.r10,
        .r11 = regs.r11,
        .r12 = regs.r12,
        .r13 = regs.r13,
        .r14 = regs.r14,
        .r15 = regs.r15,
        .rip = regs.rip,
        .rflags = regs.rflags,
        .fs_base = ec->fs_base,
        .gs_base = ec->gs_base,
        .activity = now,
        .vector = exception ? regs.vector : 0,
        .error = exception ? regs.error : 0,
        .address = exception ? ec->address : 0,
        .id = trace_id(ec),
    };
    return STATUS_SUCCESS;
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
    ec->regs = (struct registers){
        .rax = state.rax,
        .rdi = state.rdi,
        .rsi = state.rsi,
        .rdx = state.rdx,
        .r8 = state.r8,
        .r9 = state.r9,
        .r10 = state.r10,
        .rip = state.rip,
        .rflags = state.rflags,
        .rsp = state.rsp,
        .rbx = state.rbx,
        .rbp = state.rbp,
        .r12 = state.r12,
        .r13 = state.r13,
        .r14 = state.r14,
        .r15 = state.r15,
        .rcx = state.rcx,
        .r11 = state.r11,
        .vector = ec->regs.vector,
        .error = ec->regs.error,
    };
    ec->fs_base = state.fs_base;
    ec->gs_base = state.gs_base;
    ec->full = now != ACTIVITY_WAITING;
    return STATUS_SUCCESS;
}

static enum status resume(struct ec *ec)
{
    if (ec->state != EC_STOPPED)
        return STATUS_BUSY;
    ec->state = EC_RUNNABLE;
    sched_unpark(ec);
    return STATUS_SUCCESS;
}

static enum status recall(const struct ec *caller, struct ec *ec)
{
    ec->pending |= PENDING_RECALL;
    if (ec == caller)
        cpu_this()->reschedule = true;
    return STATUS_SUCCESS;
}

static enum status supervisor_set(const struct ec *caller, struct ec *ec, uint64_t selector)
{
    struct node *slot;
    uint64_t word;
    enum status status =
        table_find_slot(&caller->pd->table, selector, OBJECT_SM, SM_RIGHT_UP, &slot, &word);

    return status ? status : slot_delegate(slot, word, &ec->supervisor, SM_RIGHT_UP);
}

static enum status events_set(struct ec *ec, uint64_t selector)
{
    if (selector >= SELECTORS - VECTOR_RECALL)
        return STATUS_BAD_PARAMETER;
    ec->events = (uint32_t)selector;
    return STATUS_SUCCESS;
}

uint64_t ec_control(struct ec *caller, struct ec *ec, uint32_t rights)
{
    uint64_t operation = caller->regs.rsi, argument = caller->regs.rdx;
    uint32_t right = operation < EC_READ ? EC_RIGHT_CONTROL : EC_RIGHT_STATE;

    if (operation > EC_SET)
        return STATUS_BAD_PARAMETER;
    if (!(rights & right))
        return STATUS_NO_RIGHT;
    if (operation == EC_EVENTS)
        return events_set(ec, argument);
    if (operation == EC_SUPERVISOR)
        return supervisor_set(caller, ec, argument);
    if (argument)
        return STATUS_BAD_PARAMETER;
    if (ec->cpu != caller->cpu)
        return STATUS_WRONG_CPU;
    if (operation == EC_RECALL)
        return recall(caller, ec);
    if (ec == caller)
        return STATUS_BUSY;
    if (operation == EC_RESUME)
        return resume(ec);
    return operation == EC_READ ? state_read(caller, ec) : state_set(caller, ec);
}
