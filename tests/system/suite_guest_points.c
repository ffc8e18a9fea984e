/*
 * Breakpoints of guests: each meets its own, at addresses where another guest of the CPU has others
 * and a third none; nobody else meets any, though they are at addresses of the monitor as well.
 */
#include "agent.h"
#include "monitor.h"
#include "suites.h"
#include "switch.h"

#define VCPUS  3u
#define ROUNDS 24u
#define SPIN   2000u

#define DR7_ALWAYS    0x400ull
#define DR7_ON(n)     (3ull << 2 * (n))
#define DR7_WRITE(n)  (0xdull << (16 + 4 * (n))) /* of 4 bytes */
#define DR7_ACCESS(n) (0xfull << (16 + 4 * (n)))
#define DR7_EXECUTE   0ull
#define DR6_POINTS    15ull
#define RFLAGS_RF     (1ull << 16)
#define VECTOR_DB     1u
#define RET           0xc3

/* By number of the breakpoint, so often was it met. */
static struct seen {
    struct monitor_vcpu *v;
    uint64_t rounds, points[4], other, dr7_wrong;
} seen[VCPUS];

static uint32_t where;           /* CPU */
static volatile uint64_t target; /* of data breakpoints */
static volatile uint64_t touched;

/* At an address of its own, where a breakpoint is. */
static __attribute__((noinline)) void touch(void)
{
    target++;
    touched++;
}

static unsigned id_of(const struct monitor_vcpu *v)
{
    return v->monitor->index + v->index;
}

/* The first has them in DR0 and DR1, the second in DR1 and DR0, the third none. */
static uint64_t begin(struct monitor_vcpu *v)
{
    uint64_t groups = monitor_begin(v), area = SWITCH_AREA(0);
    unsigned id = id_of(v), write = id & 1, execute = !write;
    volatile struct vcpu_state *s = v->page;

    *monitor_at(v->monitor, area + SWITCH_RETURN) = RET;
    *(volatile uint64_t *)monitor_at(v->monitor, area + SWITCH_SPIN) = SPIN;
    s->r15 = area;
    s->rsp = area + SWITCH_STACK;
    s->dr[write] = area + SWITCH_POINT;
    s->dr[execute] = area + SWITCH_RETURN;
    s->dr[2] = (uint64_t)&target;
    s->dr[3] = (uint64_t)touch;
    s->dr6 = 0;
    s->dr7 = DR7_ALWAYS;
    if (id < 2) {
        s->dr7 |= DR7_ON(0) | DR7_ON(1) | DR7_ON(2) | DR7_ON(3) | DR7_WRITE(write) | DR7_ACCESS(2) |
                  DR7_EXECUTE;
    }
    s->exceptions = 1u << VECTOR_DB;
    return groups | STATE_DR | STATE_CONTROLS;
}

/* A breakpoint on an instruction is met before it: it is not to be met again. */
static uint64_t met(struct monitor_vcpu *v, struct seen *s)
{
    for (unsigned i = 0; i < 4; i++) {
        s->points[i] += v->page->dr6 >> i & 1;
    }
    v->page->dr6 = 0;
    v->page->rflags |= RFLAGS_RF;
    return STATE_DR | STATE_RFLAGS;
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    struct seen *s = &seen[id_of(v)];

    touch();
    if (e->reason == EXIT_STARTUP) {
        return begin(v);
    }
    s->dr7_wrong += !!(e->state.dr7 & DR7_ON(0)) != (id_of(v) < 2);
    if (e->reason == EXIT_EXCEPTION && (e->qualification & 0xff) == VECTOR_DB) {
        return met(v, s);
    }
    if (e->reason != EXIT_IO) {
        s->other++;
        return monitor_answer(v, e);
    }
    if (++s->rounds >= ROUNDS) {
        return s->rounds == ROUNDS ? monitor_stop(v) : 0;
    }
    if (s->rounds % 2) {
        world_sleep(world.millisecond / 4);
        touch();
    }
    return monitor_skip(v);
}

static bool add(unsigned id)
{
    struct monitor *m = &monitors[id & 1];
    struct monitor_vcpu *v = &m->vcpus[0];

    if (id == 2) {
        m = &monitors[1];
        v = &m->vcpus[1];
    }
    if (!monitor_add(m, id == 2, where, STATE_DR)) {
        return false;
    }
    v->mode = tiny_points.mode;
    v->answer = answer;
    seen[id] = (struct seen){.v = v};
    return true;
}

/* QEMU's TCG knows of no breakpoints in guests; where one is met, all must be. */
static void check_guest(unsigned id)
{
    const struct seen *s = &seen[id];
    uint64_t expected = id < 2 ? ROUNDS : 0;

    tap_equal(s->rounds, ROUNDS, "all rounds of a guest");
    tap_equal(s->other, 0, "with no other exits");
    tap_equal(s->dr7_wrong, 0, "it keeps its DR7");
    tap_equal(s->points[2] + s->points[3], 0, "it does not meet what it does not do");
    if (world.machine->info->guest.kind == GUEST_SVM && id < 2 && s->points[0] == 0) {
        tap_comment();
        print("no breakpoints in guests here\n");
        expected = 0;
    }
    tap_equal(s->points[0], expected, "the first breakpoint is met in each round");
    tap_equal(s->points[1], expected, "so is the second");
}

static void check_together(void)
{
    bool good = true;

    monitor_load(&monitors[0], &tiny_points);
    monitor_load(&monitors[1], &tiny_points);
    touched = 0;
    for (unsigned id = 0; id < VCPUS; id++) {
        good = good && add(id);
    }
    for (unsigned id = 0; id < VCPUS; id++) {
        good = good && monitor_start(seen[id].v, PRIORITY_LOW);
    }
    for (unsigned i = 0; good && i < 1000 && seen[2].rounds < ROUNDS; i++) {
        touch();
        world_sleep(world.millisecond / 4);
    }
    tap_ok(good && monitor_wait(&monitors[0]) && monitor_wait(&monitors[1]) &&
               monitor_wait(&monitors[1]),
           "three guests of two VMs run to their ends");
    for (unsigned id = 0; id < VCPUS; id++) {
        check_guest(id);
    }
    tap_ok(touched > 1ull * VCPUS * ROUNDS, "their monitor met none");
    good = true;
    for (unsigned id = 0; id < VCPUS; id++) {
        good = monitor_remove(seen[id].v) && good;
    }
    tap_ok(good, "they go");
}

void suite_guest_points(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    if (monitor_open(0, TINY_BYTES) && monitor_open(1, TINY_BYTES)) {
        for (where = 0; where < m->info->cpus.count && where < 2; where++) {
            check_together();
        }
    }
    monitor_close(&monitors[0]);
    monitor_close(&monitors[1]);
    world_balance(before);
}
