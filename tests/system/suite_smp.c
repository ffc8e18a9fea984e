/*
 * Two CPUs at once: waking each other, taking away what the other one uses, and both doing the same
 * thing to the same object.
 */
#include "agent.h"
#include "options.h"
#include "suites.h"
#include "world.h"

enum {
    OBJECT = TEST_SELECTORS,
    GRANT,
    MEMORY,
    THERE = TEST_SELECTORS + 256, /* of the agent */
    PING = SEMAPHORE,
    PONG,
    VICTIM = 0, /* actors */
    PAGER,
};

/* Each object that goes interrupts all other CPUs: an emulator with many takes long for that. */
#define ROUNDS      2000u
#define ROUNDS_MANY 250u
#define SLOW_ROUNDS (rounds_wanted < 300 ? 60 : 300) /* of those that interrupt all the time */
#define MEANWHILE   20u /* times that the other CPU must have come in between */
#define CPUS_MANY   3u
#define LONG_TIMES  5u /* as many with the option `long` */
#define HERE        TEST_ADDRESS
#define LIMIT       AGENT_LIMIT

static uint64_t rounds_wanted;

static void tell_id(void)
{
    agent_says = cpuid(1, 0).ebx >> 24;
}

static void pong(void)
{
    for (unsigned i = 0; i < rounds_wanted; i++) {
        agent_says = agent_says + (semaphore_down(PING, 0, LIMIT) != STATUS_SUCCESS);
        agent_says = agent_says + (semaphore_up(PONG) != STATUS_SUCCESS);
    }
}

static void check_ping(void)
{
    uint64_t wrong = 0;

    agent_begin(pong);
    for (unsigned i = 0; i < rounds_wanted; i++) {
        wrong += semaphore_up(PING) != STATUS_SUCCESS;
        wrong += semaphore_down(PONG, 0, LIMIT) != STATUS_SUCCESS;
    }
    agent_end();
    tap_equal(wrong + agent_says, 0, "they wake each other, many times");
    tap_equal(semaphore_down(PING, DOWN_TRY, 0), STATUS_WOULD_BLOCK, "nothing is left over");
}

/* Ups as long as the other CPU takes; waits a little, so that some come after its deadline. */
static void up_slowly(void)
{
    uint64_t pause = 1;

    while (!agent_stop) {
        uint64_t end = tsc_read() + pause;
        pause = (pause * 5 + 1) % (world.millisecond / 8);
        while (tsc_read() < end) {
        }
        agent_says = agent_says + 1;
        (void)semaphore_up(PING);
    }
}

/* Each up either ends a down or is counted, whatever deadlines pass meanwhile. */
static void check_races(void)
{
    uint64_t taken = 0, late = 0, other = 0, pause = 1;

    agent_begin(up_slowly);
    for (unsigned i = 0; i < rounds_wanted; i++) {
        pause = (pause * 7 + 3) % (world.millisecond / 8);
        enum status status = semaphore_down(PING, 0, tsc_read() + pause);
        taken += status == STATUS_SUCCESS;
        late += status == STATUS_TIMEOUT;
        other += status != STATUS_SUCCESS && status != STATUS_TIMEOUT;
    }
    agent_end();
    while (semaphore_down(PING, DOWN_TRY, 0) == STATUS_SUCCESS) {
        taken++;
    }
    tap_comment();
    print("%lu ups, %lu timeouts\n", agent_says, late);
    tap_equal(other, 0, "downs with deadlines end with success or a timeout");
    tap_equal(taken, agent_says, "no up is lost or counted twice");
}

static void wait_for_end(void)
{
    agent_says = semaphore_down(OBJECT, 0, LIMIT);
}

static void check_abort(void)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < rounds_wanted / 40 + 1; i++) {
        (void)semaphore_create(OBJECT, SELECTOR_POOL, 0);
        agent_begin(wait_for_end);
        world_sleep(i % 10 * world.millisecond / 20);
        wrong += object_destroy(OBJECT) != STATUS_SUCCESS;
        wrong += !agent_wait();
        wrong += agent_says != STATUS_ABORTED && agent_says != STATUS_BAD_CAPABILITY;
    }
    tap_equal(wrong, 0, "a semaphore is destroyed while the other CPU waits, or is about to");
}

/* Both destroy the same object in the same moment. */
static volatile uint64_t round_here, round_there;

static uint64_t destroy_together(volatile uint64_t *mine, volatile uint64_t *other, uint64_t n)
{
    agent_meet(mine, other, n);
    return object_destroy(OBJECT) == STATUS_SUCCESS;
}

static void destroy_there(void)
{
    uint64_t end = LIMIT;

    for (uint64_t n = 1; n <= rounds_wanted && !agent_stop && tsc_read() < end; n++) {
        while (round_here < n && !agent_stop && tsc_read() < end) {
        }
        agent_says = agent_says + destroy_together(&round_there, &round_here, n);
    }
}

static void check_double(void)
{
    uint64_t before = world_free(), done = 0, end = LIMIT, rounds = 0;

    round_here = round_there = 0;
    agent_begin(destroy_there);
    while (rounds < rounds_wanted && tsc_read() < end) {
        rounds++;
        (void)semaphore_create(OBJECT, SELECTOR_POOL, 0);
        done += destroy_together(&round_here, &round_there, rounds);
    }
    agent_end();
    (void)object_destroy(OBJECT);
    tap_equal(done + agent_says, rounds, "what both destroy at once, one of them has destroyed");
    world_balance(before);
}

/* Creates and destroys at the same time, from the same pool. */
static uint64_t cycle(uint32_t selector)
{
    uint64_t wrong = 0;

    for (unsigned i = 0; i < SLOW_ROUNDS; i++) {
        wrong += domain_create(selector, SELECTOR_POOL).status != STATUS_SUCCESS;
        wrong += semaphore_create(selector + 1, SELECTOR_POOL, 0).status != STATUS_SUCCESS;
        wrong += capability_delegate(selector, 77, selector + 1, 1).status != STATUS_SUCCESS;
        wrong += object_destroy(selector + (i & 1)) != STATUS_SUCCESS;
        wrong += object_destroy(selector + !(i & 1)) != STATUS_SUCCESS;
    }
    return wrong;
}

static void cycle_there(void)
{
    agent_says = cycle(THERE);
}

static void check_cycles(void)
{
    uint64_t before = world_free();

    agent_begin(cycle_there);
    uint64_t wrong = cycle(OBJECT);
    agent_end();
    tap_equal(wrong + agent_says, 0, "both create and destroy out of one pool");
    world_balance(before);
}

/* Hands a grant on and on, while the other CPU takes it back. */
static void derive_there(void)
{
    for (uint32_t i = 0; !agent_stop; i++) {
        uint32_t from = i % 8 ? THERE + i % 8 - 1 : GRANT;
        agent_says = agent_says +
                     (capability_delegate(SELECTOR_PD, THERE + i % 8, from, RIGHTS_ALL).status ==
                      STATUS_SUCCESS);
    }
}

static void check_revocation(void)
{
    uint64_t wrong = 0, before = world_free(), end = LIMIT;

    (void)semaphore_create(OBJECT, SELECTOR_POOL, 0);
    agent_begin(derive_there);
    for (unsigned i = 0; i < rounds_wanted || (agent_says < MEANWHILE && tsc_read() < end); i++) {
        wrong +=
            capability_delegate(SELECTOR_PD, GRANT, OBJECT, RIGHTS_ALL).status != STATUS_SUCCESS;
        uint64_t said = agent_says, pause = tsc_read() + world.millisecond / 20;
        while (agent_says == said && tsc_read() < pause) {
        }
        wrong += capability_revoke(GRANT, REVOKE_SELF) != STATUS_SUCCESS;
        wrong += capability_lookup(GRANT).status != STATUS_BAD_CAPABILITY;
        for (uint32_t k = 0; k < 8; k++) {
            wrong += capability_lookup(THERE + k).status != STATUS_BAD_CAPABILITY;
        }
    }
    agent_end();
    tap_comment();
    print("%lu delegations meanwhile\n", agent_says);
    tap_ok(agent_says >= MEANWHILE, "the other CPU hands grants on meanwhile");
    tap_equal(wrong, 0, "nothing derived is left when a revocation returns");
    tap_equal(object_destroy(OBJECT), STATUS_SUCCESS, "the object goes");
    world_balance(before);
}

/* A thread on the other CPU reads a page, all the time; its faults end the reading. */
static volatile uint64_t last, reads, stale;
static volatile bool forbidden;

static void read_all_the_time(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        bool taken = forbidden;
        last = *(volatile uint64_t *)HERE;
        reads = reads + 1;
        if (taken && forbidden) {
            stale = stale + 1; /* read between two moments at which it was gone */
        }
    }
}

/* On the other CPU: waits until the page is there again. */
static void wait_for_page(struct handler *self, struct message *m)
{
    (void)self;
    while (forbidden) {
        (void)semaphore_down(AGENT_SLEEP, 0, tsc_read() + world.millisecond / 50);
    }
    m->length = 0;
}

static void reader_open(void)
{
    struct schedule s = actor_schedule(PRIORITY_LOW);

    s.cpu = SELECTOR_CPUS + 1;
    agent_says =
        actor_serve_at(PAGER, 1, SELECTOR_PD, wait_for_page, NULL) &&
        capability_delegate(SELECTOR_PD, EVENTS + 14, actor_portal(PAGER), PT_RIGHT_CALL).status ==
            STATUS_SUCCESS &&
        actor_run_at(VICTIM, 1, SELECTOR_PD, &s, read_all_the_time, NULL) &&
        context_set_events(actor_context(VICTIM), EVENTS) == STATUS_SUCCESS;
}

static void reader_close(void)
{
    agent_says = actor_end(VICTIM);
    (void)capability_revoke(EVENTS + 14, REVOKE_SELF);
    agent_says = actor_end(PAGER) && agent_says;
}

/* Once revoke or unmap has returned, the other CPU reads the page no more. */
static void check_shoot(void)
{
    struct map map = {HERE, 0, 1, 0, MEM_RIGHT_READ};
    uint64_t wrong = 0, before = world_free(), first;

    wrong +=
        memory_create(MEMORY, SELECTOR_POOL, WORLD_MEMORY, 0, PAGE, 0).status != STATUS_SUCCESS;
    wrong += memory_map(MEMORY, SELECTOR_PD, &map).status != STATUS_SUCCESS;
    forbidden = false;
    reads = stale = 0;
    if (!agent_do(reader_open) || !tap_ok(agent_says && !wrong, "a reader on the other CPU")) {
        return;
    }
    for (unsigned i = 0; i < SLOW_ROUNDS; i++) {
        first = reads;
        uint64_t end = LIMIT;
        while (reads - first < 10 && tsc_read() < end) {
        }
        wrong += reads - first < 10;
        wrong += (i & 1 ? memory_unmap(SELECTOR_PD, HERE) : capability_revoke(MEMORY, 0)) !=
                 STATUS_SUCCESS;
        forbidden = true;
        end = tsc_read() + world.millisecond / 20;
        while (tsc_read() < end) {
        }
        forbidden = false;
        wrong += memory_map(MEMORY, SELECTOR_PD, &map).status != STATUS_SUCCESS;
    }
    tap_equal(wrong, 0, "memory is taken away again and again while the other CPU reads it");
    tap_equal(stale, 0, "and never read there afterwards");
    agent_do(reader_close);
    tap_ok(agent_says, "the reader goes");
    tap_equal(object_destroy(MEMORY), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}

void suite_smp(const struct machine *m)
{
    if (m->info->cpus.count < 2) {
        tap_skip("two CPUs at once", "the machine has one");
        return;
    }
    if (!world_open(m) || !agent_open()) {
        return;
    }
    uint64_t before = world_free();
    rounds_wanted = m->info->cpus.count < CPUS_MANY ? ROUNDS : ROUNDS_MANY;
    struct word word;
    if (option_find(m->command_line, "long", &word)) {
        rounds_wanted *= LONG_TIMES;
    }
    if (!agent_do(tell_id)) {
        return;
    }
    tap_equal(agent_says, machine_cpu(m, 1)->apic_id & 0xff, "it runs on the second CPU");
    check_ping();
    check_races();
    check_abort();
    check_cycles();
    check_revocation();
    check_shoot();
    check_double();
    world_balance(before);
}
