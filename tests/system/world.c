/* Setting up what world.h promises. Everything is paid for by SELECTOR_POOL. */
#include "world.h"

#include "boot_info.h"

#define STACK 4096u

struct world world;
struct actor actors[ACTORS];

static uint8_t stacks[ACTORS][STACK] __attribute__((aligned(16)));

static uint32_t range_largest(const struct machine *m)
{
    const struct boot_memory *range;
    uint64_t size = 0;
    uint32_t best = 0;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (range->type == MEMORY_FREE && range->size > size) {
            size = range->size;
            best = i;
        }
    }
    return best;
}

/* 6 MiB of free memory: 1 MiB of it for the pool, 4 MiB for the suites. */
static bool memory_open(const struct machine *m)
{
    const uint64_t large = 2ull << 20;
    uint32_t index = range_largest(m);
    const struct boot_memory *range = machine_memory(m, index);
    uint64_t base = (range->base + large - 1) & ~(large - 1);
    struct answer a = memory_create(WORLD_RANGE, SELECTOR_POOL, SELECTOR_MEMORY + index,
                                    base - range->base, 3 * large, 0);

    if (a.status == STATUS_SUCCESS) {
        a = memory_create(WORLD_DEPOSIT, SELECTOR_POOL, WORLD_RANGE, 0, large / 2, 0);
    }
    if (a.status == STATUS_SUCCESS) {
        a = memory_create(WORLD_MEMORY, SELECTOR_POOL, WORLD_RANGE, large, WORLD_BYTES, 0);
    }
    world.boot_memory = SELECTOR_MEMORY + index;
    return tap_equal(a.status, STATUS_SUCCESS, "memory for the suites") &&
           tap_equal(pool_deposit(SELECTOR_POOL, WORLD_DEPOSIT), STATUS_SUCCESS,
                     "1 MiB for the pool");
}

/* Frames of slots stay where they are once they are there: have them all now. */
static bool selectors_open_all(void)
{
    bool done = true;

    for (uint32_t s = 128; s < TEST_SELECTORS + TEST_COUNT; s += 64) {
        struct answer a = semaphore_create(s, SELECTOR_POOL, 0);
        done = done && a.status == STATUS_SUCCESS && object_destroy(s) == STATUS_SUCCESS;
    }
    for (uint32_t s = 0; s < SEMAPHORES; s++) {
        done = done && semaphore_create(SEMAPHORE + s, SELECTOR_POOL, 0).status == STATUS_SUCCESS;
    }
    return tap_ok(done, "semaphores and selectors for the suites");
}

bool world_open(const struct machine *m)
{
    if (!world.machine) {
        if (!memory_open(m) || !selectors_open_all()) {
            return false;
        }
        world.machine = m;
        world.millisecond = m->info->tsc_hz / 1000;
    }
    for (uint32_t s = 0; s < SEMAPHORES; s++) {
        (void)semaphore_down(SEMAPHORE + s, DOWN_TRY | DOWN_ZERO, 0);
    }
    return true;
}

uint64_t world_free(void)
{
    return pool_free(SELECTOR_POOL).value;
}

void world_balance(uint64_t before)
{
    tap_equal(world_free(), before, "the pool has all its frames again");
}

void world_sleep(uint64_t ticks)
{
    world_sleep_until(tsc_read() + ticks);
}

void world_sleep_until(uint64_t deadline)
{
    (void)semaphore_down(SEMAPHORE + SEMAPHORES - 1, 0, deadline);
}

struct message world_message(void)
{
    return message_make((struct utcb *)FIRST_UTCB_ADDRESS);
}

struct schedule actor_schedule(uint8_t priority)
{
    return (struct schedule){.cpu = SELECTOR_CPUS,
                             .priority = priority,
                             .budget = 1000 * world.millisecond,
                             .period = 1000 * world.millisecond};
}

static struct place actor_place(unsigned i, uint32_t cpu, uint32_t domain)
{
    return (struct place){.pool = SELECTOR_POOL,
                          .domain = domain,
                          .cpu = cpu,
                          .stack_end = stacks[i] + STACK,
                          .utcb = actor_utcb(i)};
}

/* Success; anything else is a comment. */
static bool done(struct answer a, const char *what, unsigned actor)
{
    if (a.status != STATUS_SUCCESS) {
        tap_comment();
        print("actor %u, %s: status %u, value %lu\n", actor, what, (unsigned)a.status, a.value);
    }
    return a.status == STATUS_SUCCESS;
}

bool actor_run_at(unsigned i, uint32_t cpu, uint32_t domain, const struct schedule *schedule,
                  void (*run)(struct thread *self, void *argument), void *argument)
{
    struct place place = actor_place(i, cpu, domain);
    struct actor *actor = &actors[i];

    actor->thread = (struct thread){
        .context = actor_context(i), .time = actor_time(i), .run = run, .argument = argument};
    actor->serves = false;
    return done(thread_start(&actor->thread, &place, schedule), "thread", i);
}

bool actor_run(unsigned i, uint32_t domain, const struct schedule *schedule,
               void (*run)(struct thread *self, void *argument), void *argument)
{
    return actor_run_at(i, 0, domain, schedule, run, argument);
}

bool actor_serve_at(unsigned i, uint32_t cpu, uint32_t domain,
                    void (*handle)(struct handler *self, struct message *message), void *argument)
{
    struct place place = actor_place(i, cpu, domain);
    struct actor *actor = &actors[i];

    actor->handler =
        (struct handler){.context = actor_context(i), .handle = handle, .argument = argument};
    actor->serves = true;
    return done(handler_start(&actor->handler, &place), "handler", i) &&
           done(portal_create(actor_portal(i), SELECTOR_POOL, actor_context(i), actor_id(i)),
                "portal", i);
}

bool actor_serve(unsigned i, uint32_t domain,
                 void (*handle)(struct handler *self, struct message *message), void *argument)
{
    return actor_serve_at(i, 0, domain, handle, argument);
}

bool actor_end(unsigned i)
{
    enum status status =
        actors[i].serves ? object_destroy(actor_portal(i)) : object_destroy(actor_time(i));

    if (status != STATUS_SUCCESS) {
        tap_comment();
        print("actor %u: end of %s: status %u\n", i, actors[i].serves ? "portal" : "time",
              (unsigned)status);
    }
    enum status context = object_destroy(actor_context(i));
    if (context != STATUS_SUCCESS) {
        tap_comment();
        print("actor %u: end of context: status %u\n", i, (unsigned)context);
    }
    return status == STATUS_SUCCESS && context == STATUS_SUCCESS;
}

bool domain_give(uint32_t domain, uint32_t selector)
{
    return capability_delegate(domain, selector, selector, RIGHTS_ALL).status == STATUS_SUCCESS;
}
