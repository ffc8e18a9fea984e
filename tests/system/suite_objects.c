/* CREATE, DESTROY and LOOKUP: each type, each error, and where every frame goes. */
#include "ranges.h"
#include "suites.h"
#include "world.h"

enum {
    MADE = TEST_SELECTORS, /* the object of the test */
    WEAK,                  /* a capability with fewer rights */
    HOME,                  /* EC in this domain, for portals and time */
    POOR,                  /* pool of a few frames */
    PART,                  /* MEM of those frames */
    CHILD,
};

#define SPACE_END 0x00007ffffffff000ull
#define UTCB      (TEST_ADDRESS)

struct sample {
    enum object_type type;
    const char *name;
    uint64_t a, b, c, d;
    uint64_t frames; /* that it takes out of an empty pool */
};

/* Arguments with which each type can be made. */
static const struct sample samples[] = {
    {OBJECT_PD, "PD", 0, 0, 0, 0, 3},
    {OBJECT_POOL, "POOL", 0, 0, 0, 0, 1},
    {OBJECT_MEM, "MEM", WORLD_MEMORY, 0x100000, PAGE, 0, 1},
    {OBJECT_EC, "EC", SELECTOR_PD, 0x400000, 0, UTCB, 2},
    {OBJECT_SC, "SC", HOME | (uint64_t)SELECTOR_CPUS << 32, 1, 1000, 1000, 1},
    {OBJECT_PT, "PT", HOME, 7, 0, 0, 1},
    {OBJECT_SM, "SM", 0, 0, 0, 0, 1},
    {OBJECT_CPU, "CPU", SELECTOR_CPUS, 1, 100, 0, 1},
    {OBJECT_PORTS, "PORTS", SELECTOR_PORTS, 0x80, 2, 0, 1},
    {OBJECT_IRQ, "IRQ", SELECTOR_IRQ, 5, 2, 0, 1},
    {OBJECT_PCI, "PCI", SELECTOR_PCI, 8, 2, 0, 1},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static struct answer create(const struct sample *s, uint32_t selector, uint32_t pool)
{
    return object_create(s->type, selector, pool, s->a, s->b, s->c, s->d);
}

static void check(const struct sample *s, uint64_t got, uint64_t expected, const char *what)
{
    if (got != expected) {
        tap_comment();
        print("%s: %s:\n", s->name, what);
        tap_equal(got, expected, what);
    }
}

static void check_life(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        uint64_t before = world_free();

        check(s, create(s, MADE, SELECTOR_POOL).status, STATUS_SUCCESS, "create");
        struct lookup l = capability_lookup(MADE);
        check(s, l.type, s->type, "type");
        check(s, l.rights, RIGHTS_ALL, "all rights");
        check(s, create(s, MADE, SELECTOR_POOL).status, STATUS_IN_USE, "selector in use");
        check(s, object_destroy(MADE), STATUS_SUCCESS, "destroy");
        check(s, capability_lookup(MADE).status, STATUS_BAD_CAPABILITY, "empty afterwards");
        check(s, object_destroy(MADE), STATUS_BAD_CAPABILITY, "destroy again");
        check(s, world_free(), before, "balance");
    }
    tap_ok(true, "each type is created, looked up and destroyed");
}

static void check_common_errors(void)
{
    uint64_t before = world_free(), wrong = 0;

    (void)capability_delegate(SELECTOR_PD, WEAK, SELECTOR_POOL, RIGHT_DESTROY);
    for (unsigned i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];

        check(s, create(s, MADE, MADE).status, STATUS_BAD_CAPABILITY, "empty pool");
        check(s, create(s, MADE, SELECTOR_PD).status, STATUS_BAD_CAPABILITY, "a PD as pool");
        check(s, create(s, MADE, WEAK).status, STATUS_NO_RIGHT, "pool without the right");
        check(s, create(s, SELECTORS, SELECTOR_POOL).status, STATUS_BAD_SELECTOR, "past the table");
        check(s, create(s, SELECTOR_PD, SELECTOR_POOL).status, STATUS_IN_USE, "selector in use");
    }
    tap_equal(capability_revoke(WEAK, REVOKE_SELF), STATUS_SUCCESS, "the weak capability goes");
    for (unsigned type = 0; type < 256; type++) {
        if (type == OBJECT_NONE || type == OBJECT_PLATFORM || type > OBJECT_VCPU) {
            wrong +=
                object_create((enum object_type)type, MADE, SELECTOR_POOL, 0, 0, 0, 0).status !=
                STATUS_BAD_PARAMETER;
        }
    }
    tap_equal(wrong, 0, "types that nobody can create are refused");
    tap_equal(capability_lookup(SELECTORS).status, STATUS_BAD_CAPABILITY, "lookup past the table");
    tap_equal(object_destroy(SELECTORS), STATUS_BAD_CAPABILITY, "destroy past the table");
    tap_equal(object_destroy(SELECTOR_PLATFORM), STATUS_BAD_CAPABILITY, "what cannot be destroyed");
    tap_equal(object_destroy(SELECTOR_EC), STATUS_IN_USE, "the caller is in use");
    tap_equal(object_destroy(SELECTOR_PD), STATUS_IN_USE, "the caller's domain is in use");
    world_balance(before);
}

static enum status try_mem(uint64_t parent, uint64_t offset, uint64_t size, uint64_t type)
{
    return object_create(OBJECT_MEM, MADE, SELECTOR_POOL, parent, offset, size, type).status;
}

static void check_mem_errors(void)
{
    struct map map = {.address = TEST_ADDRESS, .count = 1, .rights = MEM_RIGHT_READ};

    tap_equal(try_mem(SELECTOR_PD, 0, PAGE, 0), STATUS_BAD_CAPABILITY, "MEM: parent is a PD");
    (void)capability_delegate(SELECTOR_PD, WEAK, WORLD_MEMORY, MEM_RIGHT_READ);
    tap_equal(try_mem(WEAK, 0, PAGE, 0), STATUS_NO_RIGHT, "MEM: parent without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(try_mem(WORLD_MEMORY, 1, PAGE, 0), STATUS_BAD_PARAMETER, "MEM: odd offset");
    tap_equal(try_mem(WORLD_MEMORY, 0, PAGE - 1, 0), STATUS_BAD_PARAMETER, "MEM: odd size");
    tap_equal(try_mem(WORLD_MEMORY, 0, 0, 0), STATUS_BAD_PARAMETER, "MEM: no size");
    tap_equal(try_mem(WORLD_MEMORY, PAGE, WORLD_BYTES, 0), STATUS_BAD_PARAMETER,
              "MEM: past the end");
    tap_equal(try_mem(WORLD_MEMORY, 0 - PAGE, 2 * PAGE, 0), STATUS_BAD_PARAMETER, "MEM: wraps");
    tap_equal(try_mem(WORLD_MEMORY, 0, PAGE, 3), STATUS_BAD_PARAMETER, "MEM: RAM is not uncached");
    tap_equal(try_mem(WORLD_MEMORY, 0, PAGE, 1ull << 32), STATUS_BAD_PARAMETER, "MEM: no type");
    (void)memory_map(WORLD_MEMORY, SELECTOR_PD, &map);
    tap_equal(try_mem(WORLD_MEMORY, 0, PAGE, 0), STATUS_IN_USE, "MEM: the parent is mapped");
    (void)memory_unmap(SELECTOR_PD, TEST_ADDRESS);
    tap_equal(memory_create(CHILD, SELECTOR_POOL, WORLD_MEMORY, PAGE, 2 * PAGE, 0).status,
              STATUS_SUCCESS, "MEM: a child");
    tap_equal(try_mem(WORLD_MEMORY, 2 * PAGE, PAGE, 0), STATUS_IN_USE, "MEM: within a child");
    tap_equal(try_mem(WORLD_MEMORY, 0, 2 * PAGE, 0), STATUS_IN_USE, "MEM: into a child");
    tap_equal(memory_create(MADE, SELECTOR_POOL, CHILD, PAGE, PAGE, 0).status, STATUS_SUCCESS,
              "MEM: a child of it");
    tap_equal(object_destroy(CHILD), STATUS_SUCCESS, "MEM: destroy the child");
    tap_equal(capability_lookup(MADE).status, STATUS_BAD_CAPABILITY, "MEM: what is in it goes too");
    tap_equal(object_destroy(world.boot_memory), STATUS_NO_RIGHT,
              "MEM: what was there at boot stays");
}

/* Who may only divide a range does not come to use it that way. */
static void check_range_rights(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample s = samples[i];

        if (s.type < OBJECT_PORTS) {
            continue;
        }
        (void)capability_delegate(SELECTOR_PD, WEAK, (uint32_t)s.a, RANGE_RIGHT_DIVIDE);
        s.a = WEAK;
        check(&s, create(&s, MADE, SELECTOR_POOL).status, STATUS_SUCCESS, "a part");
        check(&s, capability_lookup(MADE).rights, RIGHT_DESTROY | RANGE_RIGHT_DIVIDE, "its rights");
        check(&s, object_destroy(MADE), STATUS_SUCCESS, "destroy");
        check(&s, capability_revoke(WEAK, REVOKE_SELF), STATUS_SUCCESS, "the weak capability goes");
    }
    tap_ok(true, "a part of a range has the rights of its parent");
}

static enum status try_ec(uint64_t domain, uint64_t rip, uint64_t utcb)
{
    return object_create(OBJECT_EC, MADE, SELECTOR_POOL, domain, rip, 0, utcb).status;
}

static void check_ec_errors(const struct machine *m)
{
    tap_equal(try_ec(SELECTOR_POOL, 0, UTCB), STATUS_BAD_CAPABILITY, "EC: the domain is a pool");
    (void)capability_delegate(SELECTOR_PD, WEAK, SELECTOR_PD, PD_RIGHT_MAP);
    tap_equal(try_ec(WEAK, 0, UTCB), STATUS_NO_RIGHT, "EC: a domain without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(try_ec(SELECTOR_PD, SPACE_END, UTCB), STATUS_BAD_PARAMETER, "EC: RIP past the end");
    tap_equal(try_ec(SELECTOR_PD, 1ull << 63, UTCB), STATUS_BAD_PARAMETER, "EC: RIP of the kernel");
    tap_equal(try_ec(SELECTOR_PD, 0, SPACE_END), STATUS_BAD_PARAMETER, "EC: UTCB past the end");
    tap_equal(try_ec(SELECTOR_PD, 0, UTCB + m->info->cpus.count), STATUS_BAD_PARAMETER,
              "EC: no CPU");
    tap_equal(try_ec(SELECTOR_PD, 0, FIRST_UTCB_ADDRESS), STATUS_IN_USE, "EC: the UTCB's place");
}

static enum status try_sc(uint64_t ec, uint64_t cpu, uint64_t how, uint64_t budget, uint64_t period)
{
    return object_create(OBJECT_SC, MADE, SELECTOR_POOL, ec | cpu << 32, how, budget, period)
        .status;
}

static void check_sc_errors(const struct machine *m)
{
    const uint64_t cpu = SELECTOR_CPUS;

    tap_equal(try_sc(SELECTOR_PD, cpu, 1, 1, 1), STATUS_BAD_CAPABILITY, "SC: the EC is a PD");
    tap_equal(try_sc(HOME, SELECTOR_PD, 1, 1, 1), STATUS_BAD_CAPABILITY, "SC: the CPU is a PD");
    (void)capability_delegate(SELECTOR_PD, WEAK, HOME, EC_RIGHT_PORTAL);
    tap_equal(try_sc(WEAK, cpu, 1, 1, 1), STATUS_NO_RIGHT, "SC: an EC without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
    tap_equal(try_sc(HOME, cpu, 128, 1, 1), STATUS_BAD_PARAMETER, "SC: priority above the ceiling");
    tap_equal(try_sc(HOME, cpu, 1, 0, 1), STATUS_BAD_PARAMETER, "SC: no budget");
    tap_equal(try_sc(HOME, cpu, 1, 2, 1), STATUS_BAD_PARAMETER, "SC: a budget above its period");
    tap_equal(try_sc(HOME, cpu, 1 | 1 << 9, 1, 1), STATUS_BAD_PARAMETER, "SC: a reserved bit");
    if (m->info->cpus.count > 1) {
        tap_equal(try_sc(HOME, cpu + 1, 1, 1, 1), STATUS_WRONG_CPU, "SC: an EC of another CPU");
    }
}

static void check_pt_errors(void)
{
    struct sample s = samples[5];

    s.a = SELECTOR_PD;
    tap_equal(create(&s, MADE, SELECTOR_POOL).status, STATUS_BAD_CAPABILITY, "PT: the EC is a PD");
    (void)capability_delegate(SELECTOR_PD, WEAK, HOME, EC_RIGHT_SC);
    s.a = WEAK;
    tap_equal(create(&s, MADE, SELECTOR_POOL).status, STATUS_NO_RIGHT, "PT: EC without the right");
    (void)capability_revoke(WEAK, REVOKE_SELF);
}

static void check_destroy(void)
{
    (void)semaphore_create(MADE, SELECTOR_POOL, 0);
    (void)capability_delegate(SELECTOR_PD, WEAK, MADE, SM_RIGHT_UP);
    tap_equal(object_destroy(WEAK), STATUS_NO_RIGHT, "destroy without the right");
    tap_equal(object_destroy(MADE), STATUS_SUCCESS, "destroy with the right");
    tap_equal(capability_lookup(WEAK).status, STATUS_BAD_CAPABILITY, "other capabilities go too");
}

/* A pool of some frames out of WORLD_MEMORY. */
static bool poor_open(uint64_t frames)
{
    bool open = pool_create(POOR, SELECTOR_POOL).status == STATUS_SUCCESS;

    if (open && frames) {
        open = memory_create(PART, SELECTOR_POOL, WORLD_MEMORY, 0, frames * PAGE, 0).status ==
                   STATUS_SUCCESS &&
               pool_deposit(POOR, PART) == STATUS_SUCCESS;
    }
    return open;
}

/* Its frames are withdrawn, or go back with it. */
static bool poor_close(uint64_t frames)
{
    bool closed = true;

    if (frames % 2) {
        closed = pool_withdraw(POOR, PART) == STATUS_SUCCESS;
    }
    closed = closed && object_destroy(POOR) == STATUS_SUCCESS;
    return closed && (!frames || object_destroy(PART) == STATUS_SUCCESS);
}

/* With one frame after the other: refused, with nothing changed, until there are enough. */
static void check_exhaustion(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];

        for (uint64_t frames = 0; frames <= s->frames; frames++) {
            bool enough = frames == s->frames;

            check(s, poor_open(frames), true, "a poor pool");
            check(s, pool_free(POOR).value, frames, "its frames");
            struct answer a = create(s, MADE, POOR);
            check(s, a.status, enough ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES, "create");
            if (enough) {
                check(s, pool_free(POOR).value, 0, "all frames used");
                check(s, pool_withdraw(POOR, PART), STATUS_BUSY, "withdraw while in use");
                check(s, object_destroy(MADE), STATUS_SUCCESS, "destroy");
            } else {
                check(s, a.value, s->frames - frames, "how many are missing");
            }
            check(s, pool_free(POOR).value, frames, "all frames free again");
            check(s, capability_lookup(MADE).status, STATUS_BAD_CAPABILITY, "selector empty");
            check(s, poor_close(frames), true, "the poor pool goes");
        }
    }
    tap_ok(true, "creation fails whole for want of each single frame");
}

/* The same for what a domain's own pool pays: slots, tables, records of mappings, UTCB tables. */
static struct answer domain_use(unsigned use)
{
    struct map map = {.address = TEST_ADDRESS, .count = 1, .rights = MEM_RIGHT_READ};

    switch (use) {
    case 0:
        return capability_delegate(CHILD, 5, SEMAPHORE, RIGHTS_ALL);
    case 1:
        map.offset = 0;
        return memory_map(WORLD_DEPOSIT + 100, CHILD, &map);
    case 2:
        return context_create(MADE, SELECTOR_POOL, CHILD, 0, 0, UTCB, 0);
    default:
        return range_control(SELECTOR_PORTS, PORTS_OPEN, CHILD, 0x80, 1);
    }
}

static void check_domain_exhaustion(void)
{
    static const uint64_t need[] = {1, 4, 4, 3};
    static const char *const names[] = {"delegation", "mapping", "EC", "ports"};

    tap_equal(
        memory_create(WORLD_DEPOSIT + 100, SELECTOR_POOL, WORLD_MEMORY, 1 << 20, PAGE, 0).status,
        STATUS_SUCCESS, "a page to map");
    for (unsigned use = 0; use < 4; use++) {
        const struct sample s = {OBJECT_PD, names[use], 0, 0, 0, 0, 3};

        for (uint64_t frames = 0; frames <= need[use]; frames++) {
            bool enough = frames == need[use];

            check(&s, poor_open(3 + frames), true, "a poor pool");
            check(&s, domain_create(CHILD, POOR).status, STATUS_SUCCESS, "a domain");
            struct answer a = domain_use(use);
            check(&s, a.status, enough ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES, "use");
            check(&s, pool_free(POOR).value, enough ? 0 : frames, "frames");
            check(&s, enough || a.value == need[use] - frames, true, "how many are missing");
            check(&s, capability_lookup(MADE).status,
                  use == 2 && enough ? STATUS_SUCCESS : STATUS_BAD_CAPABILITY, "selector");
            if (use == 2 && enough) {
                check(&s, object_destroy(CHILD), STATUS_SUCCESS, "a domain with an EC goes");
                check(&s, capability_lookup(MADE).status, STATUS_BAD_CAPABILITY, "and the EC");
            } else {
                check(&s, object_destroy(CHILD), STATUS_SUCCESS, "the domain goes");
            }
            check(&s, poor_close(3 + frames), true, "the poor pool goes");
        }
    }
    tap_equal(object_destroy(WORLD_DEPOSIT + 100), STATUS_SUCCESS, "the page goes");
    tap_ok(true, "uses of a domain fail whole for want of each single frame");
}

static void check_cycles(void)
{
    uint64_t before = world_free(), wrong = 0;

    for (unsigned n = 0; n < 500; n++) {
        for (unsigned i = 0; i < SAMPLES; i++) {
            wrong += create(&samples[i], MADE, SELECTOR_POOL).status != STATUS_SUCCESS;
            wrong += object_destroy(MADE) != STATUS_SUCCESS;
        }
    }
    tap_equal(wrong, 0, "500 cycles of creating and destroying each type");
    world_balance(before);
}

void suite_objects(const struct machine *m)
{
    if (!world_open(m)) {
        return;
    }
    uint64_t before = world_free();
    if (!tap_equal(context_create(HOME, SELECTOR_POOL, SELECTOR_PD, 0, 0, UTCB + PAGE, 0).status,
                   STATUS_SUCCESS, "an EC to make portals and time for")) {
        return;
    }
    check_life();
    check_common_errors();
    check_mem_errors();
    check_range_rights();
    check_ec_errors(m);
    check_sc_errors(m);
    check_pt_errors();
    check_destroy();
    check_exhaustion();
    check_domain_exhaustion();
    check_cycles();
    tap_equal(object_destroy(HOME), STATUS_SUCCESS, "the EC goes");
    world_balance(before);
}
