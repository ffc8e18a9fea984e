/*
 * The rules of shoot-down and tags, on a model of processors that keep every translation that
 * hardware may keep (SDM 3A, 4.10): page translations by tag, global ones, and pointers to tables,
 * filled at any time by a walker that also starts from what it has kept.
 *
 * CPUs are coroutines that change at every instruction which the kernel supplies (CR3, INVLPG,
 * interrupt, pause), in random order. Whenever a CPU runs a program and no batch is open, all that
 * it has kept and can use must be what the tables say; and a walk from a kept table must never find
 * an entry in a table that is no longer there. The same run with one flush left out must fail.
 */
#include "kernel_tlb_model.h"
#include "tap.h"

/* --- what CPUs do --- */

static void do_load(uint32_t cpu, struct space *space)
{
    space_load(space, cpu);
}

static void do_map(uint32_t cpu, struct space *space)
{
    uint32_t m = world_random(MEMS), region = world_random(REGIONS);
    struct map_request request = {.rights = MEM_RIGHT_READ};
    uint64_t needs, place;

    unsigned level = region == LARGE;
    request.level = level;
    request.count = level ? 1 : world_random(8) ? 1 + world_random(3) : 40;
    place = region == LARGE ? world_random(2) : world_random(REGION_PAGES);
    request.address = regions[region] + place * level_bytes(level);
    if (m < MEMS - 1)
        request.offset = world_random(4) * level_bytes(level);
    maps_begun[m]++;
    enum status status = mapping_create(space, &slots[m], slots[m].word, &request, cpu, &needs);
    if (status == STATUS_NEEDS_FRAMES)
        violate("the pool has lost frames");
    done_maps += status == STATUS_SUCCESS;
}

/* The record at a random place, if any. */
static bool record_pick(struct space *space, uint64_t *address)
{
    uint64_t near = regions[world_random(REGIONS)] + world_random(REGION_PAGES) * FRAME_SIZE;
    struct trie_node *node = trie_find(&space->mappings, near / FRAME_SIZE);

    if (!node) {
        node = space->mappings.root[world_random(TRIE_ROOTS)];
        while (node && node->child[near / FRAME_SIZE % 2] && world_random(4))
            node = node->child[near / FRAME_SIZE % 2];
    }
    *address = node ? node->key * FRAME_SIZE : 0;
    return node;
}

static void do_unmap(uint32_t cpu, struct space *space)
{
    uint64_t address;

    if (record_pick(space, &address))
        done_unmaps += mapping_unmap(space, address, cpu) == STATUS_SUCCESS;
}

static void do_split(uint32_t cpu, struct space *space)
{
    if (mapping_split(space, regions[LARGE] + world_random(2) * level_bytes(1), cpu) ==
        STATUS_NEEDS_FRAMES)
        violate("the pool has lost frames");
}

static void do_revoke(uint32_t cpu)
{
    uint32_t m = world_random(MEMS);
    uint64_t begun = maps_begun[m];
    bool more = true;

    while (more) {
        unsigned budget = 1 + world_random(4);
        more = slot_revoke_step(&slots[m], &budget, false);
        shoot_flush(cpu);
    }
    if (mutation != NOT_SETTLED)
        shoot_settle(cpu);
    if (begun == maps_begun[m] && !mems[m].mappings)
        mem_check(&mems[m]);
    done_revokes++;
}

static void do_deposit(uint32_t cpu)
{
    struct mem *mem = &mems[MEMS - 1];
    unsigned frames = world_random(4) ? 1 + world_random(8) : DEPOSITED;
    bool more;

    if (world_random(2))
        done_deposits += mem_deposit_step(&slots[MEMS - 1], slots[MEMS - 1].word, second, frames,
                                          cpu, &more) == STATUS_SUCCESS;
    else if (mem_withdraw_step(mem, second, frames, cpu, &more) == STATUS_BUSY)
        violate("nobody uses the second pool");
}

/* Ends a space when no CPU has it in hand any more, and begins it anew. */
static void do_death(uint32_t cpu, unsigned s)
{
    struct space *space = &spaces[s];

    alive[s] = false;
    for (unsigned c = 0; c < CPUS; c++)
        while (c != cpu && cpus[c].uses == space) {
            shoot_serve(cpu);
            yield();
        }
    while (mapping_die_step(space, 1 + world_random(4), cpu))
        yield();
    space_end(space, cpu);
    memset(space, 0, sizeof(*space));
    memset(tags_before[s], 0, sizeof(tags_before[s]));
    if (!space_init(space, pool, kernel_root))
        violate("the pool has lost frames");
    alive[s] = true;
    done_deaths++;
}

static void do_something(uint32_t c)
{
    uint32_t s = world_random(SPACES), what = world_random(40);

    if (what < 3) {
        do_revoke(c);
    } else if (what < 6) {
        do_deposit(c);
    } else if (alive[s] && what < 7) {
        do_death(c, s);
    } else if (alive[s]) {
        cpus[c].uses = &spaces[s];
        if (what < 20)
            do_load(c, &spaces[s]);
        else if (what < 32)
            do_map(c, &spaces[s]);
        else if (what < 38)
            do_unmap(c, &spaces[s]);
        else
            do_split(c, &spaces[s]);
        cpus[c].uses = NULL;
    }
}

static void cpu_run(void)
{
    for (;;) {
        struct model_cpu *cpu = &cpus[running];
        cpu->user = true;
        do
            yield();
        while (cpu->interrupt && world_random(3));
        cpu->user = false;
        if (cpu->interrupt) {
            cpu->interrupt = false;
            shoot_serve(running);
        }
        cpu->done = stopping;
        if (!stopping)
            do_something(running);
    }
}

/* --- the run --- */

static void world_open(void)
{
    memset(shoot_cpus, 0, sizeof(shoot_cpus));
    memset(spaces, 0, sizeof(spaces));
    memset(mems, 0, sizeof(mems));
    memset(slots, 0, sizeof(slots));
    memset(frame_map, 0, sizeof(frame_map));
    memset(tags_before, 0, sizeof(tags_before));
    pool = world_pool(0, POOL_FRAMES);
    second = (struct pool *)arena_frame(POOL_FRAMES + 1);
    memset(second, 0, FRAME_SIZE);
    pool_init(second);
    for (unsigned m = 0; m < MEMS; m++) {
        bool real = m == MEMS - 1;
        mem_init(&mems[m], pool, real ? arena_frame(DEPOSIT) : (m + 1) * 0x10000000ul,
                 real ? DEPOSITED * FRAME_SIZE : 4 * level_bytes(1), MEM_WRITE_BACK);
        if (!slot_claim(&slots[m]))
            abort();
        node_insert_first(&mems[m].object, &slots[m], MAPPING_RIGHTS | MEM_RIGHT_DIVIDE);
    }
    for (unsigned s = 0; s < SPACES; s++) {
        alive[s] = true;
        if (!space_init(&spaces[s], pool, kernel_root))
            abort();
    }
    for (uint32_t c = 0; c < CPUS; c++) {
        free(
            cpus[c].stack); /* a new one: the sanitizer holds against the old what was left there */
        memset(&cpus[c], 0, sizeof(cpus[c]));
        cpus[c].stack = malloc(STACK);
        if (!cpus[c].stack)
            abort();
        cpus[c].cr3 = (uint64_t)kernel_root;
        shoot_start(c, (uint64_t)kernel_root, pcids);
        cpus[c].context = context_new(cpus[c].stack, cpu_run);
    }
    stopping = closing = false;
    violation = NULL;
}

static void tags_mutate(void)
{
    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned c = 0; c < CPUS; c++) {
            if (!spaces[s].tags[c].generation && shoot_cpus[c].current != &spaces[s])
                spaces[s].tags[c] = tags_before[s][c];
            tags_before[s][c] = spaces[s].tags[c];
        }
}

static void step(void)
{
    running = world_random(CPUS);
    context_switch(&scheduler, cpus[running].context);
    for (unsigned c = 0; c < CPUS; c++) {
        walker(&cpus[c]);
        walker(&cpus[c]);
        if (pcids && shoot_cpus[c].pcid > 6 && shoot_cpus[c].pcid < TAG_PCIDS - 12)
            shoot_cpus[c].pcid = TAG_PCIDS - 2; /* tags come round often */
        if (pcids && mutation == TAG_SHARED)
            shoot_cpus[c].generation = 1;
    }
    if (mutation == TAG_KEPT)
        tags_mutate();
    usable_check();
}

static unsigned world_run(unsigned steps, enum mutation with, uint64_t seed)
{
    unsigned n = 0;

    world_seed = seed;
    mutation = with;
    world_open();
    for (; n < steps && !violation; n++)
        step();
    return n;
}

/* Lets every CPU end what it does; then all goes back to the pool. */
static bool world_close(void)
{
    bool more;

    stopping = true;
    for (unsigned n = 0; n < 100000 && !(cpus[0].done && cpus[1].done && cpus[2].done); n++)
        step();
    closing = true; /* the instructions no longer change CPUs */
    running = 0;
    for (unsigned s = 0; s < SPACES; s++)
        while (mapping_die_step(&spaces[s], 8, 0))
            ;
    while (mem_withdraw_step(&mems[MEMS - 1], second, 8, 0, &more) == STATUS_SUCCESS && more)
        ;
    return pool->free_frames == POOL_FRAMES - SPACES;
}

int main(void)
{
    if (!arena_open(DEPOSIT + DEPOSITED))
        return 1;
    for (unsigned mode = 0; mode < 2; mode++) {
        pcids = mode == 0;
        checks = uses = 0;
        world_run(150000, NONE, 7 + mode);
        ok(!violation, "%s PCIDs nothing stale is used%s%s", pcids ? "with" : "without",
           violation ? ": " : "", violation ? violation : "");
        printf("# %u checks of %u translations; %u maps, %u unmaps, %u revocations, %u spaces, %u "
               "deposit steps\n",
               checks, uses, done_maps, done_unmaps, done_revokes, done_deaths, done_deposits);
        ok(world_close(), "everything goes back to the pool");
    }
    pcids = true;
    for (enum mutation with = NONE + 1; with < MUTATIONS; with++) {
        unsigned steps = world_run(600000, with, 99);
        ok(violation, "without %s the run fails", mutation_names[with]);
        printf("# after %u steps: %s\n", steps, violation ? violation : "nothing");
    }
    return done_testing();
}
