/*
 * Making and ending scheduling contexts.
 */
#include "sc.h"

#include "boot.h"

enum status sc_check(const struct sc_request *request)
{
    if (request->priority > request->share->ceiling ||
        !budget_valid(request->budget, request->period))
        return STATUS_BAD_PARAMETER;
    return request->home->cpu == request->share->cpu ? STATUS_SUCCESS : STATUS_WRONG_CPU;
}

bool sc_init(struct sc *sc, const struct sc_request *request)
{
    struct ec *home = request->home;

    lock_take(&home->object.lock);
    bool alive = !home->object.dying;
    lock_give(&home->object.lock);
    if (!alive)
        return false;

    budget_init(&sc->budget, request->budget, request->period);
    runqueue_entry_init(&sc->ready, request->priority);
    chain_init(&sc->parked);
    sc->home = home;
    sc->cpu = home->cpu;
    sc->quantum = boot_handoff.tsc_hz / 100; /* 10 milliseconds */
    chain_init(&sc->ending.chain);
    sc->ending.type = OBJECT_SC;
    if (request->reserve)
        home->reserve = sc;
    sc->starts = !request->reserve;
    sc_start(sc);
    return true;
}

void sc_end(struct sc *sc)
{
    struct cpu *cpu = cpu_this();

    if (!sc->home)
        return;
    if (runqueue_holds(&sc->ready))
        runqueue_remove(&cpu->ready, &sc->ready);
    timers_cancel(&cpu->refills, &sc->refill);
    lock_take(&cpu->wake_lock);
    chain_remove(&sc->parked);
    chain_remove(&sc->sibling);
    lock_give(&cpu->wake_lock);
    if (sc->home->reserve == sc)
        sc->home->reserve = NULL;
    sc->home = NULL;
    if (cpu->sc == sc)
        sched_drop(cpu);
}
