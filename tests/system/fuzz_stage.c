/* The domain that fuzzers run in, and what it has (fuzz_stage.h). */
#include "fuzz_stage.h"

enum {
    POOL_PART = FUZZ_FIRST,
    POOR_POOL,
    POOR_PART,
    POOR_PD,
    EMPTY_POOL,
    MEMORY,
    SM,
    NEVER,
    DEEP_MEMORY,
    MAPPED,
    VM,
    LEND,                       /* and following */
    DEEP = TEST_SELECTORS + 64, /* and following: a chain of delegations */
    DEEP_SM = 2048,             /* and following: another one */
};

#define RANGE       (1ull << 20) /* where in WORLD_RANGE the fuzzers' memory begins */
#define POOL_FRAMES 160u
#define POOR_FRAMES 3u
#define CHAIN       256u /* selectors of a chain */

bool fuzz_guests;

bool fuzz_slots_open(void)
{
    bool open = true;

    for (uint32_t s = DEEP_SM; s < DEEP_SM + CHAIN; s += 64) {
        open = open && semaphore_create(s, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
               object_destroy(s) == STATUS_SUCCESS;
    }
    return tap_ok(open, "slots for a long chain");
}

/* Memory of the fuzzers, as a part of WORLD_RANGE behind what has been given out. */
static bool memory_part(uint32_t selector, uint64_t frames)
{
    static uint64_t used;
    uint64_t offset = used;

    used = selector == POOL_PART ? frames : used + frames;
    offset = selector == POOL_PART ? 0 : offset;
    return memory_create(selector, SELECTOR_POOL, WORLD_RANGE, RANGE + offset * PAGE, frames * PAGE,
                         0)
               .status == STATUS_SUCCESS;
}

static bool objects_open(void)
{
    bool open = memory_part(POOL_PART, POOL_FRAMES) && memory_part(POOR_PART, POOR_FRAMES) &&
                memory_part(MEMORY, MEM_FRAMES) && memory_part(DEEP_MEMORY, 1) &&
                memory_part(MAPPED, MEM_FRAMES);

    for (unsigned i = 0; i < fuzz_threads; i++) {
        open = open && memory_create(LEND + i, SELECTOR_POOL, WORLD_MEMORY, LEND_FRAMES * PAGE * i,
                                     LEND_FRAMES * PAGE, 0)
                               .status == STATUS_SUCCESS;
    }
    return open && pool_create(FUZZ_POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_create(POOR_POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_create(EMPTY_POOL, SELECTOR_POOL).status == STATUS_SUCCESS &&
           pool_deposit(FUZZ_POOL, POOL_PART) == STATUS_SUCCESS &&
           pool_deposit(POOR_POOL, POOR_PART) == STATUS_SUCCESS &&
           domain_create(POOR_PD, POOR_POOL).status == STATUS_SUCCESS &&
           semaphore_create(SM, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           semaphore_create(NEVER, SELECTOR_POOL, 0).status == STATUS_SUCCESS &&
           (!fuzz_guests || vm_create(VM, FUZZ_POOL).status == STATUS_SUCCESS) &&
           domain_open_from(FUZZ_DOMAIN, FUZZ_POOL);
}

bool fuzz_give(uint32_t selector, uint32_t there, uint32_t rights)
{
    fuzz_kinds[there] = (uint8_t)capability_lookup(selector).type;
    return capability_delegate(FUZZ_DOMAIN, there, selector, rights).status == STATUS_SUCCESS;
}

/* The last of the longest chain of delegations from a capability is the fuzzers'. */
static bool deep_give(uint32_t source, uint32_t chain, uint32_t there)
{
    uint32_t from = source, before = source;

    for (uint32_t i = 0; i < CHAIN; i++) {
        if (capability_delegate(SELECTOR_PD, chain + i, from, RIGHTS_ALL).status !=
            STATUS_SUCCESS) {
            return capability_revoke(from, REVOKE_SELF) == STATUS_SUCCESS &&
                   fuzz_give(before, there, FUZZ_HARMLESS);
        }
        before = from;
        from = chain + i;
    }
    return false;
}

static bool capabilities_give(void)
{
    static const uint32_t all[][2] = {
        {FUZZ_DOMAIN, F_PD},   {FUZZ_POOL, F_POOL},   {MEMORY, F_MEM}, {SELECTOR_PORTS, F_PORTS},
        {SELECTOR_IRQ, F_IRQ}, {SELECTOR_PCI, F_PCI}, {SM, F_SM},      {EMPTY_POOL, F_POOR_POOL},
        {POOR_PD, F_POOR_PD},  {MAPPED, F_MAP},
    };
    static const uint32_t weak[] = {
        [OBJECT_PD] = FUZZ_DOMAIN,
        [OBJECT_POOL] = FUZZ_POOL,
        [OBJECT_MEM] = MEMORY,
        [OBJECT_SM] = SM,
        [OBJECT_CPU] = SELECTOR_CPUS,
        [OBJECT_PORTS] = SELECTOR_PORTS,
        [OBJECT_IRQ] = SELECTOR_IRQ,
        [OBJECT_PCI] = SELECTOR_PCI,
        [OBJECT_PLATFORM] = SELECTOR_PLATFORM,
    };
    bool given = fuzz_give(NEVER, F_NEVER, SM_RIGHT_DOWN) &&
                 fuzz_give(SELECTOR_PLATFORM, F_PLATFORM, PLATFORM_RIGHT_TRACE) &&
                 fuzz_give(SELECTOR_POOL, F_ROOT, RIGHT_DESTROY) &&
                 deep_give(DEEP_MEMORY, DEEP, F_DEEP) && deep_give(SM, DEEP_SM, F_DEEP_SM);

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        given = given && fuzz_give(all[i][0], all[i][1], FUZZ_HARMLESS);
    }
    for (unsigned i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        given = given && (!weak[i] || fuzz_give(weak[i], F_WEAK + i, FUZZ_RIGHT_NONE));
    }
    for (uint32_t cpu = 0; cpu < fuzz_cpus; cpu++) {
        given = given && fuzz_give(SELECTOR_CPUS + cpu, F_CPU + cpu, FUZZ_HARMLESS);
    }
    for (unsigned i = 0; i < fuzz_threads; i++) {
        given = given && fuzz_give(LEND + i, F_LEND + i, FUZZ_HARMLESS);
    }
    if (fuzz_guests) {
        given = given && fuzz_give(VM, F_VM, FUZZ_HARMLESS) &&
                fuzz_give(VM, F_WEAK + OBJECT_VM, FUZZ_RIGHT_NONE);
    }
    return given;
}

bool fuzz_stage_open(void)
{
    fuzz_guests = world.machine->info->guest.kind != GUEST_NONE;
    return objects_open() && capabilities_give();
}

void fuzz_stage_close(void)
{
    tap_equal(object_destroy(FUZZ_DOMAIN), STATUS_SUCCESS, "their domain goes");
    tap_equal(object_destroy(POOR_PD), STATUS_SUCCESS, "the poor domain goes");
    if (fuzz_guests) {
        tap_equal(object_destroy(VM), STATUS_SUCCESS, "their VM goes");
    }
    tap_equal(pool_free(FUZZ_POOL).value, POOL_FRAMES, "their pool has all its frames");
    tap_equal(pool_withdraw(FUZZ_POOL, POOL_PART), STATUS_SUCCESS, "which come back");
    tap_equal(pool_withdraw(POOR_POOL, POOR_PART), STATUS_SUCCESS, "as do those of the poor one");
    for (uint32_t s = FUZZ_POOL; s < LEND + fuzz_threads; s++) {
        if (capability_lookup(s).status == STATUS_SUCCESS &&
            !tap_equal(object_destroy(s), STATUS_SUCCESS, "what they had goes")) {
            tap_comment();
            print("selector %u\n", s - TEST_SELECTORS);
        }
    }
}
