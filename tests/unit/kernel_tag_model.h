/*
 * The model for kernel_tag.c: processors that are coroutines, what they keep of guests, and what
 * must hold.
 */
#pragma once

#include <string.h>

#include "kernel_world.h" /* before what it models */

#include "guest.h"
#include "kernel_context.h"
#include "shoot.h"

#define CPUS        3u
#define VMS         3u
#define VCPUS       9u /* VCPU v is of VM v % VMS, on CPU v / VMS */
#define MEMS        3u
#define POOL_FRAMES 200u
#define TLB         160u
#define TABLES      40u
#define IDS         4u

enum mutation {
    NONE,
    FORGET_KEPT,     /* VMX: what a VM's tables gave is kept */
    ID_KEPT,         /* SVM: a VCPU keeps its id when its VM has a new stamp */
    ROLL_KEPT,       /* ids start again, and nothing is forgotten */
    UNNAMED,         /* a CPU does not say whose guest it runs */
    REQUEST_DROPPED, /* a request is acknowledged, not served */
    STAMP_KEPT,      /* a CPU that runs no guest of the VM keeps its stamp */
    DIRTY_KEPT,      /* after the dirty bits nothing is forgotten */
    MUTATIONS,
};

static const struct {
    const char *name;
    uint32_t kind; /* GUEST_NONE: any */
} mutations[MUTATIONS] = {
    [FORGET_KEPT] = {"forgetting by tables", GUEST_VMX},
    [ID_KEPT] = {"a new id", GUEST_SVM},
    [ROLL_KEPT] = {"forgetting all when ids start again", GUEST_SVM},
    [UNNAMED] = {"the name of the guest", GUEST_NONE},
    [REQUEST_DROPPED] = {"a remote flush", GUEST_NONE},
    [STAMP_KEPT] = {"the loss of a stamp", GUEST_NONE},
    [DIRTY_KEPT] = {"the shoot-down after VM_DIRTY", GUEST_NONE},
};

struct kept {
    bool used;
    uint32_t id;      /* of whom it was; 0: of any, by the tables alone */
    uint64_t root;    /* by which tables */
    uint64_t address; /* guest-physical */
    uint64_t bytes;
    uint64_t frame; /* or, of a table, where it is */
    bool write, dirty;
    unsigned level; /* of a table's entries */
};

static struct model_cpu {
    void *context;
    char *stack;
    struct cpu kernel;
    bool interrupt, done;
    struct vcpu *runs;  /* in guest mode */
    struct space *uses; /* that its call, or its guest, has in hand */
    struct kept pages[TLB], tables[TABLES];
} cpus[CPUS];

static void *scheduler;
static uint32_t running;
static bool stopping, closing;
static enum mutation mutation;
static const char *violation;

static struct pool *pool;
static struct vm vms[VMS];
static struct vcpu vcpus[VCPUS];
static bool alive[VMS];
static struct tag tags_before[VMS][CPUS];
static struct mem mems[MEMS];
static struct node slots[MEMS];
static unsigned checks, uses, entries, rolls, harvests, told, deaths;

static struct boot_guest *const guest_limits = &boot_handoff.guest.limits;

/* What guests wrote, by page, and has not been told. */
#define REGIONS      3u
#define REGION_PAGES 64u
#define LARGE        2u
static const uint64_t regions[REGIONS] = {0x5f0000, 0x3fff0000, 0x80000000};
static bool written[VMS][REGIONS][REGION_PAGES], during[VMS][REGIONS][REGION_PAGES];
static bool harvested[VMS]; /* somebody is about to tell, or changes what is mapped */

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

static bool usable(const struct kept *kept, const struct vcpu *vcpu)
{
    if (!kept->used)
        return false;
    if (guest_limits->kind == GUEST_SVM)
        return kept->id == vcpu->tag.id;
    return kept->root == vcpu->vm->space.cr3 && (!kept->id || kept->id == vcpu->tag.id);
}

/* Under which id a translation is kept: on VMX perhaps under none. */
static uint32_t keep_id(const struct vcpu *vcpu)
{
    return guest_limits->kind == GUEST_SVM || world_random(2) ? vcpu->tag.id : 0;
}

/* The table of a level on the way to address, NULL: there is none. */
static uint64_t *true_table(const struct space *space, uint64_t address, unsigned level)
{
    uint64_t *table = space->root;

    for (unsigned at = 3; at > level; at--) {
        uint64_t entry = table[address >> (12 + 9 * at) & 511];
        if (!entry || entry & PAGE_LARGE)
            return NULL;
        table = (uint64_t *)(entry & PAGE_ADDRESS);
    }
    return table;
}

/* A guest wrote to a page of a region. */
static void note(const struct vcpu *vcpu, unsigned region, unsigned page)
{
    size_t vm = (size_t)(vcpu->vm - vms);

    (harvested[vm] ? during : written)[vm][region][page] = true;
}

static void guest_walk(struct model_cpu *cpu, uint64_t address, bool write, unsigned region,
                       unsigned page)
{
    const struct vcpu *vcpu = cpu->runs;
    const struct space *space = &vcpu->vm->space;
    uint64_t *table = space->root;
    uint32_t first = world_random(TABLES);
    unsigned level = 3;

    for (unsigned i = 0; i < TABLES; i++) {
        const struct kept *kept = &cpu->tables[(first + i) % TABLES];
        if (!usable(kept, vcpu) || address - kept->address >= kept->bytes)
            continue;
        table = (uint64_t *)kept->frame;
        level = kept->level;
        if ((table[address >> (12 + 9 * level) & 511] & PAGE_PRESENT) &&
            table != true_table(space, address, level))
            violate("a walk from a table that is gone finds an entry");
        break;
    }
    for (;; level--) {
        uint64_t *entry = &table[address >> (12 + 9 * level) & 511];
        uint64_t bytes = level_bytes(level);
        if (!(*entry & PAGE_PRESENT))
            return;
        if (level == 0 || *entry & PAGE_LARGE) {
            if (write && !(*entry & PAGE_WRITE))
                return;
            if (write) {
                *entry |= space->format->dirty;
                note(vcpu, region, page);
            }
            cpu->pages[world_random(TLB)] = (struct kept){.used = true,
                                                          .id = keep_id(vcpu),
                                                          .root = space->cr3,
                                                          .address = address & ~(bytes - 1),
                                                          .bytes = bytes,
                                                          .frame = *entry & PAGE_ADDRESS,
                                                          .write = *entry & PAGE_WRITE,
                                                          .dirty = *entry & space->format->dirty};
            return;
        }
        table = (uint64_t *)(*entry & PAGE_ADDRESS);
        cpu->tables[world_random(TABLES)] = (struct kept){.used = true,
                                                          .id = keep_id(vcpu),
                                                          .root = space->cr3,
                                                          .address = address & ~(bytes - 1),
                                                          .bytes = bytes,
                                                          .frame = (uint64_t)table,
                                                          .level = level - 1};
    }
}

/* One access of a guest, by what the CPU has kept, or by a walk. */
static void guest_access(struct model_cpu *cpu)
{
    unsigned region = world_random(REGIONS), page = world_random(REGION_PAGES);
    uint64_t address = regions[region] + page * level_bytes(region == LARGE ? 1 : 0);
    bool write = world_random(2);

    for (unsigned i = 0; i < TLB; i++) {
        const struct kept *kept = &cpu->pages[i];
        if (!usable(kept, cpu->runs) || address - kept->address >= kept->bytes)
            continue;
        if (!write)
            return;
        if (kept->write && kept->dirty) {
            note(cpu->runs, region, page);
            return;
        }
    }
    guest_walk(cpu, address, write, region, page);
}

static void usable_check(void)
{
    for (unsigned c = 0; c < CPUS; c++)
        if (shoot_cpus[c].batch % 2)
            return;
    checks++;
    for (unsigned c = 0; c < CPUS; c++) {
        const struct vcpu *vcpu = cpus[c].runs;
        for (unsigned i = 0; vcpu && i < TLB; i++) {
            const struct kept *kept = &cpus[c].pages[i];
            const struct space *space = &vcpu->vm->space;
            unsigned level;
            if (!usable(kept, vcpu))
                continue;
            uses++;
            uint64_t entry = world_walk(space, kept->address, &level);
            if (!entry || (entry & PAGE_ADDRESS) != kept->frame ||
                level_bytes(level) != kept->bytes || kept->write != !!(entry & PAGE_WRITE))
                violate("a stale translation is used");
            else if (kept->dirty && !(entry & space->format->dirty))
                violate("a page can be written and not be marked");
        }
        for (unsigned i = 0; vcpu && i < TABLES; i++) {
            const struct kept *kept = &cpus[c].tables[i];
            if (usable(kept, vcpu) &&
                (uint64_t)true_table(&vcpu->vm->space, kept->address, kept->level) != kept->frame)
                violate("a table that is gone is used");
        }
    }
}

static void forget_all(struct kept *kept, unsigned count, uint64_t root)
{
    for (unsigned i = 0; i < count; i++)
        if (!root || kept[i].root == root)
            kept[i].used = false;
}

/* VMX: INVEPT of one or all contexts. SVM: a VCPU has a new ASID, and nothing is to be done. */
static void model_forget(struct vcpu *vcpu)
{
    struct model_cpu *cpu = &cpus[running];

    yield();
    rolls += !vcpu;
    if (vcpu ? guest_limits->kind == GUEST_SVM || mutation == FORGET_KEPT : mutation == ROLL_KEPT)
        return;
    forget_all(cpu->pages, TLB, vcpu ? vcpu->vm->space.cr3 : 0);
    forget_all(cpu->tables, TABLES, vcpu ? vcpu->vm->space.cr3 : 0);
    yield();
}

static const struct guest_backend model = {.forget = model_forget};
const struct guest_backend *guest = &model;

/* --- what the kernel supplies --- */

uint32_t shoot_this_cpu(void)
{
    return running;
}

void shoot_cr3_load(uint64_t value)
{
    (void)value;
}

void shoot_page_invalidate(uint64_t address)
{
    (void)address;
}

void shoot_everything_invalidate(void)
{
}

void cpu_interrupt(uint32_t cpu)
{
    cpus[cpu].interrupt = true;
    if (mutation == REQUEST_DROPPED)
        shoot_cpus[cpu].served = shoot_cpus[cpu].asked;
    yield();
}

void space_left(void)
{
}

void shoot_pause(void)
{
    yield();
}

void quiesce(void)
{
    abort(); /* no MEM ends here */
}

void frame_map_add(hpa_t frame)
{
    (void)frame;
    abort(); /* nothing is deposited */
}

void frame_map_remove(hpa_t frame)
{
    frame_map_add(frame);
}
