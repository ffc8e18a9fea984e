/*
 * Guests that never come to an end, and do nothing else than what costs most. Who is more urgent
 * runs at once, who is as urgent has its share, and they can be ended at any time.
 */
#include "evil.h"
#include "good.h"
#include "suites.h"

#define RESTARTS 1000u

static struct monitor *const monitor = &monitors[0];

static uint64_t falls; /* triple faults */

static uint64_t answer_shutdown(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_TRIPLE_FAULT && ++falls < RESTARTS) {
        return monitor_begin(v);
    }
    return monitor_answer(v, e);
}

static void check_shutdown(const struct tiny *guest)
{
    falls = 0;
    tap_ok(monitor_run(monitor, guest, 0, answer_shutdown), guest->name);
    tap_equal(falls, RESTARTS, "it falls as often as it is started");
    tap_ok(good_goes_on(), "the others go on");
}

static uint64_t consumed(const struct monitor_vcpu *v)
{
    return time_consumed(monitor_time(v)).value;
}

/*
 * Until the storm has had some time, by the kernel's account, and who is as urgent has got beyond
 * some rounds. A host that looks away can take all of the storm's time at once.
 */
static bool storm_and_others(uint64_t ticks, uint64_t rounds)
{
    uint64_t end = MONITOR_LIMIT;
    bool both = false;

    while (!both && tsc_read() < end) {
        world_sleep(world.millisecond);
        both = consumed(&monitor->vcpus[0]) >= ticks && good_rounds() > rounds;
    }
    return both;
}

static void check_storm(const struct tiny *guest, const struct evil *choice)
{
    const struct monitor_vcpu *other = good_worker();
    uint64_t rounds = good_rounds(), before = consumed(other);
    bool good = evil_start(monitor, guest, 0, choice) && storm_and_others(16 * GOOD_TURN, rounds);
    uint64_t storm = consumed(&monitor->vcpus[0]), its = consumed(other) - before;
    /* Elsewhere a CPU's time passes while the host runs something else. */
    bool fair = !world.machine->exact || (its >= storm / 4 && its / 4 <= storm);

    if (!tap_ok(good && fair, guest->name)) {
        tap_comment();
        print("it had %lu ticks, who is as urgent %lu, and did %lu rounds\n", storm, its,
              good_rounds() - rounds);
    }
    tap_ok(evil_stop(monitor) && good_goes_on(), "it ends, and the others go on");
}

static void check_storms(void)
{
    static const struct tiny *const guests[] = {&tiny_storm,      &tiny_deaf,
                                                &tiny_flicker,    &tiny_strings_huge,
                                                &tiny_loop_debug, &tiny_loop_alignment};
    const struct evil choice = {.limit = UINT64_MAX, .patient = true};
    const struct evil more = {.limit = UINT64_MAX,
                              .patient = true,
                              .exceptions = ~(1u << 2),
                              .intercepts = INTERCEPT_ALL,
                              .msrs = MSR_PASS_ALL};

    for (unsigned i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
        check_storm(guests[i], &choice);
    }
    check_storm(&tiny_storm, &more);
}

static volatile uint64_t told; /* when the deadline was told; 0: not yet */

static uint64_t answer_deadline(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_STARTUP) {
        v->page->deadline = WORLD_LIMIT;
        return monitor_begin(v) | STATE_TIME;
    }
    if (e->reason == EXIT_TIMER) {
        told = tsc_read();
        return monitor_stop(v);
    }
    return monitor_answer(v, e);
}

/* Until the guest has run, or will not any more. */
static bool deaf_runs(void)
{
    const volatile uint64_t *count = (volatile uint64_t *)monitor_at(monitor, TINY_DATA);
    uint64_t before = *count, end = MONITOR_LIMIT;

    while (*count == before && !told && tsc_read() < end) {
        world_sleep(world.millisecond / 4);
    }
    return *count != before || told;
}

/*
 * A deadline that is put off, or brought forward, while the guest runs. `passed`: the first had
 * passed before the second was set, because the host looked away.
 */
static bool deadline_changed(uint64_t first, uint64_t second, bool *passed)
{
    struct monitor_vcpu *v = &monitor->vcpus[0];
    uint64_t deadline[2] = {first, second};
    bool good = monitor_add(monitor, 0, 0, 0);

    *passed = false;
    told = 0;
    v->mode = tiny_deaf.mode;
    v->answer = answer_deadline;
    monitor_load(monitor, &tiny_deaf);
    good = good && good_start(v, PRIORITY_LOW);
    for (unsigned i = 0; good && i < 2; i++) {
        good = deaf_runs() && vcpu_freeze(monitor_vcpu(v)) == STATUS_SUCCESS;
        v->page->deadline = deadline[i];
        good = good && vcpu_write(monitor_vcpu(v), STATE_TIME) == STATUS_SUCCESS;
        *passed = tsc_read() >= first;
        good = good && vcpu_resume(monitor_vcpu(v)) == STATUS_SUCCESS;
    }
    good = good && monitor_wait(monitor);
    return monitor_remove(v) && good && told >= second && (first < second || told < first);
}

static void check_deadlines(void)
{
    uint64_t now = tsc_read(), soon = now + 10 * world.millisecond;
    bool good, passed;

    good = deadline_changed(now + 20000 * world.millisecond, soon, &passed);
    tap_ok(good, "a deadline is brought forward");
    passed = true;
    for (uint64_t ahead = 20 * world.millisecond; passed; ahead *= 2) {
        now = tsc_read();
        good = deadline_changed(now + ahead, now + 2 * ahead, &passed);
    }
    tap_ok(good, "or put off");
}

void suite_guest_storms(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();

    if (good_open() && monitor_open(0, TINY_BYTES)) {
        check_deadlines();
        check_shutdown(&tiny_shutdown);
        check_shutdown(&tiny_shutdown16);
        check_storms();
        monitor_close(monitor);
    }
    good_close();
    world_balance(before);
}
