#include "watch.h"

#include "build.h"
#include "thread.h"

#define STACK_BYTES 4096u

#define PRIORITY_WATCHER 126u /* above all programs: what it does is short */

struct watcher {
    struct thread thread;
    uint32_t cpu;
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct watcher watchers[BOOT_MAX_CPUS];

/* If that EC has stopped, and is the first one of its program: that is told. */
static void context_look(const struct watcher *w, struct program *p, uint32_t selector,
                         uint32_t thread)
{
    const struct utcb_state *state = (const struct utcb_state *)w->thread.utcb->word;

    if (context_read(selector) != STATUS_SUCCESS || state->activity != ACTIVITY_STOPPED ||
        __atomic_exchange_n(&p->stopped.taken, 1, __ATOMIC_ACQUIRE))
        return;
    p->stopped.thread = thread;
    p->stopped.cpu = w->cpu;
    p->stopped.state = *state;
    program_tell(p, TOLD_FAULT);
}

static void program_look(const struct watcher *w, struct program *p)
{
    uint64_t threads = __atomic_load_n(&p->threads, __ATOMIC_ACQUIRE);

    context_look(w, p, program_selector(p, PROGRAM_EC), 0);
    for (uint32_t n = 0; threads; n++, threads >>= 1)
        if (threads & 1)
            context_look(w, p, p->context[n], n + 1);
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
