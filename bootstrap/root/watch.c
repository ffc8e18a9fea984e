#include "watch.h"

#include "contexts.h"
#include "thread.h"

#define STACK_BYTES 4096u

#define PRIORITY_WATCHER 126u /* above all programs: what it does is short */

struct watcher {
    struct thread thread;
    uint32_t cpu;
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct watcher watchers[BOOT_MAX_CPUS];

/*
 * The instance was gone before its fault could be told. If another watcher has come for the next
 * one's in the meantime, it found this taken: all look again.
 */
static void give_back(struct program *p)
{
    __atomic_store_n(&p->stopped.taken, 0, __ATOMIC_RELEASE);
    for (uint32_t cpu = 0; cpu < root.cpus; cpu++)
        (void)semaphore_up(cpu_selector(cpu, CPU_TROUBLE));
}

/* Has that EC stopped? Its state is in the UTCB then. */
static bool has_stopped(const struct watcher *w, uint32_t selector)
{
    const struct utcb_state *state = (const struct utcb_state *)w->thread.utcb->word;

    return context_read(selector) == STATUS_SUCCESS && state->activity == ACTIVITY_STOPPED;
}

/* That, of the first one that is found of its program. */
static void stopped_tell(const struct watcher *w, const struct caller *of, uint32_t thread)
{
    struct program *p = of->program;

    if (__atomic_exchange_n(&p->stopped.taken, 1, __ATOMIC_ACQUIRE))
        return;
    p->stopped.thread = thread;
    p->stopped.cpu = w->cpu;
    p->stopped.state = *(const struct utcb_state *)w->thread.utcb->word;
    if (!program_tell(p, of->instance, TOLD_FAULT, 0))
        give_back(p);
}

/*
 * Of the instance that is there before anything is read: if that is gone by then, and what was read
 * another one's, nothing is told; that other one stops later than this began, so its watcher will
 * be woken. The selector of a thread that has ended may have got another's EC while it was read:
 * then it is not the instance's any more.
 */
static void program_look(const struct watcher *w, struct program *p)
{
    const struct caller of = {p, told_instance(&p->told)};

    if (!of.instance)
        return;
    if (has_stopped(w, program_selector(p, PROGRAM_EC)))
        stopped_tell(w, &of, 0);
    for (uint32_t n = 0; n < ROOT_THREADS; n++) {
        uint32_t selector = context_at(&of, n);
        if (selector != SELECTOR_NONE && has_stopped(w, selector) && context_at(&of, n) == selector)
            stopped_tell(w, &of, n + 1);
    }
}

static void watch(struct thread *self, void *argument)
{
    const struct watcher *w = argument;

    (void)self;
    while (semaphore_down(cpu_selector(w->cpu, CPU_TROUBLE), DOWN_ZERO, 0) == STATUS_SUCCESS)
        for (uint32_t i = 0; i < root.conf.programs; i++)
            program_look(w, &root.program[i]);
}

bool watch_open(uint32_t cpu)
{
    struct watcher *w = &watchers[cpu];
    struct place place = {.pool = SELECTOR_POOL,
                          .domain = SELECTOR_PD,
                          .cpu = cpu,
                          .stack_end = w->stack + STACK_BYTES,
                          .utcb = ROOT_UTCBS + (2ull * cpu + 1) * PAGE};
    const struct schedule schedule = {.cpu = SELECTOR_CPUS + cpu,
                                      .priority = PRIORITY_WATCHER,
                                      .budget = root.millisecond,
                                      .period = root.millisecond};
    struct answer a;

    w->cpu = cpu;
    w->thread = (struct thread){.context = cpu_selector(cpu, CPU_WATCHER),
                                .time = cpu_selector(cpu, CPU_TIME),
                                .run = watch,
                                .argument = w};
    WITH_FUNDS(&root.funds, a, semaphore_create(cpu_selector(cpu, CPU_TROUBLE), SELECTOR_POOL, 0));
    if (a.status == STATUS_SUCCESS)
        WITH_FUNDS(&root.funds, a, thread_start(&w->thread, &place, &schedule));
    return a.status == STATUS_SUCCESS;
}
