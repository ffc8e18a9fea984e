/*
 * The life of a virtual CPU: it is made, runs, exits, is replied to, ends.
 *
 * An exit takes two ways, as a call does: when the handler waits, exit_pass of entry.S; all else,
 * ipc.c. What is handed over stays in vcpu.told until the reply: an exit that nobody answers
 * is told again as it was, whatever its first monitor did to the page.
 */
#include "vcpu.h"

#include "ec_control.h"
#include "ipc.h"
#include "portal.h"
#include "sched.h"
#include "syscalls.h"
#include "trace.h"
#include "vectors.h"
#include "xsave_image.h"

enum status vcpu_init(struct vcpu *vcpu, struct vm *vm)
{
    struct ec *ec = &vcpu->ec;
    struct pool *pool = ec->object.pool;

    if (ec->cpu >= boot_handoff.cpus)
        return STATUS_BAD_PARAMETER;
    vcpu->page = pool_take_frame(pool);
    vcpu->control = pool_take_frame(pool);
    vcpu->apic = pool_take_frame(pool);
    vcpu->vectors = pool_take_frame(pool);
    if (!vcpu->vectors) {
        vcpu_release(vcpu);
        return STATUS_NEEDS_FRAMES;
    }
    ec->full = FULL_GUEST;
    ec->pending = PENDING_EXIT;
    vcpu->vm = vm;
    mem_init(&ec->page_mem, pool, (uint64_t)vcpu->page - FRAME_BASE, FRAME_SIZE, MEM_WRITE_BACK);
    node_insert_first(&ec->page_mem.object, &ec->page_slot, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    *(struct guest_image *)vcpu->vectors = initial_vectors;
    vcpu->own.xcr0 = 1;
    vcpu->own.dr6 = guest_dr6(0);
    guest->init(vcpu);
    ec_prepare(ec);
    return STATUS_SUCCESS;
}

void vcpu_end(struct vcpu *vcpu)
{
    for (unsigned i = 0; i < EXIT_COUNT; i++) {
        while (!slot_revoke(&vcpu->exits[i], true)) {
        }
        interrupts_take();
    }
}

void vcpu_release(struct vcpu *vcpu)
{
    void *frames[VCPU_FRAMES] = {vcpu->page, vcpu->control, vcpu->apic, vcpu->vectors};

    for (unsigned i = 0; i < VCPU_FRAMES; i++)
        if (frames[i])
            pool_give_frame(vcpu->ec.object.pool, frames[i]);
}

/* The handler is not there at once, or there is none, or events are recorded. */
static __attribute__((noinline)) NORETURN void exit_slowly(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vcpu_state *told = &vcpu->told;
    struct ec *ec = &vcpu->ec;
    uint64_t word = slot_word(&vcpu->exits[told->reason]);

    ec->regs.vector = told->reason;
    ec->regs.error = told->qualification;
    ec->regs.rip = vcpu->page->rip;
    ec->address = told->address;
    trace(cpu, TRACE_EXIT, ec->regs.vector, trace_id(ec));
    ec->space = cpu->shoot->current;                      /* exit_pass looks at that itself */
    bool bound = capability_rights(word) & PT_RIGHT_CALL; /* if not, the exit waits for that */
    ipc_pass_slowly(cpu, ec, bound ? (const struct pt *)capability_object(word) : NULL);
}

/* Hands over the exit that vcpu->told has, too. A claimed slot has no rights. */
static inline __attribute__((always_inline)) NORETURN void
exit_deliver(struct cpu *cpu, struct vcpu *vcpu, uint64_t reason, uint64_t qualification,
             uint64_t rip, uint64_t address)
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
    const struct vcpu_state *told = &vcpu->told;

    exit_deliver(cpu, vcpu, told->reason, told->qualification, vcpu->page->rip, told->address);
}

void vcpu_exit(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason, uint64_t qualification,
               uint64_t address)
{
    struct vcpu_state *page = vcpu->page, *told = &vcpu->told;
    uint32_t groups = __atomic_load_n(&vcpu->groups[reason], __ATOMIC_RELAXED);

    page->reason = told->reason = reason;
    page->qualification = told->qualification = qualification;
    page->address = told->address = address;
    told->instruction_length = page->instruction_length;
    told->instruction_bytes = page->instruction_bytes;
    told->interrupted = page->interrupted;
    if (groups)
        exit_show(vcpu, groups);
    exit_deliver(cpu, vcpu, reason, qualification, page->rip, address);
}

/* The exit that nobody has answered: the page becomes again what it was. */
static NORETURN void exit_again(struct vcpu *vcpu)
{
    __builtin_memcpy(vcpu->page, &vcpu->told, offsetof(struct vcpu_state, injection));
    exit_show(vcpu,
              STATE_BASIC | __atomic_load_n(&vcpu->groups[vcpu->told.reason], __ATOMIC_RELAXED));
}

/*
 * An event that was to be injected has not been, and is not going to be, unless the monitor says so
 * again. After a failed entry the state stays as it was.
 */
void vcpu_exit_own(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason,
                   uint64_t qualification, uint64_t address)
{
    struct vcpu_state *page = vcpu->page;

    guest->get(vcpu, STATE_BASIC | (reason == EXIT_FAILED ? 0 : STATE_INJECTION));
    __builtin_memcpy(&vcpu->told, page, offsetof(struct vcpu_state, rip));
    page->instruction_length = 0;
    page->interrupted = (struct vcpu_event){0};
    if (reason != EXIT_FAILED && page->injection.info & EVENT_VALID) {
        page->interrupted = page->injection;
        page->injection = (struct vcpu_event){0};
        guest->set(vcpu, STATE_INJECTION);
    }
    vcpu_exit(cpu, vcpu, reason, qualification, address);
}

/* In this order, one at a time; if nothing is left but to arm the timer, the guest runs. */
static __attribute__((noinline)) NORETURN void pending_do(struct cpu *cpu, struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;
    bool recall = ec->pending & PENDING_RECALL;

    if (vcpu->deadline && !timer_is_armed(&ec->timer)) {
        if (vcpu->deadline > tsc_read())
            sched_wait(cpu, ec, vcpu->deadline);
        else
            vcpu_timer(vcpu);
    }
    if (ec->pending & PENDING_FROZEN) {
        ec->state = EC_STOPPED;
        schedule(cpu);
    }
    if (ec->pending & PENDING_EXIT) {
        ec->pending &= (uint8_t)~PENDING_EXIT;
        exit_again(vcpu);
    }
    if (ec->pending & (PENDING_RECALL | PENDING_TIMER)) {
        ec->pending &= (uint8_t) ~(recall ? PENDING_RECALL : PENDING_TIMER);
        vcpu_exit_own(cpu, vcpu, recall ? EXIT_RECALL : EXIT_TIMER, 0, 0);
    }
    if (!(ec->pending & PENDING_HALT))
        guest_enter(cpu, vcpu);
    ec->state = EC_BLOCKED;
    schedule(cpu);
}

void vcpu_continue(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->reschedule)
        schedule(cpu);
    if (vcpu->ec.pending || (vcpu->deadline && !timer_is_armed(&vcpu->ec.timer)))
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

void vcpu_timer(struct vcpu *vcpu)
{
    vcpu->deadline = 0;
    vcpu->ec.pending |= PENDING_TIMER;
    if (vcpu->ec.state != EC_BLOCKED)
        return;
    __atomic_store_n(&vcpu->ec.state, EC_RUNNABLE, __ATOMIC_RELEASE);
    sched_unpark(&vcpu->ec);
}

/*
 * Under the CPU's wake_lock; the caller makes SCs ready that wait for it. One that is halted runs
 * to find out whether it is still.
 */
void vcpu_woken(struct vcpu *vcpu)
{
    struct ec *ec = &vcpu->ec;
    uint32_t requests = vcpu->requests, pending = ec->pending;

    vcpu->requests = 0;
    if (requests & REQUEST_RESUME)
        pending &= ~(uint32_t)PENDING_FROZEN;
    pending |= requests & (PENDING_RECALL | PENDING_FROZEN);
    __atomic_store_n(&ec->pending, (uint8_t)pending, __ATOMIC_RELEASE);
    if (ec->state == EC_BLOCKED || (ec->state == EC_STOPPED && requests & REQUEST_RESUME))
        __atomic_store_n(&ec->state, EC_RUNNABLE, __ATOMIC_RELEASE);
}
