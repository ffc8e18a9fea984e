/*
 * Portal calls and replies. The caller's scheduling context stays current and the handler runs on
 * it: nothing is queued, nothing is charged to anybody else.
 *
 * Up to four words travel in registers, through those saved in the ECs. Longer messages go through
 * the UTCBs. Nothing of the sender's other registers reaches the receiver (entry.S clears them).
 */
#include "ipc.h"

#include "ec_control.h"
#include "portal.h"
#include "sched.h"
#include "semaphore.h"
#include "vcpu.h"

/* RAX of CALL and REPLY: number, words << 8, items << 24; the same, with a status, on return. */
#define LENGTH_SHIFT 8

static bool length_valid(uint64_t length)
{
    return (length & 0xffff) <= MESSAGE_WORDS && length >> 16 <= MESSAGE_ITEMS;
}

/* Capabilities of a message into the window that the receiver opened; returns how many arrived. */
static uint64_t items_pass(const struct ec *from, struct ec *to, uint64_t items)
{
    uint64_t window = __atomic_load_n(&to->utcb->window, __ATOMIC_RELAXED);
    uint64_t room = __atomic_load_n(&to->utcb->window_count, __ATOMIC_RELAXED), done = 0;

    for (; done < items && done < room; done++) {
        struct utcb_item item = *(const volatile struct utcb_item *)&from->utcb->item[done];
        struct node *source = table_slot(&from->pd->table, item.selector);
        struct node *destination = table_slot(&to->pd->table, window + done);
        uint64_t word = slot_word(source);
        if (!word || !destination || slot_delegate(source, word, destination, item.rights))
            break;
    }
    return done;
}

/* Each word is read once, also where the compiler would have thought of reading it again. */
static inline void words_copy(uint64_t *to, const uint64_t *from, uint64_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/*
 * Hands the message over: what does not fit the registers are words, each read once (what it says
 * is the sender's affair), and capabilities. to->regs.rax becomes status and length, as it arrived.
 */
static void message_pass(const struct ec *from, struct ec *to, uint64_t length)
{
    uint64_t words = length & 0xffff, items = length >> 16;

    if (words > MESSAGE_REGISTERS)
        words_copy(&to->utcb->word[MESSAGE_REGISTERS], &from->utcb->word[MESSAGE_REGISTERS],
                   words - MESSAGE_REGISTERS);
    if (items)
        items = items_pass(from, to, items);
    to->regs.rax = STATUS_SUCCESS | (words | items << 16) << LENGTH_SHIFT;
    to->regs.rsi = from->regs.rsi;
    to->regs.rdx = from->regs.rdx;
    to->regs.r8 = from->regs.r8;
    to->regs.r9 = from->regs.r9;
}

/* The handler is busy: the EC, whose registers are saved in full, tries again when it is free. */
static NORETURN void help_begin(struct cpu *cpu, struct ec *ec, struct ec *handler)
{
    ec->state = EC_HELPING;
    ec->partner = handler;
    chain_insert(handler->helpers.prev, &ec->waiting);
    schedule(cpu);
}

void help_end(struct cpu *cpu, struct ec *helper)
{
    chain_remove(&helper->waiting);
    timers_cancel(&cpu->timers, &helper->timer);
    helper->state = EC_RUNNABLE;
}

/* The handler, which waits and has its message, runs on the caller's time. */
static inline NORETURN void call_begin(struct cpu *cpu, struct ec *caller, struct ec *handler,
                                       uint64_t id)
{
    handler->regs.rdi = id;
    call_link(caller, handler);
    caller->state = timer_is_armed(&caller->timer) ? EC_TIMED : EC_CALLING;
    ec_switch(cpu, handler);
    ec_resume(handler);
}

uint64_t ipc_call(struct ec *caller)
{
    uint64_t length = caller->regs.rax >> LENGTH_SHIFT, deadline = caller->regs.r10;
    struct cpu *cpu = cpu_this();
    struct object *object;
    enum status status =
        table_find(&caller->pd->table, caller->regs.rdi, OBJECT_PT, PT_RIGHT_CALL, &object);

    if (status)
        return status;
    const struct pt *pt = (const struct pt *)object;
    if (!length_valid(length))
        return STATUS_BAD_PARAMETER;
    struct ec *handler = pt->ec;
    if (handler->cpu != cpu->index)
        return handler == &ec_nobody ? STATUS_ABORTED : STATUS_WRONG_CPU;
    if (!caller->room)
        return STATUS_DEPTH;
    if (deadline) {
        if (tsc_read() >= deadline)
            return STATUS_TIMEOUT;
        sched_wait(cpu, caller, deadline);
    }
    if (handler->state == EC_STOPPED)
        return STATUS_ABORTED;
    if (handler->state != EC_WAITING) {
        caller->regs.rip -= SYSCALL_LENGTH;
        caller->full = FULL_ALL; /* the call needs all its registers once more */
        help_begin(cpu, caller, handler);
    }
    message_pass(caller, handler, length);
    call_begin(cpu, caller, handler, pt->id);
}

uint64_t ipc_reply(struct ec *handler)
{
    uint64_t length = handler->regs.rax >> LENGTH_SHIFT;
    struct ec *caller = handler->caller;
    struct cpu *cpu = cpu_this();

    if (!length_valid(length))
        return STATUS_BAD_PARAMETER;
    if (ec_is_vcpu(caller)) {
        enum status status = vcpu_take(vcpu_of(caller), length & 0xffff ? handler->regs.rsi : 0);
        if (status)
            return status;
    }
    handler->state = EC_WAITING;
    handler->room = CALLS_MAX;
    if (caller == &ec_nobody)
        schedule(cpu);
    handler->caller = &ec_nobody;
    if (!caller->full) /* an exception's reply leaves the registers as they are */
        message_pass(handler, caller, length);
    caller->state = EC_RUNNABLE;
    timers_cancel(&cpu->timers, &caller->timer);
    if (!cpu->calling)
        schedule(cpu);
    sched_run(cpu, caller);
}

bool ipc_cancel(struct ec *caller)
{
    struct ec *handler = caller->partner, *end = caller;
    struct cpu *cpu = cpu_this();

    if (!ec_donates(caller))
        return false;
    for (unsigned hops = 0; ec_donates(end) && hops <= CHAIN_MAX; hops++) /* it may be a circle */
        end = end->partner;
    sched_unpark(end); /* the SCs that wait there, if it is blocked, find their way anew */
    if (caller->state == EC_HELPING) {
        chain_remove(&caller->waiting);
        if (!(caller->pending & PENDING_EXCEPTION))
            caller->regs.rip += SYSCALL_LENGTH; /* the call does not start again */
    } else {
        handler->caller = &ec_nobody;
        sched_reserve(cpu, handler);
    }
    cpu->reschedule = true;
    return true;
}

bool ipc_cut(struct ec *ec, unsigned count)
{
    struct ec *caller = ec->caller;

    if (!semaphore_cancel(ec))
        (void)ipc_cancel(ec);
    timers_cancel(&cpu_this()->timers, &ec->timer);
    sched_unpark(ec);
    lock_take(&cpu_this()->wake_lock);
    ec->state = EC_STOPPED;
    lock_give(&cpu_this()->wake_lock);
    ec->caller = &ec_nobody;
    if (caller != &ec_nobody) {
        if (caller->full) /* it has an exception, which nobody handles now */
            ec_stop(caller);
        else
            ec_wake(caller, STATUS_ABORTED);
    }
    for (; count > 0 && !chain_empty(&ec->helpers); count--) /* their calls will find no portal */
        help_end(cpu_this(), CONTAINER(ec->helpers.next, struct ec, waiting));
    return !chain_empty(&ec->helpers);
}

void ipc_pass_slowly(struct cpu *cpu, struct ec *ec, const struct pt *pt)
{
    struct ec *handler = pt ? pt->ec : NULL;

    if (!handler || handler->cpu != cpu->index || handler->state == EC_STOPPED) {
        ec_stop(ec);
        schedule(cpu);
    }
    if (handler->state != EC_WAITING) {
        ec->pending |= PENDING_EXCEPTION;
        help_begin(cpu, ec, handler);
    }
    handler->regs.rax = STATUS_SUCCESS | (uint64_t)MESSAGE_REGISTERS << LENGTH_SHIFT;
    handler->regs.rsi = ec->regs.vector;
    handler->regs.rdx = ec->regs.error;
    handler->regs.r8 = ec->regs.rip;
    handler->regs.r9 = ec->address;
    call_begin(cpu, ec, handler, pt->id);
}

void ipc_exception(struct cpu *cpu, struct ec *ec)
{
    uint64_t word = table_raw(&ec->pd->table, ec->events + ec->regs.vector);
    const struct pt *pt = (const struct pt *)capability_object(word);

    if (!ec->room || !capability_serves(word, OBJECT_PT, PT_RIGHT_CALL))
        ipc_pass_slowly(cpu, ec, NULL);
    /* Before an EC that has something pending another one ran, whose bases the CPU still has. */
    if (ec_word_of(pt->ec) != cpu->waiting || cpu->current != ec)
        ipc_pass_slowly(cpu, ec, pt);
    ec->fs_base = __builtin_ia32_rdfsbase64();
    ec->gs_base = __builtin_ia32_rdgsbase64();
    call_link(ec, pt->ec);
    ec->state = EC_CALLING;
    exit_pass(pt->id, ec->regs.vector, ec->regs.error, ec, ec->regs.rip, ec->address);
}
