/* The event trace: what it records, for whom, and when it does not. */
#include "event_trace.h"
#include "monitor.h"
#include "suites.h"
#include "world.h"

enum {
    GRANT = TEST_SELECTORS,
    HANDLER = 0, /* an actor */
};

#define RING (TEST_ADDRESS + (1ull << 30)) /* domain_open has the first page */

static const volatile struct trace_entry *ring(uint32_t cpu)
{
    return (const volatile struct trace_entry *)(RING + cpu * TRACE_BYTES);
}

/* Number of the newest event. */
static uint64_t newest(uint32_t cpu)
{
    uint64_t best = 0;

    for (unsigned i = 0; i < TRACE_ENTRIES; i++) {
        uint64_t number = ring(cpu)[i].stamp >> 8;
        best = number > best ? number : best;
    }
    return best;
}

static const volatile struct trace_entry *event(uint64_t number)
{
    return &ring(0)[number % TRACE_ENTRIES];
}

/* First event of CPU 0 behind `after` of a type, with word i equal to value; 0: there is none. */
static uint64_t find(uint64_t after, enum trace_type type, unsigned i, uint64_t value)
{
    uint64_t end = newest(0);

    for (uint64_t n = after + 1; n <= end; n++) {
        if (event(n)->stamp == (n << 8 | type) && event(n)->word[i] == value) {
            return n;
        }
    }
    return 0;
}

static void trace(bool on)
{
    tap_equal(trace_switch(on), STATUS_SUCCESS, on ? "the trace is on" : "the trace is off");
}

static void answer(struct handler *self, struct message *m)
{
    (void)self;
    m->length = 1;
}

static void check_off(void)
{
    uint64_t before = newest(0);

    for (unsigned i = 0; i < 10; i++) {
        (void)capability_lookup(SELECTOR_PD);
    }
    world_sleep(world.millisecond);
    tap_equal(newest(0), before, "off, nothing is recorded");
}

static void check_calls(void)
{
    uint64_t start = newest(0);

    trace(true);
    (void)capability_lookup(SELECTOR_PD);
    (void)object_control(SELECTOR_PD, 77, 0);
    trace(false);
    uint64_t call = find(start, TRACE_CALL, 0, SYSCALL_LOOKUP);
    tap_ok(call > 0, "a system call is recorded");
    tap_equal(event(call)->word[1], SELECTOR_PD, "with its first argument");
    tap_equal(event(call + 1)->stamp, (call + 1) << 8 | TRACE_RETURN, "and its return");
    tap_equal(event(call + 1)->word[0], STATUS_SUCCESS, "with its status");
    tap_ok(find(call, TRACE_RETURN, 0, STATUS_BAD_PARAMETER) > 0, "an error as well");
    uint64_t end = newest(0), wrong = 0;
    for (uint64_t n = start + 2; n <= end; n++) {
        wrong += event(n)->tsc < event(n - 1)->tsc || event(n)->stamp >> 8 != n;
    }
    tap_equal(wrong, 0, "numbers and times go up");
    check_off();
}

/* A call to a handler in the domain and back; waiting; a timer. */
static void check_switches(uint32_t domain)
{
    volatile struct utcb_state *state = (volatile struct utcb_state *)FIRST_UTCB_ADDRESS;
    struct message m = world_message();

    if (!tap_ok(actor_serve(HANDLER, domain, answer, NULL), "a handler")) {
        return;
    }
    (void)context_read(actor_context(HANDLER));
    uint64_t id = state->id, start = newest(0);
    trace(true);
    enum status status = portal_call(actor_portal(HANDLER), &m, 0);
    world_sleep(5 * world.millisecond);
    trace(false);
    uint64_t there = find(start, TRACE_EC, 0, id);
    tap_equal(status, STATUS_SUCCESS, "a call and its reply");
    tap_ok(there > 0, "a call is a switch to the handler");
    uint64_t back = find(there, TRACE_CALL, 0, SYSCALL_REPLY | 1 << 8);
    tap_ok(back > there, "the handler replies");
    tap_equal(event(back + 1)->stamp, (back + 1) << 8 | TRACE_EC, "which is a switch back");
    tap_ok(event(back + 1)->word[0] != id, "to the caller");
    uint64_t idle = find(back, TRACE_SC, 0, 0);
    tap_ok(idle > 0, "nobody has time when all wait");
    uint64_t wake = find(idle, TRACE_SC, 1, FIRST_PRIORITY);
    tap_ok(wake > idle, "and somebody does afterwards");
    bool interrupt = false;
    for (uint64_t n = idle; n < wake; n++) {
        interrupt |= (event(n)->stamp & 0xff) == TRACE_INTERRUPT;
    }
    tap_ok(interrupt, "an interrupt is between the two");
    tap_ok(actor_end(HANDLER), "the handler goes");
}

static void undefined(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    __asm__ volatile(".globl trace_undefined\ntrace_undefined: ud2");
}

extern const char trace_undefined[];

static void check_exception(void)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);
    uint64_t start = newest(0);

    trace(true);
    bool done = actor_run(HANDLER, SELECTOR_PD, &high, undefined, NULL);
    trace(false);
    uint64_t exception = find(start, TRACE_EXCEPTION, 0, 6);
    tap_ok(done && exception > 0, "an exception is recorded");
    tap_equal(event(exception)->word[1], (uint64_t)trace_undefined, "with its RIP");
    tap_ok(actor_end(HANDLER), "the thread goes");
}

static bool rips_told(const struct monitor_vcpu *v)
{
    bool told = v->exits > 1;

    for (uint64_t i = 0; i < v->exits && i < MONITOR_EXITS; i++) {
        told = told && v->log[i].rip == v->log[i].state.rip;
    }
    return told;
}

/* A guest has registers of its own where the kernel has its way in. */
static void check_guest(const struct machine *m)
{
    if (m->info->guest.kind == GUEST_NONE) {
        return;
    }
    uint64_t start = newest(0);

    trace(true);
    bool done = monitor_open(0, TINY_BYTES) && monitor_run(&monitors[0], &tiny_long, 0, NULL);
    uint64_t end = newest(0);
    (void)object_control(SELECTOR_PD, 77, 0);
    trace(false);
    tap_ok(rips_told(&monitors[0].vcpus[0]), "a guest's exits have their RIP meanwhile");
    tap_ok(done && newest(0) > start && find(end, TRACE_RETURN, 0, STATUS_BAD_PARAMETER) > 0,
           "system calls are recorded after a guest has run, too");
    monitor_close(&monitors[0]);
    check_off();
}

/* The interrupt that makes another CPU stop recording is one that it records. */
static void check_other_cpus(const struct machine *m)
{
    uint64_t recorded = 0;

    for (uint32_t cpu = 1; cpu < m->info->cpus.count; cpu++) {
        recorded += newest(cpu) > 0;
    }
    tap_equal(recorded, m->info->cpus.count - 1, "all other CPUs have events too");
}

static void check_rights(void)
{
    struct map map = {TEST_ADDRESS, 0, 1, 0, MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    tap_equal(memory_map(SELECTOR_TRACE, SELECTOR_PD, &map).status, STATUS_NO_RIGHT,
              "a trace cannot be mapped to be written");
    tap_equal(pool_deposit(SELECTOR_POOL, SELECTOR_TRACE), STATUS_NO_RIGHT, "nor deposited");
    tap_equal(memory_create(GRANT, SELECTOR_POOL, SELECTOR_TRACE, 0, PAGE, 0).status,
              STATUS_NO_RIGHT, "nor divided");
    tap_equal(object_destroy(SELECTOR_TRACE), STATUS_NO_RIGHT, "nor destroyed");
    (void)capability_delegate(SELECTOR_PD, GRANT, SELECTOR_PLATFORM, PLATFORM_RIGHT_POWER);
    tap_equal(object_control(GRANT, PLATFORM_TRACE, 1).status, STATUS_NO_RIGHT,
              "switching it needs the right to");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    (void)capability_delegate(SELECTOR_PD, GRANT, SELECTOR_PLATFORM, PLATFORM_RIGHT_TRACE);
    tap_equal(object_control(GRANT, PLATFORM_POWER_OFF, 0).status, STATUS_NO_RIGHT,
              "which is not the right to power off");
    (void)capability_revoke(GRANT, REVOKE_SELF);
    tap_equal(object_control(SELECTOR_PLATFORM, PLATFORM_TRACE, 2).status, STATUS_BAD_PARAMETER,
              "it is on or off");
}

void suite_trace(const struct machine *m)
{
    uint32_t pages = (uint32_t)(m->info->cpus.count * TRACE_BYTES / PAGE);
    struct map map = {RING, 0, pages, 0, MEM_RIGHT_READ};

    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!tap_equal(memory_map(SELECTOR_TRACE, SELECTOR_PD, &map).status, STATUS_SUCCESS,
                   "the traces are mapped to be read")) {
        return;
    }
    check_off();
    check_calls();
    check_switches(SELECTOR_PD);
    if (domain_open(GRANT)) {
        check_switches(GRANT);
        domain_close(GRANT);
    }
    check_exception();
    check_guest(m);
    check_other_cpus(m);
    check_rights();
    tap_equal(memory_unmap(SELECTOR_PD, RING), STATUS_SUCCESS, "they are unmapped");
    world_balance(before);
}
