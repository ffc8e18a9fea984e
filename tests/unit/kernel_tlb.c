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
#include <string.h>

#include "kernel_world.h"
#include "tap.h"

#define CPUS        3u
#define SPACES      4u
#define MEMS        4u /* the last one has real frames, which are deposited too */
#define POOL_FRAMES 200u
#define DEPOSIT     256u /* first frame of the arena that the last MEM names */
#define DEPOSITED   40u
#define TLB         192u
#define TABLES      48u
#define STACK       0x40000u

enum mutation {
    NONE,
    PAGE_KEPT,       /* INVLPG does nothing */
    SPACE_KEPT,      /* a load of CR3 forgets nothing */
    GLOBAL_KEPT,     /* global translations stay */
    REQUEST_DROPPED, /* a request is acknowledged, not served */
    TAG_KEPT,        /* a CPU that does not run the space keeps its tag */
    TAG_SHARED,      /* the generation does not change when tags start again */
    NOT_SETTLED,     /* a revocation does not wait for the batches of others */
    TABLES_EARLY,    /* tables are given back before the others have flushed */
    MUTATIONS,
};

static const char *const mutation_names[MUTATIONS] = {
    "nothing",
    "INVLPG",
    "the flush by CR3",
    "the flush of global pages",
    "a remote flush",
    "the loss of a tag",
    "the change of generation",
    "settling",
    "keeping tables until the flush",
};

struct kept_page {
    bool used, global;
    uint32_t pcid;
    uint64_t address, bytes, frame;
};

struct kept_table {
    bool used;
    uint32_t pcid;
    unsigned level;   /* of the table's entries */
    uint64_t address; /* where it begins */
    uint64_t *table;
};

struct model_cpu {
    void *context; /* its stack pointer while others run */
    char *stack;
    uint64_t cr3;
    bool interrupt; /* pending */
    bool user;      /* a program runs */
    bool done;
    struct space *uses; /* that its call has in hand */
    struct kept_page pages[TLB];
    struct kept_table tables[TABLES];
};

static struct model_cpu cpus[CPUS];
static void *scheduler; /* the same */
static uint32_t running;
static bool pcids, stopping, closing;
static enum mutation mutation;
static const char *violation;

static struct pool *pool, *second;
static struct space spaces[SPACES];
static bool alive[SPACES];
static uint64_t tags_before[SPACES][CPUS];
static struct mem mems[MEMS];
static struct node slots[MEMS];
static uint64_t maps_begun[MEMS];
static uint64_t kernel_root[512] __attribute__((aligned(4096)));
static bool frame_map[DEPOSITED];
static unsigned checks, uses, done_maps, done_unmaps, done_revokes, done_deaths, done_deposits;

/* Where programs have things mapped: the ends of tables are near. The last has large pages. */
static const uint64_t regions[] = {0x400000, 0x5f0000, 0x3fff0000, 0x7fffff0000, 0x800000};
#define REGIONS      5u
#define REGION_PAGES 64u
#define LARGE        4u

/* Leaves a stack, whose pointer goes to *from, for another that was left so. */
void context_switch(void **from, void *to);
__asm__(".pushsection .text\n"
        "context_switch:\n"
        "    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "    ret\n"
        ".popsection");

/* A stack from which context_switch enters a function that never returns. */
static void *context_new(char *stack, void (*function)(void))
{
    uint64_t *top = (uint64_t *)(void *)(stack + STACK) - 8;

    memset(top, 0, 8 * sizeof(*top));
    top[6] = (uint64_t)function;
    return top;
}

static void yield(void)
{
    uint32_t self = running;

    if (!closing) {
        context_switch(&cpus[self].context, scheduler);
        return;
    }
    for (running = 0; running < CPUS; running++)
        if (running != self)
            shoot_serve(running);
    running = self;
}

static void violate(const char *what)
{
    if (!violation)
        violation = what;
}

/* --- what a processor keeps --- */

static uint32_t pcid_of(uint64_t cr3)
{
    return pcids ? (uint32_t)(cr3 & 4095) : 0;
}

static struct space *space_of(const struct model_cpu *cpu)
{
    for (unsigned s = 0; s < SPACES; s++)
        if (spaces[s].root && (cpu->cr3 & PAGE_ADDRESS) == spaces[s].cr3)
            return &spaces[s];
    return NULL;
}

/* The table of a level on the way to address, NULL: there is none. */
static uint64_t *true_table(const struct space *space, uint64_t address, unsigned level)
{
    uint64_t *table = space->root;

    for (unsigned at = 3; at > level; at--) {
        uint64_t entry = table[address >> (12 + 9 * at) & 511];
        if (!entry || (entry & 1u << 7))
            return NULL;
        table = (uint64_t *)(entry & PAGE_ADDRESS);
    }
    return table;
}

static bool table_matches(const struct kept_table *kept, uint32_t pcid, uint64_t address)
{
    return kept->used && kept->pcid == pcid &&
           (address & ~(level_bytes(kept->level + 1) - 1)) == kept->address;
}

static void page_keep(struct model_cpu *cpu, bool global, uint32_t pcid, uint64_t address,
                      uint64_t bytes, uint64_t frame)
{
    cpu->pages[world_random(TLB)] =
        (struct kept_page){true, global, pcid, address & ~(bytes - 1), bytes, frame};
}

static void user_walk(struct model_cpu *cpu, const struct space *space, uint64_t address)
{
    uint32_t pcid = pcid_of(cpu->cr3), first = world_random(TABLES);
    uint64_t *table = space->root;
    unsigned level = 3;

    for (unsigned i = 0; i < TABLES; i++) {
        struct kept_table *kept = &cpu->tables[(first + i) % TABLES];
        if (!table_matches(kept, pcid, address))
            continue;
        table = kept->table;
        level = kept->level;
        uint64_t entry = table[address >> (12 + 9 * level) & 511];
        if ((entry & PAGE_PRESENT) && table != true_table(space, address, level))
            violate("a walk from a table that is gone finds an entry");
        break;
    }
    for (;; level--) {
        uint64_t entry = table[address >> (12 + 9 * level) & 511];
        if (!(entry & PAGE_PRESENT))
            return;
        if (level == 0 || (entry & 1u << 7)) {
            page_keep(cpu, false, pcid, address, level_bytes(level), entry & PAGE_ADDRESS);
            return;
        }
        table = (uint64_t *)(entry & PAGE_ADDRESS);
        cpu->tables[world_random(TABLES)] =
            (struct kept_table){true, pcid, level - 1, address & ~(level_bytes(level) - 1), table};
    }
}

static void walker(struct model_cpu *cpu)
{
    const struct space *space = space_of(cpu);
    uint32_t region = world_random(REGIONS), frame = world_random(DEPOSITED);
    uint64_t pages = region == LARGE ? 1024 : REGION_PAGES;

    if (space)
        user_walk(cpu, space, regions[region] + world_random((uint32_t)pages) * FRAME_SIZE);
    if (frame_map[frame])
        page_keep(cpu, true, 0, mems[MEMS - 1].base + frame * FRAME_SIZE, FRAME_SIZE,
                  mems[MEMS - 1].base + frame * FRAME_SIZE);
}

/* --- what is usable must be true --- */

static void page_check(const struct model_cpu *cpu, const struct space *space,
                       const struct kept_page *kept)
{
    unsigned level;

    if (!kept->used)
        return;
    if (kept->global) {
        if (!frame_map[(kept->address - mems[MEMS - 1].base) / FRAME_SIZE])
            violate("a frame that left the frame map is reached");
        uses++;
        return;
    }
    if (kept->pcid != pcid_of(cpu->cr3))
        return;
    uses++;
    uint64_t entry = space ? world_walk(space, kept->address, &level) : 0;
    if (!entry || (entry & PAGE_ADDRESS) != kept->frame || level_bytes(level) != kept->bytes)
        violate("a stale translation is used");
}

static void usable_check(void)
{
    for (unsigned c = 0; c < CPUS; c++)
        if (shoot_cpus[c].batch % 2)
            return;
    checks++;
    for (unsigned c = 0; c < CPUS; c++) {
        const struct model_cpu *cpu = &cpus[c];
        const struct space *space = space_of(cpu);
        if (!cpu->user)
            continue;
        for (unsigned i = 0; i < TLB; i++)
            page_check(cpu, space, &cpu->pages[i]);
        for (unsigned i = 0; i < TABLES; i++) {
            const struct kept_table *kept = &cpu->tables[i];
            if (kept->used && kept->pcid == pcid_of(cpu->cr3) &&
                (!space || kept->table != true_table(space, kept->address, kept->level)))
                violate("a stale table is used");
        }
    }
}

/* No program reaches memory of a MEM that is mapped nowhere. */
static void mem_check(const struct mem *mem)
{
    for (unsigned c = 0; c < CPUS; c++)
        for (unsigned i = 0; i < TLB && cpus[c].user; i++) {
            const struct kept_page *kept = &cpus[c].pages[i];
            if (kept->used && !kept->global && kept->pcid == pcid_of(cpus[c].cr3) &&
                kept->frame >= mem->base && kept->frame < mem->base + mem->size)
                violate("memory is reached after it was revoked");
        }
}

/* --- what the kernel supplies --- */

uint32_t shoot_this_cpu(void)
{
    return running;
}

void shoot_cr3_load(uint64_t value)
{
    struct model_cpu *cpu = &cpus[running];
    uint32_t pcid = pcid_of(value);

    if (!pcids && (value & (SHOOT_KEEP | 4095)))
        violate("a tag where there are none");
    yield();
    if (!(value & SHOOT_KEEP) && mutation != SPACE_KEPT) {
        for (unsigned i = 0; i < TLB; i++)
            if (!cpu->pages[i].global && cpu->pages[i].pcid == pcid)
                cpu->pages[i].used = false;
        for (unsigned i = 0; i < TABLES; i++)
            if (cpu->tables[i].pcid == pcid)
                cpu->tables[i].used = false;
    }
    cpu->cr3 = value & ~SHOOT_KEEP;
    yield();
}

void shoot_page_invalidate(uint64_t address)
{
    struct model_cpu *cpu = &cpus[running];
    uint32_t pcid = pcid_of(cpu->cr3);

    for (unsigned i = 0; i < TLB && mutation != PAGE_KEPT; i++) {
        struct kept_page *kept = &cpu->pages[i];
        if ((kept->global || kept->pcid == pcid) && address - kept->address < kept->bytes)
            kept->used = false;
    }
    for (unsigned i = 0; i < TABLES && mutation != PAGE_KEPT; i++)
        if (cpu->tables[i].pcid == pcid)
            cpu->tables[i].used = false;
}

void shoot_everything_invalidate(void)
{
    for (unsigned i = 0; i < TLB && mutation != GLOBAL_KEPT; i++)
        cpus[running].pages[i].used = false;
    for (unsigned i = 0; i < TABLES && mutation != GLOBAL_KEPT; i++)
        cpus[running].tables[i].used = false;
}

static void tables_give_early(struct shoot *batch)
{
    while (batch->tables) {
        uint64_t *table = batch->tables;
        struct pool *from = (struct pool *)table[1];
        batch->tables = (void *)table[0];
        table[0] = table[1] = 0;
        pool_give_clean_frame(from, table);
    }
}

void shoot_interrupt(uint32_t cpu)
{
    cpus[cpu].interrupt = true;
    if (mutation == REQUEST_DROPPED) {
        shoot_cpus[cpu].requests &= ~(1ull << running);
        shoot_cpus[running].pending &= ~(1ull << cpu);
    }
    if (mutation == TABLES_EARLY)
        tables_give_early(shoot_cpus[running].open);
    yield();
}

void shoot_quiesce(void)
{
    abort(); /* no MEM ends here */
}

void shoot_pause(void)
{
    yield();
}

static unsigned deposit_index(hpa_t frame)
{
    return (unsigned)((frame.value - mems[MEMS - 1].base) / FRAME_SIZE);
}

void frame_map_add(hpa_t frame)
{
    frame_map[deposit_index(frame)] = true;
}

void frame_map_remove(hpa_t frame)
{
    frame_map[deposit_index(frame)] = false;
}

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

    request.level = region == LARGE;
    request.count = request.level ? 1 : world_random(8) ? 1 + world_random(3) : 40;
    place = region == LARGE ? world_random(2) : world_random(REGION_PAGES);
    request.address = regions[region] + place * level_bytes(request.level);
    if (m < MEMS - 1)
        request.offset = world_random(4) * level_bytes(request.level);
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
    struct tree_node *node = tree_floor(&space->mappings, near);

    *address = node ? node->key : 0;
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
        struct shoot batch;
        unsigned budget = 1 + world_random(4);
        shoot_begin(&batch, cpu);
        more = slot_revoke_step(&slots[m], &budget, false);
        shoot_flush(&batch);
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
            if (!spaces[s].tags[c] && shoot_cpus[c].current != &spaces[s])
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
        if (pcids && shoot_cpus[c].tag > 6 && shoot_cpus[c].tag < TAG_PCIDS - 12)
            shoot_cpus[c].tag = TAG_PCIDS - 2; /* tags come round often */
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
    return pool->free_frames == POOL_FRAMES - SPACES && !pool->reserved_frames;
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
