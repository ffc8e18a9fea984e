/*
 * Objects come and go, more often than there are identifiers of any kind, and leave no trace in
 * their pool. Options: cycles=N, long.
 */
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    MADE = TEST_SELECTORS,
    HOME,       /* EC in this domain, for portals and time */
    TWIN,       /* second capability */
    PART,       /* MEM for a pool */
    BUSY,       /* what a pool pays for */
    THREAD = 0, /* actor */
};

#define UTCB        TEST_ADDRESS
#define CYCLES      70000u
#define CYCLES_FEW  5000u
#define CYCLES_MANY 500u /* on many CPUs, all of which an object that goes interrupts */
#define CPUS_MANY   5u
#define CYCLES_LONG 1000000u
#define WHOLES      10u /* so many times fewer are the cycles of several objects at once */
#define PART_PAGES  16u
#define SOON        WORLD_LIMIT

static const struct sample {
    const char *name;
    enum object_type type;
    uint64_t a, b, c, d;
} samples[] = {
    {"PD", OBJECT_PD, 0, 0, 0, 0},
    {"POOL", OBJECT_POOL, 0, 0, 0, 0},
    {"MEM", OBJECT_MEM, WORLD_MEMORY, 0x100000, PAGE, 0},
    {"EC", OBJECT_EC, SELECTOR_PD, 0x400000, 0, UTCB},
    {"SC", OBJECT_SC, HOME | (uint64_t)SELECTOR_CPUS << 32, 1 | 1 << 8, 1000, 1000},
    {"PT", OBJECT_PT, HOME, 7, 0, 0},
    {"SM", OBJECT_SM, 1, 0, 0, 0},
    {"CPU", OBJECT_CPU, SELECTOR_CPUS, 1, 100, 0},
    {"PORTS", OBJECT_PORTS, SELECTOR_PORTS, 0x80, 1, 0},
    {"IRQ", OBJECT_IRQ, SELECTOR_IRQ, 5, 1, 0},
    {"PCI", OBJECT_PCI, SELECTOR_PCI, 8, 1, 0},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* What makes a new object take part in something, so that its end has to undo it. */
static bool use(const struct sample *s)
{
    struct map map = {.address = TEST_ADDRESS, .count = 1, .rights = MEM_RIGHT_READ};

    switch (s->type) {
    case OBJECT_PD:
        return capability_delegate(MADE, 77, SEMAPHORE, RIGHTS_ALL).status == STATUS_SUCCESS;
    case OBJECT_MEM:
        return memory_map(MADE, SELECTOR_PD, &map).status == STATUS_SUCCESS;
    case OBJECT_SM:
        return semaphore_down(MADE, DOWN_TRY, 0) == STATUS_SUCCESS;
    case OBJECT_EC:
        return context_supervise(MADE, SEMAPHORE) == STATUS_SUCCESS;
    case OBJECT_PORTS:
        return ports_open(MADE, SELECTOR_PD, 0, 1) == STATUS_SUCCESS;
    case OBJECT_IRQ:
        return irq_bind(MADE, 0, SEMAPHORE, 0) == STATUS_SUCCESS;
    case OBJECT_PCI:
        return range_control(MADE, PCI_BIND, 0, SEMAPHORE, 0).status == STATUS_SUCCESS;
    default:
        return true;
    }
}

static bool cycle(const struct sample *s, bool twin)
{
    bool done = object_create(s->type, MADE, SELECTOR_POOL, s->a, s->b, s->c, s->d).status ==
                    STATUS_SUCCESS &&
                use(s);

    if (twin) {
        done = done &&
               capability_delegate(SELECTOR_PD, TWIN, MADE, RIGHTS_ALL).status == STATUS_SUCCESS;
    }
    return done && object_destroy(MADE) == STATUS_SUCCESS &&
           (!twin || capability_lookup(TWIN).status == STATUS_BAD_CAPABILITY);
}

/* Each tenth cycle has a second capability, which goes with the object. */
static uint64_t run(const struct sample *s, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (!cycle(s, i % 10 == 0)) {
            tap_comment();
            print("%s: cycle %lu failed\n", s->name, i);
            return i;
        }
    }
    return count;
}

/* --- several objects that belong together ------------------------------------------------------*/

static void run_once(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    (void)semaphore_up(SEMAPHORE);
}

/* A thread of a domain runs, so that the domain has an identity on the CPU and a tag in its TLB. */
static bool thread_runs(uint32_t domain)
{
    struct schedule high = actor_schedule(PRIORITY_HIGH);

    return actor_run(THREAD, domain, &high, run_once, NULL) &&
           semaphore_down(SEMAPHORE, 0, SOON) == STATUS_SUCCESS;
}

static bool cycle_thread(void)
{
    return thread_runs(SELECTOR_PD) && actor_end(THREAD);
}

/* The domain goes with its thread, or the other way round. */
static bool cycle_domain(void)
{
    static bool first;
    bool done =
        domain_open_from(MADE, SELECTOR_POOL) &&
        capability_delegate(MADE, SEMAPHORE, SEMAPHORE, RIGHTS_ALL).status == STATUS_SUCCESS &&
        thread_runs(MADE);

    first = !first;
    if (done && first) {
        done = actor_end(THREAD);
    }
    done = done && object_destroy(MADE) == STATUS_SUCCESS;
    if (done && !first) {
        done = object_destroy(actor_time(THREAD)) == STATUS_SUCCESS &&
               capability_lookup(actor_context(THREAD)).status == STATUS_BAD_CAPABILITY;
    }
    return done;
}

/* A pool goes with what it paid for: a domain with a thread, a pool in it, a mapping. */
static bool cycle_pool(void)
{
    bool done =
        pool_create(MADE, SELECTOR_POOL).status == STATUS_SUCCESS &&
        pool_deposit(MADE, PART) == STATUS_SUCCESS && domain_open_from(BUSY, MADE) &&
        capability_delegate(BUSY, SEMAPHORE, SEMAPHORE, RIGHTS_ALL).status == STATUS_SUCCESS &&
        thread_runs(BUSY) && pool_create(TWIN, MADE).status == STATUS_SUCCESS &&
        object_destroy(MADE) == STATUS_SUCCESS &&
        capability_lookup(BUSY).status == STATUS_BAD_CAPABILITY &&
        capability_lookup(TWIN).status == STATUS_BAD_CAPABILITY;

    return done && object_destroy(actor_time(THREAD)) == STATUS_SUCCESS;
}

/* Frames go into a pool and out of it. */
static bool cycle_deposit(void)
{
    return pool_create(MADE, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_deposit(MADE, PART) == STATUS_SUCCESS &&
           pool_withdraw(MADE, PART) == STATUS_SUCCESS && object_destroy(MADE) == STATUS_SUCCESS;
}

static const struct whole {
    const char *name;
    bool (*cycle)(void);
} wholes[] = {
    {"a thread that runs", cycle_thread},
    {"a domain with a thread", cycle_domain},
    {"a pool in use", cycle_pool},
    {"a deposit", cycle_deposit},
};

static void check_wholes(uint64_t count)
{
    (void)memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, PART_PAGES * PAGE, 0);
    for (unsigned i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
        uint64_t done = 0, free = world_free(), start = tsc_read();
        while (done < count && wholes[i].cycle()) {
            done++;
        }
        tap_equal(done, count, wholes[i].name);
        tap_equal(world_free(), free, "each frame is free again");
        tap_comment();
        print("%s: %lu cycles in %lu ms\n", wholes[i].name, count,
              (tsc_read() - start) / world.millisecond);
    }
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "the memory goes");
}

static uint64_t cycles(const struct machine *m)
{
    uint32_t cpus = m->info->cpus.count;
    uint64_t number = cpus > 1 || m->exact ? CYCLES_FEW : CYCLES;
    struct word word;

    if (cpus >= CPUS_MANY) {
        number = CYCLES_MANY;
    }
    if (option_find(m->command_line, "long", &word)) {
        number = CYCLES_LONG;
    }
    (void)option_number(m->command_line, "cycles", &number);
    return number;
}

void suite_cycles(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free(), count = cycles(m);

    tap_equal(context_create(HOME, SELECTOR_POOL, SELECTOR_PD, 0, 0, UTCB + PAGE, 0).status,
              STATUS_SUCCESS, "an EC to make portals and time for");
    uint64_t free = world_free();
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = tsc_read();
        tap_equal(run(&samples[i], count), count, samples[i].name);
        tap_equal(world_free(), free, "each frame is free again");
        tap_comment();
        print("%s: %lu cycles in %lu ms\n", samples[i].name, count,
              (tsc_read() - start) / world.millisecond);
    }
    tap_equal(object_destroy(HOME), STATUS_SUCCESS, "the EC goes");
    check_wholes(count / WHOLES);
    world_balance(before);
}
