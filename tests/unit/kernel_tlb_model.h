/*
 * The model for kernel_tlb.c: processors that are coroutines, what they keep, and what must hold.
 */
#pragma once

#include <string.h>

#include "kernel_context.h"
#include "kernel_world.h"
#include "shoot.h"

#define CPUS        3u
#define SPACES      4u
#define MEMS        4u /* the last one has real frames, which are deposited too */
#define POOL_FRAMES 200u
#define DEPOSIT     256u /* first frame of the arena that the last MEM names */
#define DEPOSITED   40u
#define TLB         192u
#define TABLES      48u

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
static struct tag tags_before[SPACES][CPUS];
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

static void tables_give_early(struct shoot_cpu *batch)
{
    while (batch->tables) {
        uint64_t *table = batch->tables;
        struct pool *from = (struct pool *)table[1];
        batch->tables = (void *)table[0];
        table[0] = table[1] = 0;
        pool_give_clean_frame(from, table);
    }
}

void cpu_interrupt(uint32_t cpu)
{
    cpus[cpu].interrupt = true;
    if (mutation == REQUEST_DROPPED)
        shoot_cpus[cpu].served = shoot_cpus[cpu].asked;
    if (mutation == TABLES_EARLY)
        tables_give_early(&shoot_cpus[running]);
    yield();
}

void quiesce(void)
{
    abort(); /* no MEM ends here */
}

void space_left(void)
{
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
