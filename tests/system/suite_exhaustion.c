/*
 * What a call says when frames are missing: exactly as many as make it succeed, and nothing has
 * changed. The calls are made in a domain that has one pool for everything: its table, its objects
 * and its mappings. The selectors to be filled are each the first ones of a new frame of slots.
 */
#include "suites.h"
#include "world.h"

enum {
    POOR = TEST_SELECTORS, /* the pool, */
    PART,                  /* the MEM of its frames, */
    OTHER,                 /* and the domain */
    HOME,                  /* EC in this domain, for portals and time */
    FILLERS,               /* and following: objects of one frame each */
    WORKER = 0,            /* actor */
};

#define FRAMES      48u
#define MOST        16u  /* frames that a call needs, and more */
#define SLOTS       128u /* in a frame */
#define FIRST_FRESH 8192u

static const struct sample {
    const char *name;
    enum object_type type;
    uint64_t a, b, c, d;
} samples[] = {
    {"PD", OBJECT_PD, 0, 0, 0, 0},
    {"POOL", OBJECT_POOL, 0, 0, 0, 0},
    {"MEM", OBJECT_MEM, WORLD_MEMORY, 0x100000, PAGE, 0},
    {"EC", OBJECT_EC, OTHER, 0x400000, 0, TEST_ADDRESS},
    {"SC", OBJECT_SC, HOME | (uint64_t)SELECTOR_CPUS << 32, 1 | 1 << 8, 1000, 1000},
    {"PT", OBJECT_PT, HOME, 7, 0, 0},
    {"SM", OBJECT_SM, 1, 0, 0, 0},
    {"CPU", OBJECT_CPU, SELECTOR_CPUS, 1, 100, 0},
    {"PORTS", OBJECT_PORTS, SELECTOR_PORTS, 0x80, 1, 0},
    {"IRQ", OBJECT_IRQ, SELECTOR_IRQ, 5, 1, 0},
    {"PCI", OBJECT_PCI, SELECTOR_PCI, 8, 1, 0},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static volatile struct {
    const struct sample *sample; /* NULL: destroy */
    uint32_t selector;
    enum status status;
    uint64_t value;
} job;

static void work(struct handler *self, struct message *m)
{
    const struct sample *s = job.sample;

    (void)self;
    m->length = 0;
    if (!s) {
        job.status = object_destroy(job.selector);
        return;
    }
    struct answer a = object_create(s->type, job.selector, POOR, s->a, s->b, s->c, s->d);
    job.status = a.status;
    job.value = a.value;
}

static enum status work_do(const struct sample *s, uint32_t selector)
{
    struct message m = world_message();

    job.sample = s;
    job.selector = selector;
    return portal_call(actor_portal(WORKER), &m, 0) == STATUS_SUCCESS ? job.status : STATUS_ABORTED;
}

static bool world_poor(void)
{
    static const uint32_t given[] = {POOR,           HOME,         WORLD_MEMORY, SELECTOR_CPUS,
                                     SELECTOR_PORTS, SELECTOR_IRQ, SELECTOR_PCI, OTHER};
    bool open = pool_create(POOR, SELECTOR_POOL).status == STATUS_SUCCESS &&
                memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, FRAMES * PAGE, 0).status ==
                    STATUS_SUCCESS &&
                pool_deposit(POOR, PART) == STATUS_SUCCESS && domain_open_from(OTHER, POOR) &&
                context_create(HOME, SELECTOR_POOL, SELECTOR_PD, 0, 0, TEST_ADDRESS, 0).status ==
                    STATUS_SUCCESS;

    for (unsigned i = 0; open && i < sizeof(given) / sizeof(given[0]); i++) {
        open = domain_give(OTHER, given[i]);
    }
    return open && actor_serve(WORKER, OTHER, work, NULL);
}

/* Takes all free frames; how many. */
static uint32_t fill(uint32_t fillers)
{
    while (pool_create(FILLERS + fillers, POOR).status == STATUS_SUCCESS) {
        fillers++;
    }
    return fillers;
}

/* With one frame after the other until there are enough. Returns how many fillers are left. */
static uint32_t check(const struct sample *s, uint32_t selector, uint32_t fillers)
{
    uint64_t told[MOST] = {0}, need = 0, wrong = 0;

    while (need < MOST && work_do(s, selector) == STATUS_NEEDS_FRAMES) {
        wrong += pool_free(POOR).value != need;
        told[need++] = job.value;
        wrong += object_destroy(FILLERS + --fillers) != STATUS_SUCCESS;
    }
    tap_comment();
    print("%s needs %lu frames\n", s->name, need);
    for (uint64_t had = 0; had < need; had++) {
        wrong += told[had] != need - had;
    }
    tap_equal(job.status, STATUS_SUCCESS, "created with enough frames");
    tap_equal(wrong, 0, "with fewer it said exactly how many more, and took none");
    tap_equal(pool_free(POOR).value, 0, "and with enough of them took all");
    tap_equal(work_do(NULL, selector), STATUS_SUCCESS, "it goes");
    return fillers;
}

void suite_exhaustion(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!tap_ok(world_poor(), "a domain that lives on one pool")) {
        return;
    }
    uint32_t fillers = fill(0), used = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        used = check(&samples[i], FIRST_FRESH + i * SLOTS, fillers);
        fillers = fill(used);
    }
    tap_ok(actor_end(WORKER), "the worker goes");
    tap_equal(object_destroy(HOME), STATUS_SUCCESS, "the EC goes");
    tap_equal(object_destroy(POOR), STATUS_SUCCESS, "the pool goes with all the rest");
    tap_equal(object_destroy(PART), STATUS_SUCCESS, "its frames go back");
    world_balance(before);
}
