/*
 * One handler a CPU. It runs on its caller's time, so it takes no lock and waits for nobody: it
 * leaves word for the main thread and replies. A caller that runs out of time in it is carried on
 * by the reserve.
 */
#include "handler.h"

#include "contexts.h"
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

static enum root_status print_handle(const struct caller *caller, const struct message *m)
{
    uint64_t size = message_get(m, 1);
    char text[ROOT_TEXT];
    bool news;

    if (size > ROOT_TEXT || 2 + (size + 7) / 8 > m->length)
        return ROOT_BAD_REQUEST;
    for (uint64_t i = 0; i < size; i++)
        text[i] = (char)(message_get(m, 2 + i / 8) >> i % 8 * 8);
    bool put = text_put(&caller->program->text, caller->instance, text, (uint32_t)size, &news);
    if (news)
        program_tell_text(caller->program);
    return put ? ROOT_DONE : ROOT_FULL;
}

static enum root_status exit_handle(const struct caller *caller, const struct message *m)
{
    uint64_t status = message_get(m, 1);

    if (status > 255)
        return ROOT_BAD_REQUEST;
    (void)program_tell(caller->program, caller->instance, TOLD_EXIT, (uint32_t)status);
    return ROOT_DONE;
}

/* The next message's capability goes to a selector that is nobody's. */
static void window_open(struct root_cpu *c)
{
    c->window = context_window(c->cpu);
    c->handler.utcb->window = c->window;
    c->handler.utcb->window_count = c->window != SELECTOR_NONE;
}

/* The EC stays where it arrived. Its place in the program is the reply's word 1. */
static enum root_status thread_handle(struct root_cpu *c, const struct caller *caller,
                                      uint64_t *place)
{
    struct lookup found = capability_lookup(c->window);
    uint32_t selector = c->window;

    if (selector == SELECTOR_NONE)
        return ROOT_FULL;
    if (found.type != OBJECT_EC || ~found.rights & (EC_RIGHT_STATE | EC_RIGHT_CONTROL))
        return ROOT_BAD_REQUEST;
    c->window = SELECTOR_NONE;
    return context_add(caller, selector, place);
}

static enum root_status request_handle(struct root_cpu *c, const struct caller *caller,
                                       const struct message *m, uint64_t *result)
{
    switch (message_get(m, 0)) {
    case ROOT_VERSION | ROOT_EXIT:
        return exit_handle(caller, m);
    case ROOT_VERSION | ROOT_PRINT:
        return print_handle(caller, m);
    case ROOT_VERSION | ROOT_ALIVE:
        (void)program_tell(caller->program, caller->instance, TOLD_ALIVE, 0);
        return ROOT_DONE;
    case ROOT_VERSION | ROOT_THREAD:
        return thread_handle(c, caller, result);
    case ROOT_VERSION | ROOT_THREAD_END:
        return context_remove(caller, message_get(m, 1));
    default:
        return ROOT_UNKNOWN;
    }
}

/* The portal's id says who calls: portal_id. That one may be gone by now, or at any time. */
static void handle(struct handler *self, struct message *m)
{
    struct root_cpu *c = self->argument;
    const struct caller caller = {&root.program[(uint32_t)m->portal], (uint32_t)(m->portal >> 32)};
    bool brought = MESSAGE_LENGTH_ITEMS(m->length);
    uint64_t result = 0;

    m->length = MESSAGE_LENGTH_WORDS(m->length);
    enum root_status status = request_handle(c, &caller, m, &result);
    if (brought && c->window != SELECTOR_NONE)
        (void)capability_revoke(c->window, REVOKE_SELF);
    if (brought)
        window_open(c);
    m->length = 0;
    (void)message_put(m, status);
    (void)message_put(m, result);
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
    if (a.status != STATUS_SUCCESS || !contexts_open(cpu))
        return false;
    window_open(c);
    return true;
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
