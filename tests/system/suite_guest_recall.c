/*
 * What comes up for a VCPU from outside: recalls, deadlines, interrupts for the guest; while its
 * guest runs, sleeps, is in an exit, or has not begun.
 */
#include "agent.h"
#include "guest_control.h"
#include "suites.h"

#define GUEST 0u
#define FIRST 64u /* interrupts that are posted */
#define LAST  95u
#define POSTS 96u

static volatile struct {
    uint64_t after;        /* the deadline of the start: so many ticks later, or 0 */
    uint64_t began;        /* when it started */
    uint64_t deadline, at; /* the deadline, and when the last one was told */
    uint64_t reply;        /* the deadline of a reply to a knock: so long after the start, or 0; */
    bool replies;          /* if the next one is to set it */
    bool asleep;           /* a recall or timer leaves the guest asleep */
    uint32_t activity;     /* in which it starts, */
    bool nmi;              /* with an NMI */
    uint64_t first;        /* count when the first recall came */
    uint64_t got[256];     /* interrupts, by vector */
    uint64_t refused;
} now;

static uint64_t seen(uint32_t reason)
{
    return controls[GUEST].seen[reason];
}

static uint64_t begin(struct monitor_vcpu *v)
{
    uint64_t groups = monitor_begin(v);

    now.began = tsc_read();
    now.deadline = now.after ? now.began + now.after : 0;
    v->page->deadline = now.deadline;
    v->page->activity = now.activity;
    v->page->injection.info = now.nmi ? EVENT_VALID | EVENT_NMI | 2 : 0;
    return groups | STATE_TIME | STATE_INTERRUPTS | STATE_INJECTION;
}

static uint64_t knocked(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t port = e->qualification & EXIT_IO_PORT;

    if (e->rip >= TINY_HANDLERS) {
        now.got[port & 255]++;
    }
    if (!now.replies) {
        return monitor_skip(v);
    }
    now.replies = false; /* once */
    v->page->deadline = now.reply ? now.began + now.reply : 0;
    return monitor_skip(v) | STATE_TIME;
}

static uint64_t sleep(struct monitor_vcpu *v)
{
    v->page->activity = VCPU_HALTED;
    v->page->shadow = 0;
    v->page->pending_debug = 0;
    if (!now.replies) {
        return monitor_skip(v) | STATE_INTERRUPTS;
    }
    now.replies = false;
    v->page->deadline = now.deadline = tsc_read() + now.reply;
    return monitor_skip(v) | STATE_INTERRUPTS | STATE_TIME;
}

static uint64_t wake(struct monitor_vcpu *v)
{
    v->page->activity = VCPU_ACTIVE;
    return now.asleep ? 0 : STATE_INTERRUPTS;
}

static uint64_t answer(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    switch (e->reason) {
    case EXIT_STARTUP:
        return begin(v);
    case EXIT_IO:
        return knocked(v, e);
    case EXIT_HLT:
        return sleep(v);
    case EXIT_RECALL:
        now.first = seen(EXIT_RECALL) == 0 ? *control_count(GUEST) : now.first;
        return wake(v);
    case EXIT_TIMER:
        now.at = tsc_read();
        now.refused += v->page->deadline != 0;
        return wake(v);
    default:
        return monitor_answer(v, e);
    }
}

static bool open_with(const struct tiny *guest, uint32_t cpu, uint32_t activity, uint64_t after)
{
    now.after = after;
    now.activity = activity;
    now.replies = now.asleep = now.nmi = false;
    now.refused = now.at = 0;
    if (!control_open(GUEST, guest, cpu, STATE_INTERRUPTS | STATE_TIME)) {
        return false;
    }
    controls[GUEST].answer = answer;
    return true;
}

static bool start(const struct tiny *guest, uint32_t cpu)
{
    return open_with(guest, cpu, VCPU_ACTIVE, 0) && control_start(GUEST);
}

static void recall(void)
{
    tap_equal(vcpu_recall(control_selector(GUEST)), STATUS_SUCCESS, "recall");
}

/* The exit after which the log has so many. */
static const struct monitor_exit *exit_at(uint64_t n)
{
    return &control_vcpu(GUEST)->log[n - 1];
}

static void check_running(uint32_t cpu)
{
    if (start(&tiny_spinner, cpu) && control_goes_on(GUEST, "it runs")) {
        recall();
        if (cpu == 0) {
            recall();
            recall();
            tap_equal(seen(EXIT_RECALL), 0, "nothing happens before it would run");
        }
        tap_ok(control_await(&controls[GUEST].seen[EXIT_RECALL], 0), "it is recalled");
        const struct monitor_exit *e = exit_at(2);
        tap_ok(e->reason == EXIT_RECALL && e->qualification == 0 && e->address == 0 &&
                   e->rip >= TINY_CODE && e->rip < TINY_CODE + tiny_spinner.bytes &&
                   e->state.rip == e->rip && e->state.interrupted.info == 0,
               "where it was");
        control_goes_on(GUEST, "it goes on");
        world_sleep(2 * world.millisecond);
        tap_equal(seen(EXIT_RECALL), 1, "having been recalled once");
    }
    control_close(GUEST);
}

static void check_halted(uint32_t cpu)
{
    if (start(&tiny_sleeper, cpu) &&
        tap_ok(control_await(&controls[GUEST].seen[EXIT_HLT], 0), "it halts")) {
        control_stands_still(GUEST, "it sleeps");
        now.asleep = true;
        recall();
        tap_ok(control_await(&controls[GUEST].seen[EXIT_RECALL], 0), "a recall finds it");
        tap_equal(exit_at(3)->state.activity, VCPU_HALTED, "asleep");
        control_stands_still(GUEST, "its monitor lets it sleep on");
        now.asleep = false;
        recall();
        tap_ok(control_await(control_count(GUEST), 0), "or wakes it at the next one");
        tap_ok(control_await(&controls[GUEST].seen[EXIT_HLT], 1), "and it halts again");
        world_sleep(world.millisecond);
        tap_ok(*control_count(GUEST) == 1 && seen(EXIT_RECALL) == 2 && seen(EXIT_HLT) == 2,
               "each once");
    }
    control_close(GUEST);
}

static void check_waiting(uint32_t cpu)
{
    if (open_with(&tiny_spinner, cpu, VCPU_WAITING, 0) && control_start(GUEST)) {
        control_stands_still(GUEST, "a guest that waits for a SIPI does not run");
        recall();
        tap_ok(control_await(control_count(GUEST), 0), "after a recall it does");
        tap_equal(now.first, 0, "not before");
        tap_equal(exit_at(2)->state.activity, VCPU_WAITING, "it waited");
    }
    control_close(GUEST);
}

static void check_exiting(uint32_t cpu)
{
    if (start(&tiny_knocker, cpu) && control_goes_on(GUEST, "it exits again and again")) {
        controls[GUEST].hold = EXIT_IO;
        (void)control_held("its handler stays in an exit");
        for (unsigned i = 0; i < 5; i++) {
            recall();
        }
        control_stands_still(GUEST, "meanwhile it does not run");
        tap_equal(seen(EXIT_RECALL), 0, "and is not recalled");
        control_vcpu(GUEST)->exits = 10;
        control_let(GUEST);
        tap_ok(control_await(&controls[GUEST].seen[EXIT_RECALL], 0), "it is after the reply");
        tap_equal(exit_at(10 + 1)->reason, EXIT_RECALL, "before it goes on");
        control_goes_on(GUEST, "then it goes on");
        tap_equal(seen(EXIT_RECALL), 1, "five recalls were one");
    }
    control_close(GUEST);
}

static void check_not_started(uint32_t cpu)
{
    if (open_with(&tiny_spinner, cpu, VCPU_ACTIVE, 0)) {
        now.nmi = true;
        recall();
        world_sleep(world.millisecond);
        tap_equal(control_vcpu(GUEST)->exits, 0, "without time it does nothing");
        (void)control_start(GUEST);
        tap_ok(control_await(control_count(GUEST), 0), "with time it runs");
        tap_ok(exit_at(1)->reason == EXIT_STARTUP && exit_at(2)->reason == EXIT_RECALL &&
                   exit_at(2)->rip == TINY_CODE && now.first == 0,
               "it was recalled after it had started, before the first instruction");
        tap_equal(control_vcpu(GUEST)->exits, 2, "once");
        tap_ok(exit_at(2)->state.interrupted.info == (EVENT_VALID | EVENT_NMI | 2) &&
                   !(exit_at(2)->state.shadow & SHADOW_NMI),
               "the NMI that it was to begin with is handed back, and blocks none");
    }
    control_close(GUEST);
}

/* It came, not too early, and once. */
static void timer_came(void)
{
    tap_ok(control_await(&controls[GUEST].seen[EXIT_TIMER], 0), "its deadline passes");
    tap_ok(now.at >= now.deadline, "not too early");
    tap_equal(now.refused, 0, "there is none any more");
    if (world.machine->exact) {
        tap_at_most(now.at - now.deadline, 2ull * EXACT_LATENESS, "nor too late");
    }
    world_sleep(2 * world.millisecond);
    tap_equal(seen(EXIT_TIMER), 1, "it passes once");
}

static void check_deadline(const struct tiny *guest, uint32_t cpu)
{
    bool sleeps = guest == &tiny_sleeper;

    if (open_with(guest, cpu, VCPU_ACTIVE, sleeps ? 0 : 5 * world.millisecond)) {
        now.reply = 5 * world.millisecond;
        now.replies = sleeps; /* set when it halts */
        (void)control_start(GUEST);
        timer_came();
        tap_ok(control_await(control_count(GUEST), 0), "the guest goes on");
    }
    control_close(GUEST);
}

static void check_passed(uint32_t cpu)
{
    if (open_with(&tiny_spinner, cpu, VCPU_HALTED, (uint64_t)-1) && control_start(GUEST)) {
        tap_ok(control_await(control_count(GUEST), 0), "a deadline that has passed wakes it");
        tap_ok(exit_at(2)->reason == EXIT_TIMER && exit_at(2)->rip == TINY_CODE,
               "before its first instruction");
    }
    control_close(GUEST);
}

/*
 * A guest with a deadline some time after its start, whose handler is in an exit when that has not
 * passed yet. A host that looks away may let it pass before: then again with more time. Returns how
 * many times as much it took, 0: it cannot be made.
 */
static uint64_t hold_before_deadline(uint32_t cpu, uint64_t after)
{
    for (uint64_t times = 1;; times *= 2) {
        if (!open_with(&tiny_knocker, cpu, VCPU_ACTIVE, times * after)) {
            return 0;
        }
        controls[GUEST].hold = EXIT_IO;
        (void)control_start(GUEST);
        if (!control_held("its handler stays in an exit") || seen(EXIT_TIMER) == 0) {
            return times;
        }
        control_close(GUEST);
    }
}

/* In an exit it passes, and is told after the reply, behind a recall; or it is set anew. */
static void check_deadline_exiting(uint32_t cpu)
{
    if (hold_before_deadline(cpu, 50 * world.millisecond)) {
        world_sleep_until(now.deadline + 2 * world.millisecond);
        recall();
        tap_equal(seen(EXIT_TIMER), 0, "the deadline passes meanwhile");
        uint64_t exits = control_vcpu(GUEST)->exits;
        control_let(GUEST);
        tap_ok(control_await(&controls[GUEST].seen[EXIT_TIMER], 0), "it is told after the reply");
        tap_ok(exit_at(exits + 1)->reason == EXIT_RECALL &&
                   exit_at(exits + 2)->reason == EXIT_TIMER,
               "and after the recall");
        tap_equal(now.refused, 0, "there is none any more");
    }
    control_close(GUEST);
}

/* The reply to an exit sets another deadline than the one for which a timer is armed. */
static void check_deadline_changed(uint32_t cpu, uint64_t first, uint64_t second, const char *what)
{
    uint64_t times = hold_before_deadline(cpu, first), time = now.began;

    if (tap_ok(times, what)) {
        first *= times;
        second *= times;
        now.reply = second;
        now.replies = true;
        controls[GUEST].hold = EXIT_TIMER;
        (void)semaphore_up(CONTROL_LET);
        if (second) {
            (void)control_held("the new deadline passes");
            tap_ok(tsc_read() >= time + second, "not too early");
            tap_ok(first < second || tsc_read() < time + first, "nor as late as the old one");
        } else {
            control_goes_on(GUEST, "it goes on");
            world_sleep_until(time + first + 2 * world.millisecond);
            tap_equal(seen(EXIT_TIMER), 0, "no deadline passes");
        }
        control_let(GUEST);
    }
    control_close(GUEST);
}

/* Interrupts: who has one sets its bit; the monitor injects it as soon as the guest can take it. */
static void post(uint32_t vector)
{
    volatile struct vcpu_state *page = control_vcpu(GUEST)->page;

    __atomic_fetch_or(&page->pending[vector / 64], 1ull << vector % 64, __ATOMIC_SEQ_CST);
    if (!__atomic_exchange_n(&page->outstanding, 1, __ATOMIC_SEQ_CST) &&
        vcpu_recall(control_selector(GUEST)) != STATUS_SUCCESS) {
        now.refused++;
    }
}

static uint32_t vector_take(volatile struct vcpu_state *page, bool take)
{
    for (uint32_t n = LAST; n >= FIRST; n--) {
        uint64_t bit = 1ull << n % 64;
        if (__atomic_load_n(&page->pending[n / 64], __ATOMIC_SEQ_CST) & bit) {
            if (take) {
                __atomic_fetch_and(&page->pending[n / 64], ~bit, __ATOMIC_SEQ_CST);
            }
            return n;
        }
    }
    return 0;
}

static uint64_t inject(struct monitor_vcpu *v, uint64_t groups)
{
    volatile struct vcpu_state *page = v->page;
    bool shadow = page->shadow & (SHADOW_STI | SHADOW_MOV_SS);
    bool can = (page->rflags & 0x200) && (!shadow || groups & STATE_RIP);

    if (page->interrupted.info & EVENT_VALID) { /* one that it has not got yet */
        page->injection.info = page->interrupted.info;
        page->windows = WINDOW_INTERRUPT;
        return groups | STATE_INJECTION | STATE_WINDOWS;
    }
    uint32_t vector = vector_take(page, can);

    page->windows = 0;
    if (vector == 0) {
        return groups;
    }
    page->activity = VCPU_ACTIVE;
    page->shadow = 0;
    page->pending_debug = 0;
    if (!can) {
        page->windows = WINDOW_INTERRUPT;
        return groups | STATE_WINDOWS;
    }
    page->injection = (struct vcpu_event){.info = EVENT_VALID | EVENT_EXTERNAL | vector};
    page->windows = vector_take(page, false) ? WINDOW_INTERRUPT : 0;
    return groups | STATE_INJECTION | STATE_WINDOWS | STATE_INTERRUPTS;
}

static uint64_t answer_interrupts(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    switch (e->reason) {
    case EXIT_RECALL:
        (void)__atomic_exchange_n(&v->page->outstanding, 0, __ATOMIC_SEQ_CST);
        return inject(v, 0);
    case EXIT_INTERRUPT_WINDOW:
        return inject(v, 0);
    case EXIT_HLT:
        return inject(v, sleep(v));
    default:
        return answer(v, e);
    }
}

static void post_there(void)
{
    for (uint32_t i = 0; i < POSTS; i++) {
        uint32_t vector = FIRST + 16 + i % 16;
        uint64_t before = now.got[vector], end = AGENT_LIMIT;
        post(vector);
        while (now.got[vector] == before && !agent_stop && tsc_read() < end) {
            (void)semaphore_down(AGENT_SLEEP, 0, tsc_read() + world.millisecond / 5);
        }
    }
}

static void check_interrupts(const struct tiny *guest, uint32_t cpu, bool two)
{
    /*
     * QEMU leaves what VMRUN has injected noted as the exception to be raised: when its main loop
     * is called for just then, for a reason of its own, the guest gets the event twice.
     */
    uint64_t wrong = 0, again = world.machine->info->guest.kind == GUEST_SVM ? 2 : 0;

    for (unsigned i = 0; i < 256; i++) {
        now.got[i] = 0;
    }
    if (open_with(guest, cpu, VCPU_ACTIVE, 0)) {
        controls[GUEST].answer = answer_interrupts;
        (void)control_start(GUEST);
        if (two) {
            agent_begin(post_there);
        }
        for (uint32_t i = 0; i < POSTS / 4; i++) { /* four at a time */
            uint32_t vector = FIRST + i % 4 * 4;
            for (uint32_t k = 0; k < 4; k++) {
                post(vector + k);
            }
            for (uint32_t k = 0; k < 4; k++) {
                wrong += !control_await(&now.got[vector + k], i / 4);
            }
        }
        if (two) {
            tap_ok(agent_wait(), "another CPU has posted interrupts too");
        }
        tap_equal(wrong, 0, "interrupts reach the guest");
        for (uint32_t n = FIRST; n <= LAST; n++) {
            uint64_t posted = n < FIRST + 16 || two ? POSTS / 16 : 0;
            if (now.got[n] < posted || now.got[n] > posted + again) {
                tap_comment();
                print("vector %u: %lu, %lu refused\n", n, now.got[n], now.refused);
                wrong++;
            }
        }
        tap_equal(wrong + now.refused, 0, "each once");
    }
    control_close(GUEST);
}

static void check_cpu(uint32_t cpu)
{
    uint64_t ms = world.millisecond;

    tap_comment();
    print("on CPU %u\n", cpu);
    check_running(cpu);
    check_halted(cpu);
    check_waiting(cpu);
    check_exiting(cpu);
    check_not_started(cpu);
    check_deadline(&tiny_spinner, cpu);
    check_deadline(&tiny_sleeper, cpu);
    check_passed(cpu);
    check_deadline_exiting(cpu);
    check_deadline_changed(cpu, 20000 * ms, 5 * ms, "an earlier deadline");
    check_deadline_changed(cpu, 60 * ms, 80 * ms, "a later deadline");
    check_deadline_changed(cpu, 60 * ms, 0, "no deadline any more");
    check_interrupts(&tiny_spinner, cpu, false);
    check_interrupts(&tiny_sleeper, cpu, false);
}

void suite_guest_recall(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    check_cpu(0);
    if (several) {
        check_cpu(1);
        check_interrupts(&tiny_spinner, 0, true);
        check_interrupts(&tiny_sleeper, 1, true);
    }
    world_balance(before);
}
