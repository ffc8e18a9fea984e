/*
 * Guests that try all ports and all MSRs. Each access is an exit that says which, but for the few
 * MSRs that the monitor lets them have.
 */
#include "evil.h"
#include "good.h"
#include "options.h"
#include "suites.h"

#define MARGIN 0x100u /* MSRs on each side of a range */
#define RANDOM 100000u
#define PORTS  65536ull
#define FEW    16u
#define PASSED 22u /* accesses, at most, by MSR_PASS_ALL, in a sweep */

static struct monitor *const monitor = &monitors[0];

static uint64_t first; /* port of a sweep */
static bool few;       /* this machine has more to do than one CPU can */

static struct sweep {
    uint32_t msrs;   /* MSR_PASS_* */
    uint64_t value;  /* that is written */
    uint64_t count;  /* exits so far */
    uint64_t wrong;  /* those that were not what they should be */
    uint64_t faults; /* exceptions of the guest */
    unsigned range;  /* the next one, */
    unsigned ranges; /* of so many */
    uint64_t next;   /* what the next exit is about */
    uint64_t random; /* how many accesses by number */
} sweep;

static const struct range {
    uint32_t first, count;
} ranges[] = {
    {0, 0x2000 + MARGIN},
    {0xc0000000 - MARGIN, 0x2000 + 2 * MARGIN},
    {0x40000000 - MARGIN, 0x1000 + 2 * MARGIN},
    {0xc0010000 - MARGIN, 0x2000 + 2 * MARGIN},
    {0x80000000 - MARGIN, 2 * MARGIN},
    {0 - MARGIN, MARGIN},
};

#define RANGES        (sizeof(ranges) / sizeof(ranges[0]))
#define RANGES_PASSED 2u /* the first ones, in which a guest can have its own */

static uint64_t go_on(struct monitor_vcpu *v)
{
    v->page->rip = v->page->rsi;
    return STATE_RIP;
}

/* In a handler of the guest's: it returns to what comes next. */
static uint64_t fault(struct monitor_vcpu *v)
{
    uint64_t error = v->page->rip == TINY_HANDLERS + 13 * TINY_HANDLER ? 8 : 0;

    sweep.faults++;
    v->page->rsp += error;
    v->page->rip += 2;
    *(volatile uint64_t *)monitor_at(monitor, v->page->rsp & 0xfff8) = v->page->rsi;
    return STATE_RIP | STATE_RSP;
}

/* Of a range; a few of each where there is no time for more. */
static uint32_t range_count(const struct range *r)
{
    return few ? r->count / FEW : r->count;
}

static uint64_t range_next(struct monitor_vcpu *v)
{
    const struct range *r = &ranges[sweep.range % RANGES];

    if (sweep.range++ >= sweep.ranges) {
        return monitor_stop(v);
    }
    v->page->rdi = sweep.value;
    v->page->rbx = sweep.random ? sweep.value : r->first;
    v->page->rbp = sweep.random ? sweep.random : (uint32_t)(r->first + range_count(r));
    sweep.next = r->first;
    v->page->rip += 2;
    return STATE_RIP;
}

/* In order, without gaps if none is passed through. */
static uint64_t msr_exit(struct monitor_vcpu *v, uint64_t qualification)
{
    uint64_t number = qualification & UINT32_MAX;
    uint64_t expected = (uint32_t)(sweep.next & ~EXIT_MSR_WRITE) | (sweep.next & EXIT_MSR_WRITE);

    if (!sweep.random && !sweep.msrs) {
        sweep.wrong += qualification != expected;
        sweep.next = expected & EXIT_MSR_WRITE ? number + 1 : number | EXIT_MSR_WRITE;
    }
    sweep.wrong += number != (v->page->rcx & UINT32_MAX);
    return go_on(v);
}

static uint64_t answer_msrs(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    if (e->reason == EXIT_STARTUP) {
        evil_host_mark();
        v->page->msrs = sweep.msrs;
        return monitor_begin(v) | STATE_CONTROLS;
    }
    sweep.wrong += !evil_host_is_whole();
    if (e->reason == EXIT_IO) {
        return (e->qualification & EXIT_IO_PORT) == TINY_ASK ? range_next(v) : fault(v);
    }
    sweep.count++;
    if (e->reason == EXIT_MSR) {
        return msr_exit(v, e->qualification);
    }
    sweep.wrong++;
    return monitor_stop(v);
}

/* Sizes in turn; the sweep's value says which is the first. */
static uint64_t answer_ports(struct monitor_vcpu *v, const struct monitor_exit *e)
{
    uint64_t n = sweep.next, port = n / 2;
    uint64_t size = 1ull << (port - first + n % 2 + sweep.value) % 3;

    if (e->reason == EXIT_STARTUP) {
        evil_host_mark();
        return monitor_begin(v);
    }
    sweep.wrong += !evil_host_is_whole();
    if (e->reason != EXIT_IO || port > UINT16_MAX) {
        sweep.wrong += e->reason != EXIT_HLT;
        return monitor_stop(v);
    }
    if (!sweep.range) {
        sweep.range = 1;
        v->page->rdx = sweep.next / 2;
        v->page->rdi = sweep.value;
        v->page->rip += 2;
        return STATE_RIP;
    }
    sweep.wrong +=
        e->qualification != (port | size << EXIT_IO_SIZE_SHIFT | (n % 2 ? 0 : EXIT_IO_IN));
    sweep.count++;
    sweep.next++;
    return go_on(v);
}

/* The monitor's handler, without the log. */
static void handle(struct handler *self, struct message *message)
{
    struct monitor_vcpu *v = self->argument;
    static struct monitor_exit e;

    e.reason = message->word[0];
    e.qualification = message->word[1];
    e.rip = message->word[2];
    message->word[0] = v->answer(v, &e);
    message->length = 1;
}

/* As long as it goes on: how fast is the host's affair. */
static bool await(void)
{
    uint64_t before;

    do {
        before = sweep.count;
        if (semaphore_down(monitor_done(monitor), 0, MONITOR_LIMIT) == STATUS_SUCCESS) {
            return true;
        }
    } while (sweep.count != before);
    return monitor_wait(monitor);
}

static bool run(const struct tiny *guest,
                uint64_t (*answer)(struct monitor_vcpu *v, const struct monitor_exit *e))
{
    struct monitor_vcpu *v = &monitor->vcpus[0];
    bool good = monitor_add(monitor, 0, 0, 0);

    if (good) {
        v->mode = guest->mode;
        v->answer = answer;
        actors[monitor_actor(v)].handler.handle = handle;
        monitor_load(monitor, guest);
        good = monitor_start(v, PRIORITY_LOW + 1) && await();
    }
    return monitor_remove(v) && good;
}

static uint64_t accesses(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < sweep.ranges; i++) {
        count += 2ull * range_count(&ranges[i]);
    }
    return count;
}

static void check_msrs(uint32_t msrs, unsigned count, uint64_t value, const char *what)
{
    sweep = (struct sweep){.msrs = msrs, .ranges = count, .value = value};
    tap_ok(run(&tiny_sweep_msrs, answer_msrs) && sweep.wrong == 0, what);
    if (msrs) {
        tap_ok(sweep.count >= accesses() - PASSED && sweep.count <= accesses(),
               "all but a few leave the guest");
        tap_at_most(sweep.faults, PASSED, "those are its own");
    } else {
        tap_equal(sweep.count, accesses(), "all leave the guest");
        tap_equal(sweep.faults, 0, "none is an exception");
    }
}

static void check_random(uint64_t numbers)
{
    sweep = (struct sweep){.value = 0x5eed, .ranges = 1, .random = numbers / 2};
    tap_ok(run(&tiny_random_msrs, answer_msrs) && sweep.wrong == 0, "random MSRs");
    tap_equal(sweep.count, numbers, "all leave the guest");
}

void suite_guest_sweep_msrs(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    bool slow = m->info->guest.kind == GUEST_VMX; /* in an emulator */

    few = m->info->cpus.count > 1;
    if (good_open() && monitor_open(0, TINY_BYTES)) {
        check_msrs(0, RANGES, UINT64_MAX, "each MSR is read and written");
        check_msrs(MSR_PASS_ALL, RANGES_PASSED, 0x80001234, "with some of its own");
        check_random(slow || few ? RANDOM / 100 : RANDOM);
        monitor_close(monitor);
    }
    good_close();
    world_balance(before);
}

static void check_ports(uint64_t ahead)
{
    first = few ? PORTS - PORTS / FEW : 0;
    sweep = (struct sweep){.value = ahead, .next = 2 * first};
    tap_ok(run(&tiny_sweep_ports, answer_ports) && sweep.wrong == 0,
           "each port is read and written");
    tap_equal(sweep.count, 2 * (PORTS - first), "each time it leaves the guest");
}

void suite_guest_sweep_ports(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    struct word value;
    uint64_t rounds = option_find(m->command_line, "long", &value) ? 3 : 1;

    few = m->info->cpus.count > 1;

    if (good_open() && monitor_open(0, TINY_BYTES)) {
        for (uint64_t i = 0; i < rounds; i++) {
            check_ports(i);
        }
        monitor_close(monitor);
    }
    good_close();
    world_balance(before);
}
