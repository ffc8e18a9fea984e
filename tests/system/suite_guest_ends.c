/*
 * A VCPU and all that it stands on are destroyed, one at a time, at any moment of its life: it
 * stops at once, nobody hangs, and each frame comes back. Moments are varied by a generator with a
 * seed.
 */
#include "agent.h"
#include "guest_control.h"
#include "options.h"
#include "suites.h"

enum {
    POOR = TEST_SELECTORS, /* pool that pays for all but memory, handler and caller */
    PART,                  /* its frames */
    MEMORY,                /* of the guest, */
    VIEW,                  /* and the capability through which the VM has it */
    VM,
    VCPU,
    TIME,
    SHARED,      /* the state page */
    OTHER,       /* the monitor's domain */
    HANDLER = 0, /* actors */
    CALLER,
};

#define FRAMES     96u
#define PAGE_THERE (TEST_ADDRESS + (3ull << 28)) /* the page, in the monitor's domain */

/* What the VCPU is about when something ends. */
enum moment { RUNS, EXITS, SLEEPS, HANDLED, HELPS, FROZEN, BEGINS, MOMENTS };

/* What ends. */
enum victim { A_VCPU, A_VM, A_TIME, A_PAGE, A_MEMORY, A_HANDLER, A_DOMAIN, A_POOL, VICTIMS };

static const char *const moments[] = {"runs",  "exits",  "sleeps", "is in an exit",
                                      "helps", "frozen", "begins"};
static const char *const victims[] = {"VCPU",   "VM",      "time",   "page",
                                      "memory", "handler", "domain", "pool"};

static struct monitor_vcpu fake; /* what functions of the monitor need */
static volatile bool holds;      /* the handler stays in the next exit */
static volatile uint64_t exits, halts;
static uint64_t random_state;
static uint32_t cpu; /* the VCPU's */

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % limit;
}

/* In the monitor's domain, which has the data of this one. */
static void handle(struct handler *self, struct message *m)
{
    volatile struct vcpu_state *s = fake.page;

    (void)self;
    exits = exits + 1;
    m->length = 1;
    if (holds && m->word[0] != EXIT_STARTUP) {
        (void)semaphore_up(CONTROL_HELD);
        (void)semaphore_down(CONTROL_LET, 0, 0);
    }
    switch (m->word[0]) {
    case EXIT_STARTUP:
        m->word[0] = monitor_begin(&fake);
        return;
    case EXIT_IO:
        s->rip += 2;
        m->word[0] = STATE_RIP;
        return;
    case EXIT_PAUSE: /* a caller */
        m->word[0] = 0;
        return;
    case EXIT_HLT:
        s->rip += 1;
        halts = halts + 1;
        m->word[0] = STATE_RIP | STATE_INTERRUPTS;
        break;
    default:
        m->word[0] = STATE_INTERRUPTS;
        break;
    }
    s->activity = VCPU_HALTED;
    s->shadow = 0;
    s->pending_debug = 0;
}

static void call(struct thread *self, void *argument)
{
    struct message m = message_make(self->utcb);

    (void)argument;
    m.length = 1;
    m.word[0] = EXIT_PAUSE;
    (void)!portal_call(actor_portal(HANDLER), &m, 0);
    (void)semaphore_down(CONTROL_DONE, 0, 0);
}

static bool went(struct answer a)
{
    return a.status == STATUS_SUCCESS;
}

static bool pool_open(void)
{
    return went(pool_create(POOR, SELECTOR_POOL)) && pool_deposit(POOR, PART) == STATUS_SUCCESS;
}

static bool memory_open(void)
{
    struct map map = {.address = (uint64_t)monitor_at(&monitors[0], 0),
                      .count = TINY_BYTES / PAGE,
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    monitors[0].index = 0;
    monitors[0].bytes = TINY_BYTES;
    fake.monitor = &monitors[0];
    fake.page = (volatile struct vcpu_state *)PAGE_THERE;
    fake.mode = TINY_LONG;
    return went(memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, FRAMES * PAGE, 0)) &&
           went(memory_create(MEMORY, SELECTOR_POOL, WORLD_MEMORY, FRAMES * PAGE, TINY_BYTES, 0)) &&
           went(memory_map(MEMORY, SELECTOR_PD, &map)) && pool_open();
}

static bool vm_open(void)
{
    struct map map = {.count = TINY_BYTES / PAGE,
                      .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE};

    return went(vm_create(VM, POOR)) &&
           went(capability_delegate(SELECTOR_PD, VIEW, MEMORY, RIGHTS_ALL)) &&
           went(memory_map(VIEW, VM, &map)) && went(vcpu_create(VCPU, POOR, VM, cpu)) &&
           went(vcpu_page(VCPU, SHARED));
}

static bool monitor_open_there(void)
{
    struct map map = {
        .address = PAGE_THERE, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    bool open = domain_open_from(OTHER, POOR) && went(memory_map(SHARED, OTHER, &map)) &&
                domain_give(OTHER, CONTROL_LET) && domain_give(OTHER, CONTROL_HELD) &&
                actor_serve_at(HANDLER, cpu, OTHER, handle, NULL);

    for (uint32_t reason = 0; open && reason < EXIT_COUNT; reason++) {
        open = went(vcpu_bind(VCPU, reason, actor_portal(HANDLER), 0));
    }
    return open && vcpu_set_supervisor(VCPU, CONTROL_TOLD) == STATUS_SUCCESS;
}

static struct schedule schedule(void)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);

    s.cpu = SELECTOR_CPUS + cpu;
    return s;
}

static const struct tiny *guest_of(enum moment moment)
{
    return moment == SLEEPS                       ? &tiny_sleeper
           : moment == EXITS || moment == HANDLED ? &tiny_knocker
                                                  : &tiny_spinner;
}

/* All of it, up to the moment. False: something failed, or takes too long. */
static bool scene_open(enum moment moment)
{
    struct schedule s = schedule();

    exits = halts = 0;
    holds = moment == HANDLED || moment == HELPS;
    monitor_load(&monitors[0], guest_of(moment));
    if (!vm_open() || !monitor_open_there() ||
        (moment == HELPS && (!actor_run_at(CALLER, cpu, SELECTOR_PD, &s, call, NULL) ||
                             semaphore_down(CONTROL_HELD, 0, CONTROL_LIMIT) != STATUS_SUCCESS)) ||
        !went(time_create(TIME, POOR, VCPU, &s))) {
        return false;
    }
    switch (moment) {
    case RUNS:
    case EXITS:
        return control_await(control_count(0), 0);
    case FROZEN:
        return control_await(control_count(0), 0) && vcpu_freeze(VCPU) == STATUS_SUCCESS;
    case SLEEPS:
        return control_await(&halts, 0);
    case HANDLED:
        return semaphore_down(CONTROL_HELD, 0, CONTROL_LIMIT) == STATUS_SUCCESS;
    default:
        return true;
    }
}

/* Goes if it is still there. */
static bool gone(uint32_t selector)
{
    enum status status = object_destroy(selector);

    return status == STATUS_SUCCESS || status == STATUS_BAD_CAPABILITY;
}

static bool end(enum victim victim)
{
    switch (victim) {
    case A_VCPU:
        return object_destroy(VCPU) == STATUS_SUCCESS;
    case A_VM:
        return object_destroy(VM) == STATUS_SUCCESS;
    case A_TIME:
        return object_destroy(TIME) == STATUS_SUCCESS;
    case A_PAGE:
        return capability_revoke(SHARED, REVOKE_SELF) == STATUS_SUCCESS;
    case A_MEMORY:
        return capability_revoke(VIEW, REVOKE_SELF) == STATUS_SUCCESS;
    case A_HANDLER:
        return object_destroy(actor_context(HANDLER)) == STATUS_SUCCESS;
    case A_DOMAIN:
        return object_destroy(OTHER) == STATUS_SUCCESS;
    default:
        return object_destroy(POOR) == STATUS_SUCCESS;
    }
}

/* Does the guest run no more when that has gone? */
static bool stops(enum victim victim)
{
    return victim == A_VCPU || victim == A_VM || victim == A_TIME || victim == A_MEMORY ||
           victim == A_POOL;
}

/* What is left goes, in an order that differs. */
static bool scene_close(enum moment moment)
{
    static const uint32_t parts[] = {VCPU, TIME, VM, OTHER};
    unsigned first = (unsigned)random_below(4);
    bool good = true;

    for (unsigned i = 0; i < 4; i++) {
        good = gone(parts[(first + i) % 4]) && good;
    }
    if (moment == HELPS) {
        good = actor_end(CALLER) && good;
    }
    good = gone(actor_portal(HANDLER)) && gone(actor_context(HANDLER)) && good;
    (void)capability_revoke(SHARED, REVOKE_SELF);
    (void)capability_revoke(VIEW, REVOKE_SELF);
    for (uint32_t s = CONTROL_LET; s <= CONTROL_DONE; s++) {
        (void)semaphore_down(s, DOWN_TRY | DOWN_ZERO, 0);
    }
    return good;
}

static void pause(void)
{
    uint64_t time = random_below(world.millisecond / 8), until = tsc_read() + time;

    if (cpu == 0 || random_below(2)) {
        world_sleep(time); /* so that it runs */
    } else {
        while (tsc_read() < until) {
        }
    }
}

static bool complain(enum moment moment, enum victim victim, const char *what)
{
    tap_comment();
    print("VCPU on CPU %u that %s: end of its %s: %s\n", cpu, moments[moment], victims[victim],
          what);
    return false;
}

static bool round(enum moment moment, enum victim victim)
{
    uint64_t before = world_free();
    bool good = scene_open(moment) || complain(moment, victim, "does not come to the moment");

    pause();
    if (!end(victim)) {
        good = complain(moment, victim, "fails");
    }
    uint64_t count = *control_count(0);
    world_sleep(world.millisecond / 16);
    if (stops(victim) && *control_count(0) != count) {
        good = complain(moment, victim, "the guest runs");
    }
    if (!scene_close(moment)) {
        good = complain(moment, victim, "something else does not go");
    }
    if (victim == A_POOL && !pool_open()) {
        good = complain(moment, victim, "frames are missing for another pool");
    }
    if (pool_free(POOR).value != FRAMES || world_free() != before) {
        tap_comment();
        print("frames %lu of %u, %lu of %lu\n", pool_free(POOR).value, FRAMES, world_free(),
              before);
        good = complain(moment, victim, "frames are missing");
    }
    return good;
}

static void check_rounds(unsigned rounds, uint32_t cpus)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < rounds && wrong < 5; i++) {
        for (unsigned k = 0; k < MOMENTS * VICTIMS && wrong < 5; k++) {
            cpu = cpus > 1 ? (uint32_t)random_below(2) : 0;
            wrong += !round(k % MOMENTS, k / MOMENTS);
        }
    }
    tap_equal(wrong, 0, "each thing that a VCPU needs ends at each moment");
}

/* Two CPUs at the same VM, or at a VM and something of it. */
static volatile uint64_t here, there, turn;
static volatile uint32_t target;

static void end_there(void)
{
    agent_meet(&there, &here, turn);
    enum status status = object_destroy(target);
    agent_says = status == STATUS_SUCCESS || status == STATUS_BAD_CAPABILITY ? 1 : 2 + status;
}

static void check_together(unsigned rounds)
{
    static const uint32_t targets[] = {VM, VM, VCPU, TIME, OTHER};
    uint64_t wrong = 0, before = world_free();

    here = there = 0;
    for (turn = 1; turn <= rounds && wrong < 5; turn++) {
        enum moment moment = (enum moment)random_below(MOMENTS);
        cpu = (uint32_t)random_below(2);
        target = targets[random_below(5)];
        bool good = scene_open(moment);
        agent_begin(end_there);
        agent_meet(&here, &there, turn);
        enum status status = object_destroy(VM);
        good = (status == STATUS_SUCCESS || status == STATUS_BAD_CAPABILITY) && good;
        good = agent_wait() && agent_says == 1 && good;
        good = capability_lookup(VM).status == STATUS_BAD_CAPABILITY &&
               capability_lookup(VCPU).status == STATUS_BAD_CAPABILITY && good;
        uint64_t count = *control_count(0);
        good = scene_close(moment) && *control_count(0) == count && good;
        if (!good || pool_free(POOR).value != FRAMES || world_free() != before) {
            tap_comment();
            print("VCPU on CPU %u that %s, target %u: status %u and %lu\n", cpu, moments[moment],
                  target, (unsigned)status, agent_says);
            wrong++;
        }
    }
    tap_equal(wrong, 0, "two CPUs destroy a VM at once, or what it consists of");
}

void suite_guest_ends(const struct machine *m)
{
    bool several = m->info->cpus.count > 1;

    if (!monitor_possible(m) || (several && !agent_open())) {
        return;
    }
    uint64_t before = world_free();
    if (!option_number(m->command_line, "seed", &random_state) || random_state == 0) {
        random_state = 0x9e3779b97f4a7c15;
    }
    if (!tap_ok(memory_open(), "memory and a pool")) {
        return;
    }
    unsigned rounds = m->exact ? 1 : 4;
    check_rounds(rounds, m->info->cpus.count);
    if (several) {
        check_together(25 * rounds);
    }
    tap_equal(pool_withdraw(POOR, PART), STATUS_SUCCESS, "the pool has all its frames");
    tap_ok(object_destroy(POOR) == STATUS_SUCCESS && object_destroy(PART) == STATUS_SUCCESS &&
               object_destroy(MEMORY) == STATUS_SUCCESS,
           "it goes");
    world_balance(before);
}
