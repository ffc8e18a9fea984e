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
#include "ending.h"
#include "entry.h"
#include "lapic.h"
#include "semaphore.h"
#include "space.h"
#include "syscall.h"
#include "timer.h"
#include "trace.h"
#include "vectors.h"
#include "x86.h"

#define PARKED_AT_ONCE 8 /* SCs made ready in one step */

static struct sc *sc_of(struct runqueue_entry *entry)
{
    return CONTAINER(entry, struct sc, ready);
}

/* Arms the one-shot timer for what comes first: an expired wait, a refill or the slice's end. */
static void timer_program(struct cpu *cpu)
{
    uint64_t next = timers_deadline(&cpu->waits), refill = timers_deadline(&cpu->refills);

    if (refill < next)
        next = refill;
    if (cpu->sc && cpu->slice_end < next)
        next = cpu->slice_end;
    if (next == cpu->armed)
        return;
    cpu->armed = next;
    timer_arm(next);
}

/* Charges the current SC, or idleness, for the time up to now. */
static void time_charge(struct cpu *cpu, uint64_t now)
{
    if (cpu->sc)
        budget_consume(&cpu->sc->budget, cpu->since, now);
    else
        cpu->idle += now - cpu->since;
    cpu->since = now;
}

/* Makes sc the one on whose time the CPU runs; NULL: idle. */
static void sc_switch(struct cpu *cpu, struct sc *sc)
{
    uint64_t now = tsc_read();

    time_charge(cpu, now);
    trace(cpu, TRACE_SC, sc ? trace_id(sc) : 0, sc ? sc->ready.priority : 0);
    cpu->sc = sc;
    if (sc) {
        budget_refill(&sc->budget, now);
        uint64_t end = budget_end(&sc->budget, now);
        cpu->slice_end = end - now < sc->quantum ? end : now + sc->quantum;
    }
    timer_program(cpu);
}

void sched_drop(struct cpu *cpu)
{
    sc_switch(cpu, NULL);
    cpu->reschedule = true;
}

void sc_ready(struct cpu *cpu, struct sc *sc)
{
    budget_refill(&sc->budget, tsc_read());
    if (!budget_runnable(&sc->budget)) {
        timers_add(&cpu->refills, &sc->refill, sc->budget.refill_at);
        return;
    }
    runqueue_insert_tail(&cpu->ready, &sc->ready);
    if (!cpu->sc || sc->ready.priority > cpu->sc->ready.priority)
        cpu->reschedule = true;
}

void sched_timer_update(struct cpu *cpu)
{
    timer_program(cpu);
}

void sched_reserve(struct cpu *cpu, struct ec *ec)
{
    struct sc *sc = ec->reserve;

    if (sc && !runqueue_holds(&sc->ready) && !timer_is_armed(&sc->refill) &&
        chain_empty(&sc->parked))
        sc_ready(cpu, sc);
}

/* ECs that were woken: a few of the SCs parked at each become ready. False: there is no more. */
static bool woken_step(struct cpu *cpu)
{
    struct ec *ec = NULL;

    lock_take(&cpu->wake_lock);
    if (!chain_empty(&cpu->woken))
        ec = CONTAINER(cpu->woken.next, struct ec, wake);
    if (ec && ec->state == EC_RUNNABLE)
        timers_cancel(&cpu->waits, &ec->timer);
    for (unsigned i = 0; ec && i < PARKED_AT_ONCE && !chain_empty(&ec->parked); i++) {
        struct sc *sc = CONTAINER(ec->parked.next, struct sc, parked);
        chain_remove(&sc->parked);
        if (sc->starts && ec->state == EC_WAITING && !ec->caller)
            ec->state = EC_RUNNABLE;
        sc->starts = false;
        sc_ready(cpu, sc);
    }
    if (ec && chain_empty(&ec->parked))
        chain_remove(&ec->wake);
    lock_give(&cpu->wake_lock);
    return ec != NULL;
}

void sched_wake_interrupt(struct cpu *cpu)
{
    woken_step(cpu);
    lock_take(&cpu->wake_lock);
    cpu->reschedule |= !chain_empty(&cpu->woken) || !chain_empty(&cpu->ending);
    lock_give(&cpu->wake_lock);
}

/* Under the CPU's wake_lock. True: the list was empty. */
static bool woken_add(struct cpu *cpu, struct ec *ec)
{
    bool first = chain_empty(&cpu->woken);

    if (chain_empty(&ec->wake))
        chain_insert(cpu->woken.prev, &ec->wake);
    return first;
}

static void woken_tell(struct cpu *cpu, bool first)
{
    if (cpu == cpu_this())
        sched_wake_interrupt(cpu);
    else if (first)
        lapic_send(boot_handoff.apic_id[cpu->index], VECTOR_WAKE);
}

void ec_wake(struct ec *ec, uint64_t status)
{
    struct cpu *cpu = cpu_at(ec->cpu);

    ec->regs.rax = status;
    lock_take(&cpu->wake_lock);
    bool first = false;
    if (ec->state != EC_STOPPED) { /* if it is, it has come to its end meanwhile */
        __atomic_store_n(&ec->state, EC_RUNNABLE, __ATOMIC_RELEASE);
        first = woken_add(cpu, ec);
    }
    lock_give(&cpu->wake_lock);
    woken_tell(cpu, first);
}

void sched_unpark(struct ec *ec)
{
    struct cpu *cpu = cpu_this();

    lock_take(&cpu->wake_lock);
    if (!chain_empty(&ec->parked))
        (void)woken_add(cpu, ec);
    lock_give(&cpu->wake_lock);
    cpu->reschedule = true;
}

void sc_start(struct sc *sc)
{
    struct cpu *cpu = cpu_at(sc->cpu);

    lock_take(&cpu->wake_lock);
    chain_insert(&sc->home->scs, &sc->sibling);
    chain_insert(sc->home->parked.prev, &sc->parked);
    bool first = woken_add(cpu, sc->home);
    lock_give(&cpu->wake_lock);
    woken_tell(cpu, first);
}

/*
 * The EC that runs on sc's time. NULL: there is none; sc is parked, or left out of the queue, and
 * the next one has its turn. A helper whose handler has become free runs itself and calls again.
 */
static struct ec *chain_end(struct cpu *cpu, struct sc *sc)
{
    struct ec *ec = sc->home, *helper = NULL;

    for (unsigned hops = 0; ec->partner; hops++) {
        if (ec->state == EC_HELPING)
            helper = ec;
        if (hops == CHAIN_MAX && helper) {
            chain_remove(&helper->waiting);
            helper->partner = NULL;
            ec = helper;
            if (ec->pending & PENDING_EXCEPTION) {
                ec_stop(ec);
                break;
            }
            ec->state = EC_RUNNABLE;
            ec->regs.rax = STATUS_DEPTH;
            ec->regs.rip += SYSCALL_LENGTH; /* its call does not start again, but fails */
            break;
        }
        if (ec->state == EC_HELPING && ec->partner->state == EC_WAITING) {
            chain_remove(&ec->waiting);
            ec->partner = NULL;
            ec->state = EC_RUNNABLE;
            break;
        }
        ec = ec->partner;
    }
    /* Not the donor's own chain: after a reply it must be followed anew. */
    cpu->helping = (helper && helper != ec) || sc->home->caller;
    if (ec->state == EC_RUNNABLE)
        return ec;

    runqueue_remove(&cpu->ready, &sc->ready);
    if (ec->state != EC_WAITING) {
        lock_take(&cpu->wake_lock);
        chain_insert(ec->parked.prev, &sc->parked);
        lock_give(&cpu->wake_lock);
    }
    return NULL;
}

/* Until an interrupt gives the CPU something to do. */
static void idle(struct cpu *cpu)
{
    if (cpu->sc)
        sc_switch(cpu, NULL);
    while (!cpu->reschedule)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void schedule(struct cpu *cpu)
{
    for (;;) {
        cpu->reschedule = false;
        while ((int)woken_step(cpu) | (int)ending_step(cpu))
            interrupts_take();

        struct runqueue_entry *entry = runqueue_highest(&cpu->ready);
        if (!entry) {
            idle(cpu);
            continue;
        }
        struct sc *sc = sc_of(entry);
        struct ec *ec = chain_end(cpu, sc);
        if (!ec)
            continue;
        if (sc != cpu->sc || cpu->slice_end == BUDGET_NEVER) /* a new one, or a new slice */
            sc_switch(cpu, sc);
        sched_run(cpu, ec);
    }
}

void sched_run(struct cpu *cpu, struct ec *ec)
{
    ec_switch(cpu, ec);
    if (ec->full)
        ec_resume_full(ec);
    ec_resume(ec);
}

/* Ends the slice of the current SC: to the end of its priority, or out of the queue until refill.
 */
static void slice_end(struct cpu *cpu, uint64_t now)
{
    struct sc *sc = cpu->sc;

    cpu->slice_end = BUDGET_NEVER;
    if (!runqueue_holds(&sc->ready))
        return; /* it waits for something else already */
    runqueue_remove(&cpu->ready, &sc->ready);
    budget_refill(&sc->budget, now);
    if (budget_runnable(&sc->budget))
        runqueue_insert_tail(&cpu->ready, &sc->ready);
    else
        timers_add(&cpu->refills, &sc->refill, sc->budget.refill_at);
    if (cpu->current && cpu->current != sc->home)
        sched_reserve(cpu, cpu->current);
    cpu->reschedule = true;
}

/* One expired wait and one refill at a time: the timer comes again at once if more are due. */
void sched_timer_interrupt(struct cpu *cpu)
{
    uint64_t now = tsc_read();
    struct timer *wait = timers_take_due(&cpu->waits, now);
    struct timer *refill = timers_take_due(&cpu->refills, now);

    cpu->armed = TIMERS_NEVER;
    time_charge(cpu, now);
    if (wait)
        ec_wait_expired(CONTAINER(wait, struct ec, timer));
    if (refill) {
        struct sc *sc = CONTAINER(refill, struct sc, refill);
        budget_refill(&sc->budget, now);
        sc_ready(cpu, sc);
    }
    if (cpu->sc && now >= cpu->slice_end)
        slice_end(cpu, now);
    timer_program(cpu);
}
