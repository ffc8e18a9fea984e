/* Guests of random bytes, and one that does its work beside them (guest_fuzz.h). */
#include "guest_fuzz.h"

#define STEADY      (&monitors[1].vcpus[2]) /* others of the actors are the witness's */
#define STEADY_CODE 256u                    /* words that a step writes */
#define NAP         (2 * world.millisecond)

/* --- random bytes -----------------------------------------------------------------------------*/

static void code_put(struct guest_fuzzer *f)
{
    volatile uint64_t *code = (volatile uint64_t *)monitor_at(f->vcpu->monitor, TINY_CODE);

    for (unsigned i = 0; i < PAGE / 8; i++) {
        code[i] = guest_random64(f);
    }
}

static uint64_t exception(struct guest_fuzzer *f)
{
    volatile struct vcpu_state *s = f->vcpu->page;

    s->injection.info = EVENT_VALID | EVENT_EXCEPTION | (guest_chance(f, 2) ? 6 : EVENT_ERROR | 13);
    s->injection.error = 0;
    return STATE_INJECTION;
}

uint64_t guest_fuzz_hostile(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct guest_fuzzer *f = &guest_fuzzers[v->index];
    bool lost = e->reason == EXIT_STARTUP || e->reason == EXIT_FAILED ||
                e->reason == EXIT_TRIPLE_FAULT || e->reason == EXIT_TASK_SWITCH;
    uint64_t groups;

    if (!guest_fuzz_count(f, e, &groups)) {
        return groups;
    }
    if (lost || guest_chance(f, 16)) {
        groups = guest_fuzz_fresh(f);
        code_put(f);
        v->page->rip = TINY_CODE + guest_random(f, PAGE);
        return groups;
    }
    groups = guest_fuzz_limit(f);
    if (e->reason == EXIT_TIMER || guest_chance(f, 4)) {
        v->page->rip = TINY_CODE + guest_random(f, PAGE);
        return groups | STATE_RIP;
    }
    return e->reason == EXIT_RECALL ? groups : groups | exception(f);
}

/* --- the well-behaved one ---------------------------------------------------------------------*/

static struct {
    uint64_t state, before; /* of the sequence: next, and at the start of the last step */
    volatile uint64_t steps;
    volatile uint64_t wrong;
    const char *volatile what; /* first thing that was wrong */
} steady;

static uint64_t sequence(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

static void expect(bool right, const char *what)
{
    if (!right && steady.wrong == 0) {
        steady.what = what;
    }
    steady.wrong = steady.wrong + !right;
}

/* All of its memory page, and its registers. */
static void step_check(const struct monitor_exit *e)
{
    const volatile uint64_t *data =
        (const volatile uint64_t *)monitor_at(STEADY->monitor, TINY_DATA);
    uint64_t x = steady.state, wrong = 0;

    for (unsigned i = 0; i < STEADY_CODE; i++) {
        wrong += data[i] != x;
        x = sequence(x);
    }
    steady.state = x;
    expect(wrong == 0, "memory");
    expect(e->state.r12 == x && e->state.rax == x, "sequence");
    expect(e->state.rbx == 0, "vector register");
    expect(e->qualification == (0x80 | 4ull << EXIT_IO_SIZE_SHIFT), "port");
    steady.steps = steady.steps + 1;
}

static uint64_t steady_answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    volatile struct vcpu_state *s = v->page;

    switch (e->reason) {
    case EXIT_STARTUP:
        return monitor_begin(v);
    case EXIT_IO:
        step_check(e);
        return monitor_skip(v);
    case EXIT_HLT:
        s->activity = VCPU_HALTED;
        s->shadow = 0;
        s->pending_debug = 0;
        s->deadline = tsc_read() + NAP;
        return monitor_skip(v) | STATE_INTERRUPTS | STATE_TIME;
    case EXIT_TIMER:
        s->activity = VCPU_ACTIVE;
        s->shadow = 0;
        s->pending_debug = 0;
        return STATE_INTERRUPTS;
    default:
        expect(false, "exit");
        return monitor_stop(v);
    }
}

bool guest_steady_open(void)
{
    struct monitor *m = &monitors[1];

    steady.state = 1;
    steady.steps = steady.wrong = 0;
    if (!monitor_open(1, TINY_BYTES) || !monitor_add(m, 2, 0, 0)) {
        return false;
    }
    STEADY->mode = TINY_LONG;
    STEADY->answer = steady_answer;
    monitor_load(m, &tiny_steady);
    return monitor_start(STEADY, PRIORITY_LOW + 1);
}

void guest_steady_check(void)
{
    static uint64_t before;
    uint64_t limit = MONITOR_LIMIT;

    before = steady.steps;
    while (steady.steps < before + 3 && steady.wrong == 0 && tsc_read() < limit) {
        world_sleep(world.millisecond);
    }
    tap_comment();
    print("a well-behaved guest has made %lu steps\n", steady.steps);
    if (steady.wrong) {
        tap_comment();
        print("%lu times not as it should be, first: %s\n", steady.wrong, steady.what);
        monitor_print(STEADY);
    }
    tap_ok(steady.steps >= before + 3, "a well-behaved guest goes on");
    tap_equal(steady.wrong, 0, "with its memory, registers and exits");
}

void guest_steady_close(void)
{
    tap_ok(monitor_remove(STEADY), "it goes");
    monitor_close(&monitors[1]);
}
