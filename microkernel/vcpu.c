/*
 * The life of a virtual CPU: it is made, runs, exits, is replied to, ends.
 *
 * An exit takes two ways, as a call does: when the handler waits, exception_pass of entry.S; all
 * else, ipc.c. What is handed over stays in ec.regs until the reply, the general registers too: an
 * exit that nobody answers is told again as it was, whatever its first monitor did to the page.
 */
#include "vcpu.h"

#include "boot.h"
#include "cpu.h"
#include "ec_control.h"
#include "entry.h"
#include "guest.h"
#include "ipc.h"
#include "portal.h"
#include "sched.h"
#include "syscalls.h"
#include "trace.h"
#include "x86.h"

static void frames_give(struct vcpu *vcpu)
{
    void *frames[] = {vcpu->page, vcpu->control, vcpu->apic, vcpu->vectors};

    for (unsigned i = 0; i < VCPU_FRAMES; i++)
        if (frames[i])
            pool_give_frame(vcpu->ec.object.pool, frames[i]);
}

static bool frames_take(struct vcpu *vcpu)
{
    struct pool *pool = vcpu->ec.object.pool;

    vcpu->page = pool_take_frame(pool);
    vcpu->control = pool_take_frame(pool);
    vcpu->apic = pool_take_frame(pool);
    vcpu->vectors = pool_take_frame(pool);
    if (vcpu->vectors)
        return true;
    frames_give(vcpu);
    return false;
}

enum status vcpu_init(struct vcpu *vcpu, struct vm *vm)
{
    struct ec *ec = &vcpu->ec;

    if (ec->cpu >= boot_handoff.cpus)
        return STATUS_BAD_PARAMETER;
    if (!frames_take(vcpu))
        return STATUS_NEEDS_FRAMES;
    ec_prepare(ec);
    ec->full = FULL_GUEST;
    ec->pending = PENDING_EXIT;
    ec->regs.vector = EXIT_STARTUP;
    vcpu->vm = vm;
    mem_init(&vcpu->page_mem, ec->object.pool, (uint64_t)vcpu->page - FRAME_BASE, FRAME_SIZE,
             MEM_WRITE_BACK);
    node_insert_first(&vcpu->page_mem.object, &vcpu->page_slot, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    guest_init(vcpu);
    lock_take(&vm->object.lock);
    chain_insert(&vm->vcpus, &ec->member);
    lock_give(&vm->object.lock);
    return STATUS_SUCCESS;
}

void vcpu_end(struct vcpu *vcpu)
{
    for (unsigned i = 0; i < EXIT_COUNT; i++) {
        while (!slot_revoke(&vcpu->exits[i], true)) {
        }
        interrupts_take();
    }
    while (!slot_revoke(&vcpu->ec.supervisor, true)) {
    }
    lock_take(&vcpu->vm->object.lock);
    chain_remove(&vcpu->ec.member);
    lock_give(&vcpu->vm->object.lock);
}

void vcpu_release(struct vcpu *vcpu)
{
    frames_give(vcpu);
}

/* The handler is not there at once, or there is none, or events are recorded. */
static __attribute__((noinline)) NORETURN void exit_slowly(struct cpu *cpu, struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;
    uint64_t word = slot_word(&vcpu->exits[ec->regs.vector]);

    trace(cpu, TRACE_EXIT, ec->regs.vector, trace_id(ec));
    ec->space = cpu->shoot->current; /* exit_pass looks at that itself */
    if (capability_rights(word) & PT_RIGHT_CALL)
        ipc_pass_slowly(cpu, ec, (const struct pt *)capability_object(word));
    ec_stop(ec); /* the exit waits for somebody to take it */
    schedule(cpu);
}

/* Hands over the exit that ec.regs and ec.address have, too. A claimed slot has no rights. */
static inline NORETURN void exit_deliver(struct cpu *cpu, struct vcpu *vcpu, uint64_t reason,
                                         uint64_t qualification, uint64_t rip, uint64_t address)
{
    uint64_t word = __atomic_load_n(&vcpu->exits[reason].word, __ATOMIC_ACQUIRE);
    const struct pt *pt = (const struct pt *)capability_object(word);

    if (!(capability_rights(word) & PT_RIGHT_CALL) || ec_word_of(pt->ec) != cpu->waiting)
        exit_slowly(cpu, vcpu);
    call_link(&vcpu->ec, pt->ec);
    vcpu->ec.state = EC_CALLING;
    exit_pass(pt->id, reason, qualification, &vcpu->ec, rip, address);
}

/* With groups of the state. What it has in registers is found again. */
static __attribute__((noinline)) NORETURN void exit_show(struct vcpu *shown, uint32_t groups)
{
    guest->get(shown, groups);
    struct cpu *cpu = cpu_this();
    struct vcpu *vcpu = vcpu_of(cpu->current);
    const struct ec *ec = &vcpu->ec;

    exit_deliver(cpu, vcpu, ec->regs.vector, ec->regs.error, vcpu->page->rip, ec->address);
}

/* What is to be told again: the page's reason with the length behind it, and the delivery. */
_Static_assert(offsetof(struct vcpu_state, reason) % 8 == 0 &&
                   offsetof(struct vcpu_state, qualification) ==
                       offsetof(struct vcpu_state, reason) + 8 &&
                   sizeof(struct vcpu_event) == 8,
               "one word each");

void vcpu_exit(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason, uint64_t qualification,
               uint64_t address)
{
    struct vcpu_state *page = vcpu->page;
    struct ec *ec = &vcpu->ec;
    uint32_t groups = __atomic_load_n(&vcpu->groups[reason], __ATOMIC_RELAXED);

    page->reason = reason;
    page->qualification = qualification;
    page->address = address;
    __builtin_memcpy(&ec->regs.rsp, &page->reason, sizeof(uint64_t));
    __builtin_memcpy(&ec->regs.rflags, &page->interrupted, sizeof(uint64_t));
    ec->regs.vector = reason;
    ec->regs.error = qualification;
    ec->address = address;
    if (groups)
        exit_show(vcpu, groups);
    exit_deliver(cpu, vcpu, reason, qualification, page->rip, address);
}

/* General registers of the page, by their number: where ec.regs has each of them. */
static const uint8_t register_places[16] = {
#define PLACE(name) offsetof(struct registers, name) / sizeof(uint64_t)
    PLACE(rax), PLACE(rcx), PLACE(rdx), PLACE(rbx), PLACE(rsp), PLACE(rbp), PLACE(rsi), PLACE(rdi),
    PLACE(r8),  PLACE(r9),  PLACE(r10), PLACE(r11), PLACE(r12), PLACE(r13), PLACE(r14), PLACE(r15),
#undef PLACE
};

/* As they were at the exit, or will be if it is told again; RSP is a group of the state. */
static void registers_copy(struct vcpu *vcpu, bool show)
{
    uint64_t *own = (uint64_t *)&vcpu->ec.regs;
    volatile uint64_t *page = &vcpu->page->rax;

    for (unsigned i = 0; i < sizeof(register_places); i++) {
        uint64_t *place = &own[register_places[i]];
        if (show)
            page[i] = *place;
        else
            *place = page[i];
    }
}

/* The exit that nobody has answered: the page becomes again what it was. */
static NORETURN void exit_again(struct vcpu *vcpu)
{
    struct vcpu_state *page = vcpu->page;
    const struct ec *ec = &vcpu->ec;

    registers_copy(vcpu, true);
    __builtin_memcpy(&page->reason, &ec->regs.rsp, sizeof(uint64_t));
    __builtin_memcpy(&page->interrupted, &ec->regs.rflags, sizeof(uint64_t));
    page->qualification = ec->regs.error;
    page->address = ec->address;
    exit_show(vcpu,
              STATE_BASIC | __atomic_load_n(&vcpu->groups[ec->regs.vector], __ATOMIC_RELAXED));
}

/* It has not been injected, and is not going to be, unless the monitor says so again. */
static void event_withdraw(struct vcpu *vcpu)
{
    struct vcpu_state *page = vcpu->page;

    guest->get(vcpu, STATE_INJECTION);
    if (!(page->injection.info & EVENT_VALID))
        return;
    page->interrupted = page->injection;
    page->injection = (struct vcpu_event){0};
    guest->set(vcpu, STATE_INJECTION);
}

/* An exit that the guest has not caused. After a failed entry the state stays as it was. */
void vcpu_exit_own(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason,
                   uint64_t qualification, uint64_t address)
{
    guest->get(vcpu, STATE_BASIC);
    registers_copy(vcpu, false);
    vcpu->page->instruction_length = 0;
    vcpu->page->interrupted = (struct vcpu_event){0};
    if (reason != EXIT_FAILED)
        event_withdraw(vcpu);
    vcpu_exit(cpu, vcpu, reason, qualification, address);
}

/* In this order, one at a time. */
static __attribute__((noinline)) NORETURN void pending_do(struct cpu *cpu, struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;

    if (ec->pending & PENDING_FROZEN) {
        ec->state = EC_STOPPED;
        schedule(cpu);
    }
    if (ec->pending & PENDING_EXIT) {
        ec->pending &= (uint8_t)~PENDING_EXIT;
        exit_again(vcpu);
    }
    if (ec->pending & PENDING_RECALL) {
        ec->pending &= (uint8_t)~PENDING_RECALL;
        vcpu_exit_own(cpu, vcpu, EXIT_RECALL, 0, 0);
    }
    if (ec->pending & PENDING_TIMER) {
        ec->pending &= (uint8_t)~PENDING_TIMER;
        vcpu_exit_own(cpu, vcpu, EXIT_TIMER, 0, 0);
    }
    ec->state = EC_BLOCKED; /* halted */
    schedule(cpu);
}

void vcpu_continue(struct cpu *cpu, struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;

    if (cpu->reschedule)
        schedule(cpu);
    if (vcpu->deadline && !timer_is_armed(&ec->timer))
        sched_wait(cpu, ec, vcpu->deadline);
    if (ec->pending)
        pending_do(cpu, vcpu);
    guest_enter(cpu, vcpu);
}

void vcpu_run(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->current != &vcpu->ec) {
        ec_bases_save(cpu);
        cpu->current = &vcpu->ec;
    }
    vcpu_continue(cpu, vcpu);
}

enum status vcpu_take(struct vcpu *vcpu, uint64_t groups)
{
    if (groups & ~(uint64_t)STATE_ALL)
        return STATUS_BAD_PARAMETER;
    if (groups)
        guest->set(vcpu, (uint32_t)groups);
    return STATUS_SUCCESS;
}

/* What it has in registers is found again, rather than kept over the call. */
void vcpu_replied(struct vcpu *replied, uint64_t groups)
{
    guest->set(replied, (uint32_t)groups);
    struct cpu *cpu = cpu_this();
    vcpu_continue(cpu, vcpu_of(cpu->current));
}

/* Something came up for which it does not stay halted. */
static bool wake(struct vcpu *vcpu)
{
    if (vcpu->ec.state != EC_BLOCKED)
        return false;
    __atomic_store_n(&vcpu->ec.state, EC_RUNNABLE, __ATOMIC_RELEASE);
    return true;
}

void vcpu_timer(struct vcpu *vcpu)
{
    vcpu->deadline = 0;
    vcpu->ec.pending |= PENDING_TIMER;
    if (wake(vcpu))
        sched_unpark(&vcpu->ec);
}

/* Under the CPU's wake_lock; the caller makes SCs ready that wait for it. */
void vcpu_woken(struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;
    uint32_t requests = vcpu->requests;

    vcpu->requests = 0;
    if (requests & REQUEST_RESUME) {
        ec->pending &= (uint8_t)~PENDING_FROZEN;
        if (ec->state == EC_STOPPED || ec->state == EC_BLOCKED) /* still halted, or not any more */
            ec->state = EC_RUNNABLE;
    }
    requests &= PENDING_RECALL | PENDING_FROZEN;
    __atomic_store_n(&ec->pending, (uint8_t)(ec->pending | requests), __ATOMIC_RELEASE);
    if (ec->pending & PENDING_RECALL)
        (void)wake(vcpu);
}
