/*
 * Memory that is taken from a guest while it uses it, on this CPU and on another one: when the call
 * has returned the guest has it no more, and its monitor is told. And what a guest writes is told.
 */
#include "servant.h"
#include "suites.h"

enum { COPY = TEST_SELECTORS, /* of the capability to the memory */ PART, BIG };

#define PAGES       64u
#define BYTES       (TINY_BYTES + PAGES * PAGE)
#define BACK        TINY_BYTES
#define AT          0x100000ull /* in guest-physical memory */
#define LARGE       (2ull << 20)
#define BIG_ADDRESS (TEST_ADDRESS + (4ull << 28))
#define ALL         (MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE)
#define ROUNDS      20u /* on this CPU; on another one every wait takes longer */
#define ROUNDS_FAR  6u

static struct servant *const servant = &servants[0];
static struct monitor *const monitor = &monitors[0];

static uint64_t rounds;

static volatile uint64_t *page(uint64_t i)
{
    return (volatile uint64_t *)monitor_at(monitor, BACK + i * PAGE);
}

/* CONTROL of the VM for a range of pages. */
static enum status watch(uint64_t operation, uint64_t address, uint64_t pages, uint64_t argument)
{
    return system_answer((struct system_registers){.rax = SYSCALL_CONTROL,
                                                   .rdi = monitor_vm(monitor),
                                                   .rsi = operation,
                                                   .rdx = address,
                                                   .r8 = pages,
                                                   .r9 = argument})
        .status;
}

/* Which of the pages were written since the last time; all: that failed. */
static uint64_t harvest(void)
{
    volatile struct utcb *utcb = (volatile struct utcb *)FIRST_UTCB_ADDRESS;

    if (watch(VM_DIRTY, AT, PAGES, 0) != STATUS_SUCCESS) {
        tap_ok(false, "VM_DIRTY");
        return UINT64_MAX;
    }
    return utcb->word[0];
}

static bool map_back(uint32_t memory, uint64_t offset, uint32_t count)
{
    const struct map map = {.address = AT, .offset = offset, .count = count, .rights = ALL};

    return memory_map(memory, monitor_vm(monitor), &map).status == STATUS_SUCCESS;
}

/* The ways to take it. */
static bool map_plain(void)
{
    return map_back(monitor_memory(monitor), BACK, 1);
}

static bool unmap(void)
{
    return memory_unmap(monitor_vm(monitor), AT) == STATUS_SUCCESS;
}

static bool map_copy(void)
{
    return capability_delegate(SELECTOR_PD, COPY, monitor_memory(monitor), RIGHTS_ALL).status ==
               STATUS_SUCCESS &&
           map_back(COPY, BACK, 1);
}

static bool revoke(void)
{
    return capability_revoke(COPY, REVOKE_SELF) == STATUS_SUCCESS;
}

static bool map_part(void)
{
    const struct map map = {
        .address = BIG_ADDRESS, .count = 1, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    return memory_create(PART, SELECTOR_POOL, BIG, 0, PAGE, 0).status == STATUS_SUCCESS &&
           memory_map(PART, SELECTOR_PD, &map).status == STATUS_SUCCESS && map_back(PART, 0, 1);
}

static bool take_part(void)
{
    return capability_revoke(PART, 0) == STATUS_SUCCESS;
}

static bool destroy_part(void)
{
    return object_destroy(PART) == STATUS_SUCCESS;
}

static bool protect(void)
{
    return watch(VM_PROTECT, AT, 1, 1) == STATUS_SUCCESS;
}

static const struct way {
    bool (*give)(void);
    bool (*take)(void);
    bool (*after)(void); /* NULL: nothing is left */
    uint64_t mapped;     /* EXIT_GPA_MAPPED: it can still be read */
    const char *what;
} ways[] = {
    {map_plain, unmap, NULL, 0, "unmapped"},
    {map_copy, revoke, NULL, 0, "revoked"},
    {map_part, take_part, destroy_part, 0, "taken from all"},
    {map_part, destroy_part, NULL, 0, "destroyed"},
    {map_plain, protect, unmap, EXIT_GPA_MAPPED, "protected"},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static bool take_once(const struct way *way, uint64_t start)
{
    /* The monitor may lose it too. */
    const volatile uint64_t *number =
        way->give == map_part ? (const volatile uint64_t *)BIG_ADDRESS : page(0);
    const struct order order = {TINY_DO_COUNT, AT, 1, start};
    bool seen = way->give != map_part;
    bool good = way->give();

    servant_begin(servant, &order);
    good = good && servant_counts(number) && way->take();
    good = good && (!seen || servant_stands(number));
    (void)servant_end(servant);
    good = servant_missed(servant, EXIT_GPA_WRITE | way->mapped, AT) && good;
    return (!way->after || way->after()) && good;
}

static void check_ways(void)
{
    for (unsigned i = 0; i < WAYS; i++) {
        bool good = true;
        for (uint64_t round = 0; good && round < rounds; round++) {
            good = take_once(&ways[i], round << 32);
        }
        tap_ok(good, ways[i].what);
    }
}

static bool restore(struct servant *s)
{
    (void)s;
    return watch(VM_PROTECT, AT, PAGES, 0) == STATUS_SUCCESS;
}

/* Protected under it, and given back when it is told. */
static void check_protection(void)
{
    const struct order order = {TINY_DO_COUNT, AT, 1, 0};
    bool good = map_back(monitor_memory(monitor), BACK, PAGES);

    servant->mend = restore;
    servant_begin(servant, &order);
    for (uint64_t round = 1; good && round <= rounds; round++) {
        good = servant_counts(page(0)) && watch(VM_PROTECT, AT, PAGES, 1) == STATUS_SUCCESS;
        uint64_t end = MONITOR_LIMIT;
        while (servant->misses < round && tsc_read() < end) {
            world_sleep(world.millisecond / 10);
        }
        good = good && servant->misses == round && servant->missed.address == AT &&
               servant->missed.qualification == (EXIT_GPA_WRITE | EXIT_GPA_MAPPED);
    }
    tap_ok(good && servant_counts(page(0)), "protected and given back, it goes on");
    servant->mend = NULL;
    tap_ok(unmap(), "unmapped");
    (void)servant_end(servant);
}

/* The pages that orders write, one by one. */
static void check_dirty(void)
{
    uint64_t seed = 0x5eed, wrong = 0;

    tap_ok(map_back(monitor_memory(monitor), BACK, PAGES), "64 pages");
    (void)harvest();
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t expected = 0;
        for (unsigned n = 0; n < 6; n++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            uint64_t i = seed >> 58, write = seed >> 57 & 1;
            expected |= write << i;
            (void)servant_do(servant, write ? TINY_DO_WRITE : TINY_DO_READ,
                             AT + i * PAGE + 8ull * n, 1, seed);
        }
        uint64_t got = harvest();
        wrong += got != expected;
        if (got != expected) {
            tap_comment();
            print("dirty %#lx, should be %#lx\n", got, expected);
        }
    }
    tap_equal(wrong, 0, "what was written is told, once");
    tap_equal(harvest(), 0, "nothing more was written");
    tap_ok(unmap(), "unmapped");
}

/* The guest writes all of them in turn; what has changed between two harvests is told. */
static void check_dirty_running(void)
{
    const struct order order = {TINY_DO_TURNS, AT, PAGES, 1};
    uint64_t old[PAGES], lost = 0, told = 0;

    tap_ok(map_back(monitor_memory(monitor), BACK, PAGES), "64 pages");
    servant_begin(servant, &order);
    (void)servant_counts(page(0));
    (void)harvest();
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t changed = 0;
        for (unsigned i = 0; i < PAGES; i++) {
            old[i] = *page(i);
        }
        (void)servant_counts(page(PAGES - 1));
        for (unsigned i = 0; i < PAGES; i++) {
            changed |= (uint64_t)(*page(i) != old[i]) << i;
        }
        uint64_t dirty = harvest();
        lost += (changed & ~dirty) != 0;
        told += dirty != 0;
    }
    tap_equal(lost, 0, "what a running guest writes is told");
    tap_equal(told, rounds, "each time something");
    tap_ok(protect() && watch(VM_PROTECT, AT, PAGES, 1) == STATUS_SUCCESS, "it cannot write");
    (void)servant_end(servant);
    (void)harvest();
    tap_equal(harvest(), 0, "so nothing is written");
    tap_ok(unmap(), "unmapped");
}

/* A large page is split while the guest counts in it. */
static void check_split(void)
{
    const struct map there = {.address = LARGE, .count = 1, .level = 1, .rights = ALL};
    const struct map here = {
        .address = BIG_ADDRESS, .count = 512, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
    const struct order order = {TINY_DO_COUNT, LARGE + 5 * PAGE, 1, 0};
    const volatile uint64_t *number = (const volatile uint64_t *)(BIG_ADDRESS + 5 * PAGE);
    bool good = true;

    good = memory_map(BIG, SELECTOR_PD, &here).status == STATUS_SUCCESS;
    for (uint64_t round = 0; good && round < rounds / 2; round++) {
        good = memory_map(BIG, monitor_vm(monitor), &there).status == STATUS_SUCCESS;
        servant_begin(servant, &order);
        good = good && servant_counts(number) &&
               object_control(monitor_vm(monitor), VM_SPLIT, LARGE).status == STATUS_SUCCESS &&
               servant_counts(number) && servant->misses == 0;
        good = memory_unmap(monitor_vm(monitor), LARGE) == STATUS_SUCCESS && good &&
               servant_stands(number);
        (void)servant_end(servant);
        good = servant_missed(servant, EXIT_GPA_WRITE, LARGE + 5 * PAGE) && good;
    }
    tap_ok(good, "a large page is split while the guest counts in it, which goes on");
    tap_equal(memory_unmap(SELECTOR_PD, BIG_ADDRESS), STATUS_SUCCESS, "unmapped");
}

static void check_on(uint32_t cpu, bool dirty)
{
    rounds = cpu ? ROUNDS_FAR : ROUNDS;
    tap_comment();
    print("guest on CPU %u\n", cpu);
    if (!tap_ok(servant_open(servant, monitor, cpu), "a guest that does as it is told")) {
        return;
    }
    *(volatile uint64_t *)monitor_at(monitor, TINY_TABLES + 2 * PAGE + 8) = LARGE | 0x87;
    check_ways();
    check_protection();
    check_split();
    if (dirty) {
        check_dirty();
        check_dirty_running();
    }
    (void)servant_close(servant);
}

void suite_guest_revocation(const struct machine *m)
{
    if (!monitor_possible(m)) {
        return;
    }
    uint64_t before = world_free();
    bool dirty = m->info->guest.features & GUEST_DIRTY;

    if (monitor_open_part(0, BYTES, TINY_BYTES) &&
        tap_equal(memory_create(BIG, SELECTOR_POOL, WORLD_MEMORY, LARGE, LARGE, 0).status,
                  STATUS_SUCCESS, "2 MiB of memory")) {
        for (uint32_t cpu = 0; cpu < m->info->cpus.count && cpu < 2; cpu++) {
            check_on(cpu, dirty);
        }
    }
    if (!dirty) {
        tap_skip("what was written", "the CPU does not tell");
    }
    tap_equal(object_destroy(BIG), STATUS_SUCCESS, "the memory goes");
    monitor_close(monitor);
    world_balance(before);
}
