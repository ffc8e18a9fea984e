/*
 * Exits that the guest does not cause, and what others do to a VCPU: recall, timer, freeze, resume,
 * an exit that nobody takes, a state that the CPU refuses.
 */
#include "monitor.h"
#include "suites.h"

#define PORT    0x1234u
#define STOPPED (SEMAPHORE + 1) /* a supervisor's */
#define TRIES   20000u          /* of a millisecond */

static struct monitor *const vm = &monitors[0];
static struct monitor_vcpu *const vcpu = &monitors[0].vcpus[0];

static uint64_t (*first)(struct monitor_vcpu *v); /* what is done at EXIT_STARTUP besides */
static uint64_t (*special)(struct monitor_vcpu *v, const struct monitor_exit *e);

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_STARTUP) {
        return monitor_begin(v) | (first ? first(v) : 0);
    }
    return special(v, e);
}

static bool begin(const struct tiny *guest, uint32_t cpu,
                  uint64_t (*then)(struct monitor_vcpu *v, const struct monitor_exit *e))
{
    bool good = monitor_add(vm, 0, cpu, MONITOR_GROUPS);

    vcpu->mode = guest->mode;
    vcpu->answer = answer;
    special = then;
    monitor_load(vm, guest);
    return tap_ok(good && monitor_start(vcpu, PRIORITY_LOW), guest->name);
}

static void end(void)
{
    first = NULL;
    if (!tap_ok(monitor_remove(vcpu), "it goes")) {
        monitor_print(vcpu);
    }
}

static uint64_t count(void)
{
    return *(volatile uint64_t *)monitor_at(vm, TINY_DATA);
}

/* The guest that counts does so. */
static bool counts(void)
{
    uint64_t now = count();

    for (unsigned i = 0; i < TRIES && count() == now; i++) {
        world_sleep(world.millisecond);
    }
    return tap_ok(count() != now, "the guest runs");
}

/* The exits are those, and no others. */
static void expect(const uint64_t *reasons, uint64_t number)
{
    bool good = vcpu->exits == number;

    for (uint64_t i = 0; i < number; i++) {
        good = good && vcpu->log[i].reason == reasons[i] && vcpu->log[i].words == 4;
    }
    if (!tap_ok(good, "the exits are as expected")) {
        monitor_print(vcpu);
    }
}

#define EXPECT(...)                                                     \
    do {                                                                \
        static const uint64_t reasons_[] = {EXIT_STARTUP, __VA_ARGS__}; \
        expect(reasons_, sizeof(reasons_) / sizeof(reasons_[0]));       \
    } while (0)

static uint64_t stop(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    (void)e;
    return monitor_stop(v);
}

/* While it runs; and again when it is halted. */
static void check_recall(const struct tiny *guest, uint32_t cpu)
{
    if (begin(guest, cpu, stop) && counts()) {
        tap_equal(vcpu_recall(monitor_vcpu(vcpu)), STATUS_SUCCESS, "recall");
        tap_ok(monitor_wait(vm), "it is recalled");
        EXPECT(EXIT_RECALL);
        tap_ok(vcpu->log[1].rip >= TINY_CODE && vcpu->log[1].rip < TINY_CODE + guest->bytes &&
                   vcpu->log[1].state.rflags & 2 && vcpu->log[1].state.rsp == TINY_STACK,
               "in its code");
        tap_equal(vcpu_recall(monitor_vcpu(vcpu)), STATUS_SUCCESS, "recall of one that is halted");
        tap_ok(monitor_wait(vm), "it is recalled");
        EXPECT(EXIT_RECALL, EXIT_RECALL);
    }
    end();
}

static uint32_t activity;
static unsigned recalls;

/* Sleeps at its first HLT until it was recalled twice. */
static uint64_t sleep(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_HLT && v->exits == 2) {
        v->page->activity = activity;
        v->page->shadow = 0;
        (void)semaphore_up(monitor_done(v->monitor));
        return monitor_skip(v) | STATE_INTERRUPTS;
    }
    if (e->reason == EXIT_RECALL) {
        (void)semaphore_up(monitor_done(v->monitor));
        v->page->activity = VCPU_ACTIVE;
        return ++recalls == 2 ? STATE_INTERRUPTS : 0;
    }
    return monitor_answer(v, e);
}

static void check_sleep(uint32_t how)
{
    activity = how;
    recalls = 0;
    if (begin(&tiny_sleep, 0, sleep) && tap_ok(monitor_wait(vm), "it sleeps")) {
        for (unsigned i = 0; i < 2; i++) {
            world_sleep(world.millisecond);
            tap_equal(vcpu->exits, 2 + i, "and does not run");
            tap_equal(vcpu_recall(monitor_vcpu(vcpu)), STATUS_SUCCESS, "recall");
            tap_ok(monitor_wait(vm), "it is recalled");
        }
        tap_ok(monitor_wait(vm), "and comes to its end");
        EXPECT(EXIT_HLT, EXIT_RECALL, EXIT_RECALL, EXIT_IO, EXIT_HLT);
        tap_equal(vcpu->log[2].state.activity, how, "the state says so");
        tap_equal(vcpu->log[4].qualification, PORT | 4u << EXIT_IO_SIZE_SHIFT, "it has gone on");
    }
    end();
}

static uint64_t deadline;

static uint64_t timer_set(struct monitor_vcpu *v)
{
    deadline = tsc_read() + 5 * world.millisecond;
    v->page->deadline = deadline;
    return STATE_TIME;
}

static uint64_t late; /* when EXIT_TIMER came */

static uint64_t timer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_HLT && v->exits == 2) {
        v->page->activity = VCPU_HALTED;
        v->page->shadow = 0;
        return monitor_skip(v) | STATE_INTERRUPTS | timer_set(v);
    }
    if (e->reason == EXIT_TIMER) {
        late = tsc_read();
        if (v->exits == 3) {
            v->page->activity = VCPU_ACTIVE;
            return STATE_INTERRUPTS;
        }
        return monitor_stop(v);
    }
    return monitor_answer(v, e);
}

static void check_timer(void)
{
    tap_comment();
    print("timer\n");
    first = timer_set;
    if (begin(&tiny_spin64, 0, timer) && tap_ok(monitor_wait(vm), "it is interrupted")) {
        EXPECT(EXIT_TIMER);
        tap_ok(late >= deadline, "not before its time");
        tap_equal(vcpu->log[1].state.deadline, 0, "there is no deadline any more");
    }
    end();
    if (begin(&tiny_sleep, 0, timer) && tap_ok(monitor_wait(vm), "it sleeps until its time")) {
        EXPECT(EXIT_HLT, EXIT_TIMER, EXIT_IO, EXIT_HLT);
        tap_ok(late >= deadline, "not before its time");
    }
    end();
}

static void check_freeze(const struct tiny *guest, uint32_t cpu)
{
    uint32_t v = monitor_vcpu(vcpu);

    tap_comment();
    print("freeze\n");
    if (begin(guest, cpu, stop) && counts()) {
        tap_equal(vcpu_resume(v), STATUS_BUSY, "resume, and it is not frozen");
        tap_equal(vcpu_freeze(v), STATUS_SUCCESS, "freeze");
        uint64_t now = count();
        world_sleep(3 * world.millisecond);
        tap_equal(count(), now, "it does not run");
        tap_equal(vcpu_freeze(v), STATUS_SUCCESS, "freeze once more");
        tap_equal(vcpu_read(v, STATE_ALL), cpu ? STATUS_WRONG_CPU : STATUS_SUCCESS, "its state");
        tap_equal(vcpu_recall(v), STATUS_SUCCESS, "recall");
        world_sleep(world.millisecond);
        tap_equal(vcpu->exits, 1, "it has to wait");
        tap_equal(vcpu_resume(v), STATUS_SUCCESS, "resume");
        tap_ok(monitor_wait(vm), "then it is recalled");
        EXPECT(EXIT_RECALL);
    }
    end();
}

/* Its portals go; the exit waits until there is one. */
static void check_unhandled(void)
{
    bool good = monitor_add(vm, 0, 0, 0);

    vcpu->mode = TINY_LONG;
    monitor_load(vm, &tiny_long);
    tap_comment();
    print("no handler\n");
    tap_ok(good && capability_revoke(actor_portal(monitor_actor(vcpu)), 0) == STATUS_SUCCESS &&
               vcpu_set_supervisor(monitor_vcpu(vcpu), STOPPED) == STATUS_SUCCESS &&
               monitor_start(vcpu, PRIORITY_LOW),
           "a VCPU without portals");
    tap_equal(semaphore_down(STOPPED, 0, MONITOR_LIMIT), STATUS_SUCCESS, "its supervisor is told");
    tap_equal(vcpu->exits, 0, "there was no exit");
    for (uint32_t reason = 0; reason < EXIT_COUNT; reason++) {
        good = good && monitor_bind(vcpu, reason, STATE_ALL) == STATUS_SUCCESS;
    }
    tap_ok(good, "it gets portals");
    tap_equal(vcpu_resume(monitor_vcpu(vcpu)), STATUS_SUCCESS, "resume");
    tap_ok(monitor_wait(vm), "it comes to its end");
    EXPECT(EXIT_IO, EXIT_CPUID, EXIT_HLT);
    end();
}

/* 64-bit mode without CR4.PAE. */
static uint64_t spoil(struct monitor_vcpu *v)
{
    v->page->cr4 = 0;
    return 0;
}

static uint64_t repair(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    return e->reason == EXIT_FAILED && v->exits == 2 ? monitor_begin(v) : monitor_answer(v, e);
}

static void check_failed(void)
{
    tap_comment();
    print("a state that cannot be entered\n");
    first = spoil;
    if (begin(&tiny_long, 0, repair) && tap_ok(monitor_wait(vm), "it is repaired and goes on")) {
        EXPECT(EXIT_FAILED, EXIT_IO, EXIT_CPUID, EXIT_HLT);
        tap_equal(vcpu->log[1].qualification, FAILURE_STATE, "what was wrong");
    }
    end();
}

void suite_guest_control(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    if (monitor_open(0, TINY_BYTES)) {
        check_recall(&tiny_spin16, 0);
        check_recall(&tiny_spin64, 0);
        check_sleep(VCPU_HALTED);
        check_sleep(VCPU_WAITING);
        check_timer();
        check_freeze(&tiny_spin64, 0);
        check_unhandled();
        check_failed();
        if (m->info->cpus.count > 1) {
            check_recall(&tiny_spin64, 1);
            check_freeze(&tiny_spin16, 1);
        }
    }
    monitor_close(vm);
    world_balance(before);
}
