/*
 * Domains that end: of themselves, while others destroy them too, and while ECs are created in
 * them. A domain's pool is another domain's: each time all its frames must be free again.
 */
#include "suites.h"
#include "world.h"

enum {
    POOR = TEST_SELECTORS, /* pays for the domain */
    PART,
    OTHER, /* the domain */
    PAGES, /* memory to be mapped in it */
    GO,    /* semaphores of the creator */
    DONE,
    CREATED, /* and following: ECs */
    COUNT = 24,
    KILLER = 0, /* actors */
    SLEEPER,
    SPINNER,
    ELSEWHERE,
    CREATOR = ACTORS - 2,
};

#define FRAMES 96u
#define LIMIT  WORLD_LIMIT
#define SPACE  0x200000000ull /* in the domain */

static uint32_t cpus;
static volatile bool returned, began;
static volatile uint64_t spins, made;

static void kill_own(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    began = true;
    (void)object_destroy(OTHER);
    returned = true;
}

static void serve_kill(struct handler *self, struct message *m)
{
    kill_own(NULL, NULL);
    (void)self;
    m->length = 0;
}

static void sleep(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    (void)semaphore_down(SEMAPHORE, 0, 0);
    returned = true;
}

static void spin(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        spins = spins + 1;
    }
}

static bool pool_open(void)
{
    return pool_create(POOR, SELECTOR_POOL).status == STATUS_SUCCESS &&
           memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, FRAMES * PAGE, 0).status ==
               STATUS_SUCCESS &&
           memory_create(PAGES, SELECTOR_POOL, WORLD_MEMORY, FRAMES * PAGE, PAGE, 0).status ==
               STATUS_SUCCESS &&
           pool_deposit(POOR, PART) == STATUS_SUCCESS;
}

static void pool_close(void)
{
    tap_equal(pool_free(POOR).value, FRAMES, "the domain's pool has all its frames");
    tap_equal(pool_withdraw(POOR, PART), STATUS_SUCCESS, "they can be withdrawn");
    tap_ok(object_destroy(POOR) == STATUS_SUCCESS && object_destroy(PART) == STATUS_SUCCESS &&
               object_destroy(PAGES) == STATUS_SUCCESS,
           "the pool goes");
}

/* A domain with a capability to itself and to a semaphore, and a number of mappings. */
static bool other_open(uint32_t mappings)
{
    bool open =
        domain_open_from(OTHER, POOR) && domain_give(OTHER, OTHER) && domain_give(OTHER, SEMAPHORE);

    returned = began = false;
    for (uint32_t i = 0; open && i < mappings; i++) {
        struct map map = {.address = SPACE + i * PAGE, .count = 1, .rights = MEM_RIGHT_READ};
        open = memory_map(PAGES, OTHER, &map).status == STATUS_SUCCESS;
    }
    return open;
}

static bool run(unsigned i, uint32_t cpu, uint8_t priority, void (*what)(struct thread *, void *))
{
    struct schedule s = actor_schedule(priority);

    s.cpu = SELECTOR_CPUS + cpu;
    return actor_run_at(i, cpu, OTHER, &s, what, NULL);
}

/* Until the domain has gone; how often it was there still, though it was ending. */
static uint64_t gone(void)
{
    uint64_t end = LIMIT, waits = 0;

    while (capability_lookup(OTHER).status == STATUS_SUCCESS && tsc_read() < end) {
        world_sleep(world.millisecond / 20);
        waits += began;
    }
    /* Its capabilities go first; its frames a moment later. */
    while (pool_free(POOR).value != FRAMES && tsc_read() < end) {
        world_sleep(world.millisecond / 20);
    }
    return waits;
}

/* An actor whose EC has gone with its domain. */
static bool actor_ended(unsigned i)
{
    return object_destroy(actor_time(i)) == STATUS_SUCCESS &&
           capability_lookup(actor_context(i)).status == STATUS_BAD_CAPABILITY;
}

static void check_own(void)
{
    uint64_t before = world_free();

    if (!tap_ok(other_open(0) && run(SLEEPER, 0, PRIORITY_HIGH, sleep) &&
                    run(SPINNER, 0, PRIORITY_LOW, spin) &&
                    run(ELSEWHERE, cpus - 1, PRIORITY_LOW, spin) &&
                    run(KILLER, cpus - 1, PRIORITY_HIGH, kill_own),
                "a domain with four threads")) {
        return;
    }
    (void)gone();
    tap_equal(capability_lookup(OTHER).status, STATUS_BAD_CAPABILITY, "it destroys itself");
    uint64_t at = spins;
    world_sleep(2 * world.millisecond);
    tap_equal(spins, at, "none of its threads runs any more");
    tap_ok(!returned, "nor comes back from a call");
    tap_ok(actor_ended(KILLER) && actor_ended(SLEEPER) && actor_ended(SPINNER) &&
               actor_ended(ELSEWHERE),
           "their ECs have gone");
    tap_equal(pool_free(POOR).value, FRAMES, "the pool has the domain's frames");
    world_balance(before);
}

/* The caller of a handler that destroys its own domain. */
static void check_called(void)
{
    struct message m = world_message();
    uint64_t before = world_free();

    tap_ok(other_open(0) && actor_serve(KILLER, OTHER, serve_kill, NULL), "a handler");
    tap_equal(portal_call(actor_portal(KILLER), &m, 0), STATUS_ABORTED,
              "destroys its domain while it is called");
    (void)gone();
    tap_equal(object_destroy(actor_portal(KILLER)), STATUS_SUCCESS, "its portal goes");
    tap_ok(!returned, "it has not come back");
    world_balance(before);
}

/* A large domain of low priority takes nobody's time. */
static void check_priority(void)
{
    uint64_t before = world_free();

    tap_ok(other_open(500) && run(KILLER, 0, PRIORITY_LOW, kill_own), "a large domain");
    uint64_t waits = gone();
    tap_comment();
    print("%lu times this thread ran meanwhile\n", waits);
    tap_ok(waits > 0, "more urgent threads run while it destroys itself");
    tap_ok(actor_ended(KILLER), "it has gone");
    world_balance(before);
}

/* From without at the same time; the caller may be ended in the middle, or find it gone. */
static void check_both(unsigned rounds)
{
    uint64_t before = world_free(), wrong = 0, own = 0;

    for (unsigned i = 0; i < rounds; i++) {
        wrong += !other_open(20) ||
                 !run(KILLER, cpus - 1, i % 4 ? PRIORITY_HIGH : PRIORITY_LOW, kill_own);
        world_sleep(i % 16 * world.millisecond / 64);
        own += object_destroy(OTHER) != STATUS_SUCCESS;
        (void)gone();
        wrong += capability_lookup(OTHER).status != STATUS_BAD_CAPABILITY;
        wrong += pool_free(POOR).value != FRAMES || !actor_ended(KILLER) || returned;
    }
    tap_comment();
    print("%lu of %u domains were gone before\n", own, rounds);
    tap_equal(wrong, 0, "a domain is destroyed from within and without");
    world_balance(before);
}

/* On the other CPU: creates ECs in the domain as long as there is one. */
static void create(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(GO, 0, 0);
        enum status status = STATUS_SUCCESS;
        for (uint32_t i = 0; status != STATUS_BAD_CAPABILITY; i = (i + 1) % COUNT) {
            (void)object_destroy(CREATED + i);
            began = true;
            status =
                context_create(CREATED + i, SELECTOR_POOL, OTHER, 0, 0, SPACE + i * PAGE, 1).status;
            made = made + (status == STATUS_SUCCESS);
        }
        (void)semaphore_up(DONE);
    }
}

static void check_created(unsigned rounds)
{
    struct schedule s = actor_schedule(FIRST_PRIORITY);
    uint64_t before = world_free(), wrong = 0;

    made = 0;
    (void)semaphore_create(GO, SELECTOR_POOL, 0);
    (void)semaphore_create(DONE, SELECTOR_POOL, 0);
    s.cpu = SELECTOR_CPUS + 1;
    if (!tap_ok(actor_run_at(CREATOR, 1, SELECTOR_PD, &s, create, NULL), "a creator")) {
        return;
    }
    uint64_t free = world_free();
    for (unsigned i = 0; i < rounds; i++) {
        wrong += domain_create(OTHER, POOR).status != STATUS_SUCCESS;
        began = false;
        (void)semaphore_up(GO);
        uint64_t end = LIMIT;
        while (!began && tsc_read() < end) {
        }
        for (end = tsc_read() + i % 32 * world.millisecond / 1024; tsc_read() < end;) {
        }
        wrong += object_destroy(OTHER) != STATUS_SUCCESS;
        wrong += semaphore_down(DONE, 0, LIMIT) != STATUS_SUCCESS;
        for (uint32_t k = 0; k < COUNT; k++) {
            wrong += capability_lookup(CREATED + k).status != STATUS_BAD_CAPABILITY;
        }
        wrong += pool_free(POOR).value != FRAMES || world_free() != free;
    }
    tap_comment();
    print("%lu ECs in %u domains\n", made, rounds);
    tap_equal(wrong, 0, "ECs that are created in a domain that is being destroyed go with it");
    tap_ok(actor_end(CREATOR), "the creator goes");
    tap_ok(object_destroy(GO) == STATUS_SUCCESS && object_destroy(DONE) == STATUS_SUCCESS,
           "its semaphores go");
    world_balance(before);
}

void suite_ends(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    cpus = m->info->cpus.count;
    tap_equal(object_destroy(SELECTOR_PD), STATUS_IN_USE,
              "the first thread cannot destroy the first domain");
    if (!tap_ok(pool_open(), "a pool for domains")) {
        return;
    }
    check_own();
    check_called();
    check_priority();
    bool few = m->exact || cpus > 2; /* what goes interrupts all CPUs */
    check_both(few ? 20 : 50);
    if (cpus > 1) {
        check_created(few ? 30 : 80);
    }
    pool_close();
    world_balance(before);
}
