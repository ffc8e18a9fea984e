#include "vcpu.h"

#include <stdlib.h>

#include "cairn/resources.h"
#include "exits.h"
#include "interrupts.h"

#define PAGE 4096ull

/* Its reserve of stack: what a device model needs is little. */
#define HANDLER_STACK (32u << 10)

static void check(struct answer a, const char *what)
{
    if (a.status != STATUS_SUCCESS)
        give_up("no %s: status %u, value %lu", what, a.status, a.value);
}

/* The portal has one id for all reasons: the reason is in the message. */
static void serve(struct handler *self, struct message *m)
{
    struct vcpu *v = self->argument;
    uint64_t reason = m->word[0];

    v->held = reason < EXIT_COUNT ? exit_groups((uint32_t)reason) : 0;
    v->changed = 0;
    if (mutex_take(&v->vm->lock) != STATUS_SUCCESS)
        __builtin_trap(); /* somebody destroyed its semaphore */
    exit_handle(v, m);
    mutex_give(&v->vm->lock);
    m->word[0] = v->changed;
    m->length = 1;
}

static void page_open(struct vcpu *v)
{
    const struct map map = {.address = MONITOR_STATES_AT + v->id * PAGE,
                            .count = 1,
                            .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    struct answer a;

    WITH_FUNDS(a, vcpu_page(vcpu_selector(v, VCPU_SELF), vcpu_selector(v, VCPU_STATE)));
    check(a, "state page of a VCPU");
    WITH_FUNDS(a, memory_map(vcpu_selector(v, VCPU_STATE), PROCESS_PD, &map));
    check(a, "mapping of a VCPU's state page");
    v->state = (struct vcpu_state *)map.address;
}

static void portals_open(struct vcpu *v)
{
    struct answer a;

    v->handler = (struct handler){.handle = serve, .argument = v};
    int error = cairn_handler_start(&v->handler, HANDLER_STACK);
    if (error)
        give_up("no handler for a VCPU: error %d", error);
    WITH_FUNDS(
        a, portal_create(vcpu_selector(v, VCPU_PORTAL), PROCESS_POOL, v->handler.context, v->id));
    check(a, "portal for exits");
    for (uint32_t reason = 0; reason < EXIT_COUNT; reason++) {
        WITH_FUNDS(a, vcpu_bind(vcpu_selector(v, VCPU_SELF), reason, vcpu_selector(v, VCPU_PORTAL),
                                exit_groups(reason)));
        check(a, "binding of an exit");
    }
}

void vcpu_open(struct vm *vm, uint32_t id)
{
    struct vcpu *v = &vm->vcpu[id];
    struct answer a;

    v->vm = vm;
    v->id = id;
    v->decoded = calloc(1, decode_cache_bytes());
    if (!v->decoded)
        give_up("no memory for VCPU %u", id);
    WITH_FUNDS(
        a, vcpu_create(vcpu_selector(v, VCPU_SELF), PROCESS_POOL, MONITOR_VM, ENVIRONMENT->cpu));
    check(a, "VCPU");
    page_open(v);
    portals_open(v);
}

void vcpu_start(struct vcpu *v)
{
    const uint64_t period = ENVIRONMENT->tsc_hz / 10;
    const uint32_t cpu = PROCESS_CPUS + ENVIRONMENT->cpu;
    struct answer free = cpu_free(cpu);
    struct schedule schedule = {
        .cpu = cpu, .priority = (uint8_t)ENVIRONMENT->priority, .budget = period, .period = period};
    struct answer a;

    /* With a share it gets all that is left of that. */
    if (free.status == STATUS_SUCCESS && free.value && free.value < CPU_SHARE_ALL)
        schedule.budget = period * free.value / CPU_SHARE_ALL;
    WITH_FUNDS(a, time_create(vcpu_selector(v, VCPU_TIME), PROCESS_POOL,
                              vcpu_selector(v, VCPU_SELF), &schedule));
    check(a, "time for a VCPU");
}

void vcpu_close(const struct vcpu *v)
{
    (void)object_destroy(vcpu_selector(v, VCPU_TIME));
    (void)object_destroy(vcpu_selector(v, VCPU_SELF));
}

void vcpu_need(struct vcpu *v, uint32_t groups)
{
    uint32_t missing = groups & ~v->held;

    if (!missing)
        return;
    if (vcpu_read(vcpu_selector(v, VCPU_SELF), missing) != STATUS_SUCCESS)
        give_up("the state of VCPU %u cannot be read", v->id);
    v->held |= groups;
}

void vcpu_stop(struct vcpu *v)
{
    vcpu_need(v, STATE_INTERRUPTS);
    v->state->activity = VCPU_WAITING;
    v->state->deadline = 0;
    v->changed = STATE_INTERRUPTS | STATE_TIME;
}

void vcpu_wake(struct vcpu *v)
{
    if (!__atomic_exchange_n(&v->recalled, 1, __ATOMIC_SEQ_CST))
        (void)vcpu_recall(vcpu_selector(v, VCPU_SELF));
}

#define VECTOR_DF    8u
#define CONTRIBUTORY (1u << 0 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13)

/* Of a fault while another one was being delivered (SDM 3A, table 6-5). */
static bool is_double(const struct vcpu_event *first, uint8_t vector)
{
    uint8_t before = first->info & EVENT_VECTOR;

    if (!(first->info & EVENT_VALID) || (first->info & EVENT_TYPE) != EVENT_EXCEPTION)
        return false;
    return before == VECTOR_PF ? vector == VECTOR_PF || CONTRIBUTORY >> vector & 1
                               : CONTRIBUTORY >> before & 1 && CONTRIBUTORY >> vector & 1;
}

void vcpu_raise(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error)
{
    struct vcpu_state *s = v->state;
    uint32_t info = EVENT_VALID | EVENT_EXCEPTION | vector | (has_error ? EVENT_ERROR : 0);

    if (is_double(&s->interrupted, vector)) {
        info = EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR | VECTOR_DF;
        error = 0;
    }
    s->injection = (struct vcpu_event){info, error};
    vcpu_change(v, STATE_INJECTION);
}
