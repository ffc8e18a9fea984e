/*
 * Scheduling of one CPU. schedule() runs with no EC current: all state is saved, so it may open
 * interrupts between its steps and takes as many of them as there are.
 *
 * An SC that is not in the run queue is in one of three places: its refill timer is armed (no time
 * left), it is parked at the blocked EC at the end of its chain, or its home is a handler that
 * waits for a call (a reserve).
 */
#include "sched.h"

#include "boot.h"
#include "ec_control.h"
#include "ipc.h"
#include "lapic.h"
#include "semaphore.h"
#include "trace.h"
#include "vcpu.h"

/*
 * The one-shot timer comes by then at the latest. It may come earlier, for something that is no
 * more: that costs an interrupt, but setting it back at each switch would cost more.
 */
static void timer_by(struct cpu *cpu, uint64_t time)
{
    if (time >= cpu->armed)
        return;
    cpu->armed = time;
    timer_arm(time);
}

static __attribute__((noinline)) void timer_set(struct cpu *cpu, struct timer *timer, uint64_t time)
{
    timers_add(&cpu->timers, timer, time);
    timer_by(cpu, time);
}

void sched_wait(struct cpu *cpu, struct ec *ec, uint64_t deadline)
{
    timer_set(cpu, &ec->timer, deadline);
}

/* Charges the current SC for the time up to now. */
static inline void time_charge(struct cpu *cpu, uint64_t now)
{
    if (cpu->sc)
        budget_consume(&cpu->sc->budget, cpu->since, now);
    cpu->since = now;
}

/* Makes sc the one on whose time the CPU runs; NULL: idle. */
static void sc_switch(struct cpu *cpu, struct sc *sc)
{
    uint64_t now = tsc_read();

    time_charge(cpu, now);
    trace(cpu, TRACE_SC, sc ? trace_id(sc) : 0, sc ? sc->ready.priority : 0);
    cpu->sc = sc;
    if (!sc) {
        cpu->slice_end = BUDGET_NEVER;
        return;
    }
    budget_refill(&sc->budget, now);
    uint64_t end = budget_end(&sc->budget, now);
    uint64_t turn_end = now + (sc->turn_end - sc->budget.consumed);
    cpu->slice_end = end < turn_end ? end : turn_end;
    timer_by(cpu, cpu->slice_end);
}

void sc_ready(struct cpu *cpu, struct sc *sc)
{
    if (!budget_runnable(&sc->budget) && !budget_refill(&sc->budget, tsc_read())) {
        timer_set(cpu, &sc->refill, sc->budget.refill_at);
        return;
    }
    sc->turn_end = sc->budget.consumed + sc->quantum;
    runqueue_insert_tail(&cpu->ready, &sc->ready);
    if (!cpu->sc || sc->ready.priority > cpu->sc->ready.priority)
        cpu->reschedule = true;
}

void sched_reserve(struct cpu *cpu, struct ec *ec)
{
    struct sc *sc = ec->reserve;

    if (sc && !runqueue_holds(&sc->ready) && !timer_is_armed(&sc->refill) &&
        chain_empty(&sc->parked))
        sc_ready(cpu, sc);
}

void sched_tell(struct cpu *cpu)
{
    if (cpu == cpu_this())
        cpu->reschedule = true;
    else if (!cpu->told)
        cpu_interrupt(cpu->index);
    __atomic_store_n(&cpu->told, true, __ATOMIC_RELAXED);
}

static void woken_add(struct cpu *cpu, struct ec *ec)
{
    if (chain_empty(&ec->wake))
        chain_insert(cpu->woken.prev, &ec->wake);
    sched_tell(cpu);
}

/*
 * With wake_lock, which it gives: the EC was woken, or has got an SC. The first SC that is parked
 * there becomes ready, and soon the others; those of another CPU when that has been told.
 */
static inline void woken(struct cpu *cpu, struct ec *ec)
{
    struct sc *sc = NULL;
    bool here = cpu == cpu_this();

    if (here && ec->state == EC_RUNNABLE)
        timers_cancel(&cpu->timers, &ec->timer);
    if (here && !chain_empty(&ec->parked)) {
        sc = CONTAINER(ec->parked.next, struct sc, parked);
        chain_remove(&sc->parked);
        if (sc->starts && ec->state == EC_WAITING && ec->caller == &ec_nobody)
            ec->state = EC_RUNNABLE;
        sc->starts = false;
    }
    if (!here || !chain_empty(&ec->parked))
        woken_add(cpu, ec);
    lock_give(&cpu->wake_lock);
    if (sc)
        sc_ready(cpu, sc);
}

/* Takes over one SC of an EC that was woken, if there is one. */
static void woken_step(struct cpu *cpu)
{
    struct ec *ec = NULL;

    lock_take(&cpu->wake_lock);
    if (!chain_empty(&cpu->woken)) {
        ec = CONTAINER(cpu->woken.next, struct ec, wake);
        chain_remove(&ec->wake);
    }
    __atomic_store_n(&cpu->told, !chain_empty(&cpu->woken) || !chain_empty(&cpu->ending),
                     __ATOMIC_RELAXED);
    if (ec && ec_is_vcpu(ec))
        vcpu_woken(vcpu_of(ec));
    if (ec)
        woken(cpu, ec);
    else
        lock_give(&cpu->wake_lock);
}

void sched_request(struct vcpu *vcpu, uint32_t request)
{
    struct cpu *cpu = cpu_at(vcpu->ec.cpu);

    lock_take(&cpu->wake_lock);
    if (request & (PENDING_FROZEN | REQUEST_RESUME)) /* the last word counts */
        vcpu->requests &= ~(uint32_t)(PENDING_FROZEN | REQUEST_RESUME);
    vcpu->requests |= request;
    woken_add(cpu, &vcpu->ec);
    lock_give(&cpu->wake_lock);
}

void sched_wake_interrupt(struct cpu *cpu)
{
    woken_step(cpu);
    cpu->reschedule |= __atomic_load_n(&cpu->told, __ATOMIC_RELAXED);
}

void ec_wake(struct ec *ec, uint64_t status)
{
    struct cpu *cpu = cpu_at(ec->cpu);

    ec->regs.rax = status;
    lock_take(&cpu->wake_lock);
    if (ec->state == EC_STOPPED) { /* it has come to its end meanwhile */
        lock_give(&cpu->wake_lock);
        return;
    }
    __atomic_store_n(&ec->state, EC_RUNNABLE, __ATOMIC_RELEASE);
    woken(cpu, ec);
}

void sched_unpark(struct ec *ec)
{
    struct cpu *cpu = cpu_this();

    lock_take(&cpu->wake_lock);
    if (!chain_empty(&ec->parked))
        woken_add(cpu, ec);
    lock_give(&cpu->wake_lock);
    cpu->reschedule = true;
}

void sc_init(struct sc *sc)
{
    struct cpu *cpu = cpu_at(sc->home->cpu);

    chain_init(&sc->parked);
    sc->refill.refill = true;
    sc->cpu = cpu->index;
    sc->quantum = boot_handoff.tsc_hz / 100; /* 10 milliseconds */
    chain_init(&sc->ending.chain);
    sc->ending.type = OBJECT_SC;
    if (!sc->starts)
        sc->home->reserve = sc;
    lock_take(&cpu->wake_lock);
    chain_insert(&sc->home->scs, &sc->sibling);
    chain_insert(sc->home->parked.prev, &sc->parked);
    woken(cpu, sc->home);
}

void sc_end(struct sc *sc)
{
    struct cpu *cpu = cpu_this();

    if (!sc->home)
        return;
    if (runqueue_holds(&sc->ready))
        runqueue_remove(&cpu->ready, &sc->ready);
    timers_cancel(&cpu->timers, &sc->refill);
    lock_take(&cpu->wake_lock);
    chain_remove(&sc->parked);
    chain_remove(&sc->sibling);
    lock_give(&cpu->wake_lock);
    if (sc->home->reserve == sc)
        sc->home->reserve = NULL;
    sc->home = NULL;
    if (cpu->sc == sc) {
        sc_switch(cpu, NULL);
        cpu->reschedule = true;
    }
}

/* One whose handler has become free runs itself and calls again; in a circle the call fails. */
static __attribute__((noinline)) struct ec *helper_take(struct cpu *cpu, struct ec *ec, bool circle)
{
    help_end(cpu, ec);
    if (circle && ec->pending & PENDING_EXCEPTION) {
        ec_stop(ec);
    } else if (circle) {
        ec->regs.rax = STATUS_DEPTH;
        ec->regs.rip += SYSCALL_LENGTH;
    }
    return ec;
}

/* The end of the chain from ec, which has a partner. */
static __attribute__((noinline)) struct ec *chain_follow(struct cpu *cpu, struct ec *ec)
{
    struct ec *helper = NULL;

    for (unsigned hops = 0; ec_donates(ec); hops++) {
        if (ec->state == EC_HELPING)
            helper = ec;
        bool circle = hops == CHAIN_MAX - 1 && helper;
        if (circle || (helper == ec && ec->partner->state == EC_WAITING))
            return helper_take(cpu, helper, circle);
        ec = ec->partner;
    }
    if (helper)
        cpu->calling = 0;
    return ec;
}

/* sc, whose chain ends at ec, waits until that is woken, or, a reserve, until it is needed. */
static __attribute__((noinline)) void park(struct cpu *cpu, struct sc *sc, struct ec *ec)
{
    runqueue_remove(&cpu->ready, &sc->ready);
    if (ec->state == EC_WAITING)
        return;
    lock_take(&cpu->wake_lock);
    chain_insert(ec->parked.prev, &sc->parked);
    lock_give(&cpu->wake_lock);
}

void schedule(struct cpu *cpu)
{
    for (;;) {
        cpu->reschedule = false;
        while (__atomic_load_n(&cpu->told, __ATOMIC_RELAXED)) {
            woken_step(cpu);
            ending_step(cpu);
            interrupts_take();
        }

        struct runqueue_entry *entry = runqueue_highest(&cpu->ready);
        if (!chain_empty(&cpu->doomed) && (!entry || entry->priority <= cpu->doom)) {
            doom_step(cpu);
            interrupts_take();
            continue;
        }
        if (!entry) { /* until an interrupt gives the CPU something to do */
            if (cpu->sc)
                sc_switch(cpu, NULL);
            while (!cpu->reschedule)
                __asm__ volatile("sti; hlt; cli" : : : "memory");
            continue;
        }
        struct sc *sc = CONTAINER(entry, struct sc, ready);
        struct ec *ec = sc->home;
        /* Not the donor's own chain: after a reply it must be followed anew. */
        cpu->calling = ec->caller == &ec_nobody ? ec_word(cpu->index, EC_CALLING) : 0;
        if (ec_donates(ec))
            ec = chain_follow(cpu, ec);
        if (ec->state != EC_RUNNABLE) {
            park(cpu, sc, ec);
            continue;
        }
        if (sc != cpu->sc || cpu->slice_end == BUDGET_NEVER) /* a new one, or a new slice */
            sc_switch(cpu, sc);
        sched_run(cpu, ec);
    }
}

void sched_run(struct cpu *cpu, struct ec *ec)
{
    if (ec_is_vcpu(ec))
        vcpu_run(cpu, vcpu_of(ec));
    ec_switch(cpu, ec);
    if (ec->full)
        ec_resume_full(ec);
    ec_resume(ec);
}

/* The current SC's time is over: to the end of its priority, or out of the queue until refill. */
static void slice_end(struct cpu *cpu)
{
    struct sc *sc = cpu->sc;

    cpu->slice_end = BUDGET_NEVER;
    if (!runqueue_holds(&sc->ready))
        return; /* it waits for something else already */
    runqueue_remove(&cpu->ready, &sc->ready);
    sc_ready(cpu, sc);
    if (!runqueue_holds(&sc->ready) && cpu->current && cpu->current != sc->home)
        sched_reserve(cpu, cpu->current); /* a donor has no time */
    cpu->reschedule = true;
}

/* One expired wait or refill at a time: the timer comes again at once if more are due. */
void sched_timer_interrupt(struct cpu *cpu)
{
    uint64_t now = tsc_read();
    struct timer *due = timers_take_due(&cpu->timers, now);

    time_charge(cpu, now);
    if (due && due->refill) {
        sc_ready(cpu, CONTAINER(due, struct sc, refill));
    } else if (due) {
        struct ec *ec = CONTAINER(due, struct ec, timer);
        if (ec_is_vcpu(ec))
            vcpu_timer(vcpu_of(ec));
        else if (semaphore_cancel(ec) || ipc_cancel(ec))
            ec_wake(ec, STATUS_TIMEOUT);
    }
    if (now >= cpu->slice_end)
        slice_end(cpu);

    uint64_t next = timers_deadline(&cpu->timers);
    cpu->armed = TIMERS_NEVER;
    timer_by(cpu, cpu->slice_end < next ? cpu->slice_end : next);
}
