/* Two CPUs destroy each other's domains and pools, with the threads that run there meanwhile. */
#include "agent.h"
#include "suites.h"
#include "world.h"

enum {
    PART = TEST_SELECTORS, /* MEM for the pools; and one behind it */
    POOL = PART + 2,       /* the first CPU's, and the second one's */
    DOMAIN = POOL + 2,
    THREAD = 0, /* actors: the first CPU's, and the second one's */
};

#define ROUNDS      60u
#define ROUNDS_MANY 30u
#define CPUS_MANY   3u
#define PART_PAGES  16u

static volatile uint64_t at[2]; /* which round each CPU is in, twice counted */
static volatile uint64_t wrong[2];
static volatile uint64_t turns;
static uint64_t rounds;
static bool pools; /* the domains are paid for by pools that go with them */

static void run_for_ever(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        turns = turns + 1;
    }
}

/* A domain of a CPU with a thread that runs there. */
static bool side_open(uint32_t cpu)
{
    struct schedule low = actor_schedule(PRIORITY_LOW);
    bool done = true;

    low.cpu = SELECTOR_CPUS + cpu;
    if (pools) {
        done = pool_create(POOL + cpu, SELECTOR_POOL).status == STATUS_SUCCESS &&
               pool_deposit(POOL + cpu, PART + cpu) == STATUS_SUCCESS;
    }
    return done && domain_open_from(DOMAIN + cpu, pools ? POOL + cpu : SELECTOR_POOL) &&
           actor_run_at(THREAD + cpu, cpu, DOMAIN + cpu, &low, run_for_ever, NULL);
}

/* Both make one, lend it to its thread for a moment, and then each destroys the other's. */
static void side_run(uint32_t cpu)
{
    volatile uint64_t *mine = &at[cpu];
    uint32_t other = 1 - cpu;

    for (uint64_t n = 0; n < rounds && !wrong[cpu]; n++) {
        wrong[cpu] = wrong[cpu] + !side_open(cpu);
        if (n % 4 == 0) {
            (void)semaphore_down(cpu ? AGENT_SLEEP : SEMAPHORE, 0,
                                 tsc_read() + world.millisecond / 50);
        }
        agent_meet(mine, &at[other], 2 * n + 1);
        enum status status = object_destroy((pools ? POOL : DOMAIN) + other);
        wrong[cpu] = wrong[cpu] + (status != STATUS_SUCCESS);
        agent_meet(mine, &at[other], 2 * n + 2);
        wrong[cpu] = wrong[cpu] +
                     (capability_lookup(actor_context(THREAD + cpu)).status == STATUS_SUCCESS) +
                     (object_destroy(actor_time(THREAD + cpu)) != STATUS_SUCCESS);
    }
    agent_meet(mine, &at[other], UINT64_MAX); /* also if something was wrong */
}

static void side_there(void)
{
    side_run(1);
}

static void check(bool with_pools, const char *what)
{
    uint64_t before = world_free();

    pools = with_pools;
    at[0] = at[1] = wrong[0] = wrong[1] = 0;
    agent_begin(side_there);
    side_run(0);
    (void)agent_end();
    tap_equal(wrong[0] + wrong[1], 0, what);
    world_balance(before);
}

void suite_crossing(const struct machine *m)
{
    if (m->info->cpus.count < 2) {
        tap_skip("two CPUs at once", "the machine has one");
        return;
    }
    if (!world_open(m) || !agent_open()) {
        return;
    }
    uint64_t before = world_free();
    rounds = m->info->cpus.count < CPUS_MANY && !m->exact ? ROUNDS : ROUNDS_MANY;
    for (uint32_t i = 0; i < 2; i++) {
        (void)memory_create(PART + i, SELECTOR_POOL, WORLD_MEMORY, (uint64_t)i * PART_PAGES * PAGE,
                            PART_PAGES * PAGE, 0);
    }
    if (domain_open(DOMAIN)) { /* so that this program is found */
        domain_close(DOMAIN);
        check(false, "two CPUs destroy each other's domains");
        check(true, "and pools in use");
    }
    tap_equal(object_destroy(PART) | object_destroy(PART + 1), STATUS_SUCCESS, "the memory goes");
    world_balance(before);
}
