/*
 * One handler a CPU. It runs on its caller's time, so it takes no lock and waits for nobody: it
 * leaves word for the main thread and replies. A caller that runs out of time in it is carried on
 * by the reserve.
 */
#include "handler.h"

#include "memory.h"
#include "root_calls.h"
#include "say.h"
#include "thread.h"
#include "watch.h"

#define STACK_BYTES 4096u

struct root_cpu {
    struct handler handler;
    uint32_t cpu;
    uint32_t window; /* selector at which the next capability arrives; SELECTOR_NONE: none can */
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct root_cpu cpus[BOOT_MAX_CPUS];

static enum root_status print_handle(struct program *p, const struct message *m)
{
    uint64_t size = message_get(m, 1);
    char text[ROOT_TEXT];

    if (size > ROOT_TEXT || 2 + (size + 7) / 8 > m->length)
        return ROOT_BAD_REQUEST;
    for (uint64_t i = 0; i < size; i++)
        text[i] = (char)(message_get(m, 2 + i / 8) >> i % 8 * 8);
    if (!text_put(&p->text, text, (uint32_t)size)) {
        __atomic_fetch_add(&p->text.dropped, (uint32_t)size, __ATOMIC_RELAXED);
        program_tell(p, TOLD_TEXT);
        return ROOT_FULL;
    }
    program_tell(p, TOLD_TEXT);
    return ROOT_DONE;
}

static enum root_status exit_handle(struct program *p, const struct message *m)
{
    uint64_t status = message_get(m, 1);

    if (status > 255)
        return ROOT_BAD_REQUEST;
    p->status = (uint32_t)status;
    program_tell(p, TOLD_EXIT);
    return ROOT_DONE;
}

/* The next message's capability goes to an empty selector: those of ECs that are gone are empty. */
static void window_open(struct root_cpu *c)
{
    uint32_t first = ROOT_CONTEXTS + c->cpu * CPU_CONTEXTS;

    c->window = SELECTOR_NONE;
    for (uint32_t i = 0; i < CPU_CONTEXTS && c->window == SELECTOR_NONE; i++)
        if (capability_lookup(first + i).status != STATUS_SUCCESS)
            c->window = first + i;
    c->handler.utcb->window = c->window;
    c->handler.utcb->window_count = c->window != SELECTOR_NONE;
}

/* The EC stays where it arrived. Its place in the program is the reply's word 1. */
static enum root_status thread_handle(struct root_cpu *c, struct program *p, uint64_t *place)
{
    struct lookup found = capability_lookup(c->window);
    uint64_t claimed = __atomic_load_n(&p->claimed, __ATOMIC_ACQUIRE);
    uint32_t n;

    if (found.type != OBJECT_EC || ~found.rights & (EC_RIGHT_STATE | EC_RIGHT_CONTROL))
        return ROOT_BAD_REQUEST;
    do {
        if (!(uint32_t)~claimed)
            return ROOT_FULL;
        n = (uint32_t)__builtin_ctzll(~claimed);
    } while (!__atomic_compare_exchange_n(&p->claimed, &claimed, claimed | 1ull << n, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    p->context[n] = (uint16_t)c->window;
    __atomic_fetch_or(&p->threads, 1ull << n, __ATOMIC_RELEASE);
    c->window = SELECTOR_NONE;
    *place = n;
    return ROOT_DONE;
}

static enum root_status thread_end_handle(struct program *p, const struct message *m)
{
    uint64_t place = message_get(m, 1);

    if (place >= ROOT_THREADS || !(__atomic_load_n(&p->threads, __ATOMIC_ACQUIRE) >> place & 1))
        return ROOT_BAD_REQUEST;
    __atomic_fetch_and(&p->threads, ~(1ull << place), __ATOMIC_RELEASE);
    __atomic_fetch_and(&p->claimed, ~(1ull << place), __ATOMIC_RELEASE);
    return ROOT_DONE;
}

static enum root_status request_handle(struct root_cpu *c, struct program *p,
                                       const struct message *m, uint64_t *result)
{
    switch (message_get(m, 0)) {
    case ROOT_VERSION | ROOT_EXIT:
        return exit_handle(p, m);
    case ROOT_VERSION | ROOT_PRINT:
        return print_handle(p, m);
    case ROOT_VERSION | ROOT_ALIVE:
        program_tell(p, TOLD_ALIVE);
        return ROOT_DONE;
    case ROOT_VERSION | ROOT_THREAD:
        return thread_handle(c, p, result);
    case ROOT_VERSION | ROOT_THREAD_END:
        return thread_end_handle(p, m);
    default:
        return ROOT_UNKNOWN;
    }
}

/* The portal's id is the program's number. */
static void handle(struct handler *self, struct message *m)
{
    struct root_cpu *c = self->argument;
    bool brought = MESSAGE_LENGTH_ITEMS(m->length);
    uint64_t result = 0;

    m->length = MESSAGE_LENGTH_WORDS(m->length);
    enum root_status status = request_handle(c, &root.program[m->portal], m, &result);
    if (brought && c->window != SELECTOR_NONE)
        (void)capability_revoke(c->window, REVOKE_SELF);
    if (brought)
        window_open(c);
    m->length = 0;
    (void)message_put(m, status);
    (void)message_put(m, result);
}

/* The slots of the CPU's contexts are there from now on. */
static bool window_make(struct root_cpu *c)
{
    uint32_t first = ROOT_CONTEXTS + c->cpu * CPU_CONTEXTS;
    struct answer a = {STATUS_SUCCESS, 0};

    for (uint32_t i = 0; i < CPU_CONTEXTS && a.status == STATUS_SUCCESS; i += 64) {
        WITH_FUNDS(&root.funds, a, semaphore_create(first + i, SELECTOR_POOL, 0));
        if (a.status == STATUS_SUCCESS)
            a.status = object_destroy(first + i);
    }
    window_open(c);
    return a.status == STATUS_SUCCESS;
}

/* Above all programs: what it does is short. */
#define PRIORITY_RESERVE 120u

static bool cpu_open(uint32_t cpu)
{
    struct root_cpu *c = &cpus[cpu];
    struct place place = {.pool = SELECTOR_POOL,
                          .domain = SELECTOR_PD,
                          .cpu = cpu,
                          .stack_end = c->stack + STACK_BYTES,
                          .utcb = ROOT_UTCBS + 2ull * cpu * PAGE};
    const struct schedule reserve = {.cpu = SELECTOR_CPUS + cpu,
                                     .priority = PRIORITY_RESERVE,
                                     .reserve = true,
                                     .budget = 10 * root.millisecond,
                                     .period = 100 * root.millisecond};
    struct answer a;

    c->handler = (struct handler){
        .context = cpu_selector(cpu, CPU_HANDLER), .handle = handle, .argument = c};
    c->cpu = cpu;
    WITH_FUNDS(&root.funds, a, handler_start(&c->handler, &place));
    if (a.status == STATUS_SUCCESS)
        WITH_FUNDS(&root.funds, a,
                   time_create(cpu_selector(cpu, CPU_RESERVE), SELECTOR_POOL,
                               cpu_selector(cpu, CPU_HANDLER), &reserve));
    return a.status == STATUS_SUCCESS && window_make(c);
}

bool handlers_open(void)
{
    for (uint32_t cpu = 0; cpu < root.cpus; cpu++)
        if (!cpu_open(cpu) || !watch_open(cpu)) {
            say("error: no handler or watcher for CPU %u", cpu);
            return false;
        }
    return true;
}
