/*
 * Monitors that reply anything, and guests that execute anything (guest_fuzz.h): the system stays
 * whole, others go on undisturbed, and whatever the CPU refuses is an exit that says so. Options:
 * replies=N, seed=N, long.
 */
#include "fuzz_stage.h"
#include "guest_fuzz.h"
#include "suites.h"

#define REPLIES     20000u
#define LONG_FEW    400000u
#define LONG_MANY   4000000u
#define SHARE       10u /* of the replies, one for the guests of random bytes */
#define ROUND       (2 * world.millisecond)
#define ROUNDS_MOST 4000u /* without a reply */
#define ENTERED     30u   /* percent */

static uint64_t recalls, frozen;

static uint64_t replies_wanted(const struct machine *m)
{
    bool slow = m->info->cpus.count > 1 || m->info->guest.kind == GUEST_VMX;
    uint64_t replies = REPLIES;
    struct word word;

    if (option_find(m->command_line, "long", &word)) {
        replies = slow ? LONG_FEW : LONG_MANY;
    }
    (void)option_number(m->command_line, "replies", &replies);
    return replies;
}

static bool fuzzer_start(unsigned i, uint64_t replies, uint64_t seed, bool hostile)
{
    struct guest_fuzzer *f = &guest_fuzzers[i];
    struct monitor_vcpu *v = &monitors[0].vcpus[i];

    *f = (struct guest_fuzzer){.vcpu = v,
                               .random = (seed + 1) * 0x9e3779b97f4a7c15 + i + 7ull * hostile,
                               .limit = replies,
                               .xcr0 = guest_fuzz_xcr0()};
    if (!monitor_add(&monitors[0], i, i, STATE_ALL)) {
        return false;
    }
    v->mode = TINY_LONG;
    v->answer = hostile ? guest_fuzz_hostile : guest_fuzz_reply;
    return monitor_start(v, PRIORITY_LOW);
}

/* Now and then, while it may be doing anything: freezes it, moves its state, and lets it go. */
static void meddle(struct guest_fuzzer *f)
{
    static struct guest_fuzzer own = {.random = 0x6d6564646c65};
    uint32_t vcpu = monitor_vcpu(f->vcpu), groups = (uint32_t)guest_random64(&own) & STATE_ALL;
    bool here = f->vcpu->cpu == 0;

    if (!guest_chance(&own, 4)) {
        return;
    }
    enum status frozen_status = vcpu_freeze(vcpu), read = vcpu_read(vcpu, groups);
    enum status write = vcpu_write(vcpu, groups), resumed = vcpu_resume(vcpu);
    enum status moved = here ? STATUS_SUCCESS : STATUS_WRONG_CPU;
    f->odd += frozen_status != STATUS_SUCCESS || read != moved || write != moved ||
              resumed != STATUS_SUCCESS;
    frozen++;
}

/* Until all have enough replies. Who waits for nothing, or runs for ever, is recalled. */
static bool fuzzers_watch(unsigned count)
{
    static uint64_t last[GUEST_FUZZERS];
    bool all = false, alive = true, answers = true;

    for (unsigned round = 0; !all && alive && answers; round++) {
        uint64_t moved = 0;
        world_sleep(ROUND);
        all = true;
        for (unsigned i = 0; i < count; i++) {
            struct guest_fuzzer *f = &guest_fuzzers[i];
            if (f->replies >= f->limit) {
                continue;
            }
            all = false;
            if (f->replies == last[i]) {
                f->odd += vcpu_recall(monitor_vcpu(f->vcpu)) != STATUS_SUCCESS;
                recalls++;
            } else {
                meddle(f);
                moved++;
            }
            last[i] = f->replies;
        }
        round = moved ? 0 : round;
        alive = round < ROUNDS_MOST;
        answers = round % 16 || fuzz_witness_answers();
    }
    for (unsigned i = 0; !(all && answers) && i < count; i++) {
        const struct guest_fuzzer *f = &guest_fuzzers[i];
        tap_comment();
        print("CPU %u: %lu of %lu replies, last exit %u, activity %u, resumed with status %u\n", i,
              f->replies, f->limit, f->vcpu->page->reason, f->vcpu->page->activity,
              (unsigned)vcpu_resume(monitor_vcpu(f->vcpu)));
    }
    return all && answers;
}

static uint64_t total(unsigned count, uint64_t (*of)(const struct guest_fuzzer *f, unsigned which),
                      unsigned which)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < count; i++) {
        sum += of(&guest_fuzzers[i], which);
    }
    return sum;
}

static uint64_t of_reason(const struct guest_fuzzer *f, unsigned reason)
{
    return f->reasons[reason];
}

static uint64_t of_failure(const struct guest_fuzzer *f, unsigned failure)
{
    return f->failures[failure];
}

enum { COUNT_REPLIES, COUNT_ENTERED, COUNT_REFUSED, COUNT_ODD };

static uint64_t of_count(const struct guest_fuzzer *f, unsigned which)
{
    const uint64_t counts[] = {f->replies, f->entered, f->refused, f->odd};

    return counts[which];
}

static void report(unsigned count, bool hostile)
{
    uint64_t replies = total(count, of_count, COUNT_REPLIES);
    uint64_t entered = total(count, of_count, COUNT_ENTERED);
    unsigned reasons = 0;

    for (unsigned r = 0; r < EXIT_COUNT; r++) {
        uint64_t exits = total(count, of_reason, r);
        reasons += exits != 0;
        tap_comment();
        print("exit %u: %lu\n", r, exits);
    }
    for (unsigned i = 1; i < FAILURES; i++) {
        tap_comment();
        print("failure %u: %lu, the last: %lu\n", i, total(count, of_failure, i),
              guest_fuzzers[0].said[i]);
    }
    tap_comment();
    print("%lu replies, %lu after which the guest ran, %u reasons, %lu refused, %lu recalls, "
          "%lu times frozen\n",
          replies, entered, reasons, total(count, of_count, COUNT_REFUSED), recalls, frozen);
    for (unsigned i = 0; i < count; i++) {
        if (guest_fuzzers[i].odd_what) {
            tap_comment();
            print("CPU %u: %s: %#lx\n", i, guest_fuzzers[i].odd_what, guest_fuzzers[i].odd_value);
        }
    }
    tap_equal(total(count, of_count, COUNT_ODD), 0, "exits and statuses are documented ones");
    tap_equal(total(count, of_failure, FAILURE_EXIT), 0, "the kernel knows all exits");
    tap_ok(hostile || entered * 100 >= replies * ENTERED, "30 % of the replies enter the guest");
}

static void run(unsigned count, uint64_t replies, uint64_t seed, bool hostile)
{
    uint64_t start = tsc_read();
    bool started = monitor_open(0, TINY_BYTES), ended = true;
    unsigned made = 0;

    recalls = frozen = 0;
    if (started) {
        monitor_load(&monitors[0], &tiny_fuzz_long);
    }
    while (started && made < count) {
        started = fuzzer_start(made++, replies / count, seed, hostile);
    }
    if (tap_ok(started, hostile ? "guests of random bytes" : "monitors that reply anything")) {
        tap_ok(fuzzers_watch(count), "all go on to the end, and the witness answers meanwhile");
        report(count, hostile);
    }
    while (made) {
        ended = monitor_remove(&monitors[0].vcpus[--made]) && ended;
    }
    tap_ok(ended, "they go");
    monitor_close(&monitors[0]);
    tap_comment();
    print("%lu ms\n", (tsc_read() - start) / world.millisecond);
}

void suite_guest_fuzz(const struct machine *m)
{
    uint64_t replies, seed = 1;

    if (!monitor_possible(m)) {
        return;
    }
    replies = replies_wanted(m);
    (void)option_number(m->command_line, "seed", &seed);
    fuzz_cpus = m->info->cpus.count < GUEST_FUZZERS ? m->info->cpus.count : GUEST_FUZZERS;
    uint64_t before = world_free();
    tap_comment();
    print("guest fuzz: %lu replies on %u CPUs, seed=%lu\n", replies, fuzz_cpus, seed);
    if (tap_ok(fuzz_witness_open(), "a witness in another domain")) {
        run(fuzz_cpus, replies, seed, false);
        if (tap_ok(guest_steady_open(), "a well-behaved guest")) {
            run(fuzz_cpus, replies / SHARE, seed, true);
            guest_steady_check();
        }
        guest_steady_close();
        fuzz_witness_check();
    }
    fuzz_witness_close();
    world_balance(before);
}
