/*
 * The rules of guest tags and of shoot-downs in VMs, on a model of processors that keep every
 * translation of guests that hardware may keep: of pages, with the right to write and with the
 * knowledge that they are marked dirty, and pointers to tables. VMX (SDM 3C, 28.4): by tables, and
 * by tables and VPID; SVM (APM 2, 15.16): by ASID alone.
 *
 * CPUs are coroutines that change wherever the kernel waits, asks or forgets, in random order.
 * Whenever a CPU runs a guest and no batch is open, all that it has kept and can use must be what
 * the tables say, and what a guest wrote must be told. The same run with one rule left out fails.
 * What a VPID keeps apart, translations by the guests' own tables, is not in the model: for that,
 * no two VCPUs of a CPU have one id.
 */
#include "kernel_tag_model.h"
#include "tap.h"

/* --- what CPUs do --- */

static uint64_t place_of(unsigned region, unsigned page)
{
    return regions[region] + page * level_bytes(region == LARGE ? 1 : 0);
}

static void do_map(uint32_t c, struct vm *vm)
{
    static const uint64_t rights[] = {MEM_RIGHT_READ, MEM_RIGHT_READ | MEM_RIGHT_WRITE,
                                      MAPPING_RIGHTS};
    uint32_t m = world_random(MEMS), region = world_random(REGIONS);
    unsigned level = region == LARGE;
    struct map_request request = {
        .address = place_of(region, world_random(REGION_PAGES - 4)),
        .offset = world_random(4) * level_bytes(level),
        .count = level ? 1 : 1 + world_random(3),
        .level = level,
        .rights = rights[world_random(3)],
    };
    uint64_t needs;

    if (mapping_create(&vm->space, &slots[m], slots[m].word, &request, c, &needs) ==
        STATUS_NEEDS_FRAMES)
        violate("the pool has lost frames");
}

/* What was written to pages that are no longer mapped is nobody's affair. */
static void unmapped_drop(unsigned v)
{
    for (unsigned r = 0; r < REGIONS; r++)
        for (unsigned p = 0; p < REGION_PAGES; p++)
            if (!world_translate(&vms[v].space, place_of(r, p)))
                written[v][r][p] = during[v][r][p] = false;
}

static void do_unmap(uint32_t c, unsigned v)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t address = place_of(world_random(REGIONS), world_random(REGION_PAGES));
        if (trie_find(&vms[v].space.mappings, address / FRAME_SIZE)) {
            (void)!mapping_unmap(&vms[v].space, address, c);
            break;
        }
    }
    unmapped_drop(v);
}

static void do_revoke(uint32_t c)
{
    uint32_t m = world_random(MEMS);
    bool more = true;

    while (more) {
        unsigned budget = 1 + world_random(4);
        more = slot_revoke_step(&slots[m], &budget, false);
        shoot_flush(c);
    }
    shoot_settle(c);
    for (unsigned v = 0; v < VMS; v++)
        unmapped_drop(v);
}

static void do_split(uint32_t c, struct vm *vm)
{
    (void)!mapping_split(&vm->space, place_of(LARGE, world_random(REGION_PAGES)), c);
}

static void do_protect(uint32_t c, struct vm *vm)
{
    enum space_watch what = world_random(2) ? WATCH_PROTECT : WATCH_RESTORE;
    uint64_t changed[SPACE_WATCH_WORDS] = {0};
    unsigned region = world_random(REGIONS), first = world_random(8);

    if (mapping_watch(&vm->space, place_of(region, first), 1 + world_random(8), region == LARGE,
                      what, changed, c))
        violate("a range is refused");
}

/* All of a region at once, but for a large page that was split: its parts are not asked for. */
static void do_dirty(uint32_t c, unsigned v)
{
    uint64_t changed[SPACE_WATCH_WORDS] = {0};
    unsigned region = world_random(REGIONS), here = region == LARGE ? REGION_PAGES : 16;
    unsigned first = region == LARGE ? 0 : world_random(2) * 16;
    bool before[REGION_PAGES];

    harvested[v] = true;
    memcpy(before, written[v][region], sizeof(before));
    memset(&written[v][region][first], 0, here * sizeof(bool));
    if (mutation == DIRTY_KEPT) {
        space_watch(&vms[v].space, place_of(region, first), here, region == LARGE, WATCH_DIRTY,
                    changed, c);
        shoot_cpus[c].cpus = 0;
        for (unsigned i = 0; i < CPUS; i++)
            vms[v].space.tags[i] = tags_before[v][i];
        shoot_flush(c);
    } else if (mapping_watch(&vms[v].space, place_of(region, first), here, region == LARGE,
                             WATCH_DIRTY, changed, c)) {
        violate("a range is refused");
    }
    for (unsigned p = first; p < first + here; p++) {
        unsigned level;
        bool said = changed[(p - first) / 64] >> (p - first) % 64 & 1;
        world_walk(&vms[v].space, place_of(region, p), &level);
        told += said;
        if (before[p] && !said && level == (region == LARGE) &&
            world_translate(&vms[v].space, place_of(region, p)))
            violate("a page was written, and it is not told");
        during[v][region][p] = during[v][region][p] && !said;
    }
    for (unsigned r = 0; r < REGIONS; r++)
        for (unsigned p = 0; p < REGION_PAGES; p++)
            written[v][r][p] = written[v][r][p] || during[v][r][p];
    memset(during[v], 0, sizeof(during[v]));
    harvests++;
    harvested[v] = false;
}

static bool vm_open(unsigned v)
{
    memset(&vms[v], 0, sizeof(vms[v]));
    memset(tags_before[v], 0, sizeof(tags_before[v]));
    memset(written[v], 0, sizeof(written[v]));
    for (unsigned i = v; i < VCPUS; i += VMS) {
        memset(&vcpus[i], 0, sizeof(vcpus[i]));
        vcpus[i].vm = &vms[v];
    }
    alive[v] = space_init_guest(&vms[v].space, pool,
                                guest_limits->kind == GUEST_VMX ? &space_ept : &space_pages, 2);
    return alive[v];
}

/* Ends a VM when no CPU has it in hand, and begins another one in its place. */
static void do_death(uint32_t c, unsigned v)
{
    struct space *space = &vms[v].space;

    alive[v] = false;
    for (unsigned i = 0; i < CPUS; i++)
        while (i != c && cpus[i].uses == space) {
            shoot_serve(c);
            yield();
        }
    while (mapping_die_step(space, 1 + world_random(4), c))
        yield();
    space_end(space, c);
    for (unsigned i = 0; i < CPUS; i++)
        if (shoot_cpus[i].guest == space)
            violate("a VM that is gone is still named");
    if (!vm_open(v))
        violate("the pool has lost frames");
    deaths++;
}

static void do_something(uint32_t c)
{
    unsigned v = world_random(VMS), what = world_random(64);

    if (!alive[v] || harvested[v])
        return;
    if (what < 2) {
        for (unsigned i = 0; i < VMS; i++)
            if (harvested[i])
                return;
        memset(harvested, true, sizeof(harvested));
        do_revoke(c);
        memset(harvested, false, sizeof(harvested));
    } else if (what < 3) {
        harvested[v] = true;
        do_death(c, v);
        harvested[v] = false;
    } else {
        cpus[c].uses = &vms[v].space;
        if (what < 20) {
            do_dirty(c, v);
        } else {
            harvested[v] = true;
            if (what < 38)
                do_map(c, &vms[v]);
            else if (what < 48)
                do_unmap(c, v);
            else if (what < 50)
                do_split(c, &vms[v]);
            else
                do_protect(c, &vms[v]);
            for (unsigned r = 0; r < REGIONS; r++)
                for (unsigned p = 0; p < REGION_PAGES; p++)
                    written[v][r][p] = written[v][r][p] || during[v][r][p];
            memset(during[v], 0, sizeof(during[v]));
            unmapped_drop(v);
            harvested[v] = false;
        }
        cpus[c].uses = NULL;
    }
}

/* Two VCPUs of this CPU with one id in its generation: none. */
static void ids_check(const struct vcpu *vcpu)
{
    for (unsigned i = 0; i < VCPUS; i++) {
        const struct guest_tag *other = &vcpus[i].tag;
        if (&vcpus[i] != vcpu && i / VMS == running && other->id == vcpu->tag.id &&
            other->generation == vcpu->tag.generation)
            violate("two VCPUs share an id");
    }
    if (!vcpu->tag.id || vcpu->tag.id > IDS)
        violate("there is no such id");
}

static void guest_run(struct model_cpu *cpu, struct vcpu *vcpu)
{
    struct guest_tag before = vcpu->tag;

    cpu->uses = &vcpu->vm->space;
    guest_tag_check(&cpu->kernel, vcpu);
    if (mutation == ID_KEPT && before.generation == vcpu->tag.generation)
        vcpu->tag.id = before.id;
    if (mutation == UNNAMED)
        cpu->kernel.shoot->guest = NULL;
    if (mutation != ID_KEPT && mutation != ROLL_KEPT)
        ids_check(vcpu);
    entries++;
    cpu->runs = vcpu;
    do
        yield();
    while (world_random(6));
    cpu->runs = NULL;
    cpu->uses = NULL;
}

static void cpu_run(void)
{
    for (;;) {
        struct model_cpu *cpu = &cpus[running];
        yield();
        if (cpu->interrupt) {
            cpu->interrupt = false;
            shoot_serve(running);
        }
        cpu->done = stopping;
        if (stopping)
            continue;
        struct vcpu *vcpu = &vcpus[running * VMS + world_random(VMS)];
        if (world_random(4) == 0)
            do_something(running);
        else if (alive[vcpu->vm - vms])
            guest_run(cpu, vcpu);
    }
}

/* --- the run --- */

static void world_open(void)
{
    memset(shoot_cpus, 0, sizeof(shoot_cpus));
    memset(mems, 0, sizeof(mems));
    memset(slots, 0, sizeof(slots));
    memset(harvested, 0, sizeof(harvested));
    memset(during, 0, sizeof(during));
    pool = world_pool(0, POOL_FRAMES);
    for (unsigned m = 0; m < MEMS; m++) {
        mem_init(&mems[m], pool, (m + 1) * 0x10000000ul, 4 * level_bytes(1), MEM_WRITE_BACK);
        if (!slot_claim(&slots[m]))
            abort();
        node_insert_first(&mems[m].object, &slots[m], MAPPING_RIGHTS);
    }
    for (unsigned v = 0; v < VMS; v++)
        if (!vm_open(v))
            abort();
    for (uint32_t c = 0; c < CPUS; c++) {
        free(
            cpus[c].stack); /* a new one: the sanitizer holds against the old what was left there */
        memset(&cpus[c], 0, sizeof(cpus[c]));
        cpus[c].stack = malloc(STACK);
        if (!cpus[c].stack)
            abort();
        cpus[c].kernel.index = c;
        cpus[c].kernel.shoot = &shoot_cpus[c];
        guest_tags_start(&cpus[c].kernel.guest);
        shoot_start(c, 0, false);
        cpus[c].context = context_new(cpus[c].stack, cpu_run);
    }
    stopping = closing = false;
    violation = NULL;
}

static void tags_note(void)
{
    for (unsigned v = 0; v < VMS; v++)
        for (unsigned c = 0; c < CPUS; c++) {
            struct tag *tag = &vms[v].space.tags[c];
            if (mutation == STAMP_KEPT && !tag->generation && shoot_cpus[c].guest != &vms[v].space)
                *tag = tags_before[v][c];
            tags_before[v][c] = *tag;
        }
}

static void step(void)
{
    running = world_random(CPUS);
    context_switch(&scheduler, cpus[running].context);
    for (unsigned c = 0; c < CPUS; c++)
        for (unsigned n = 0; n < 3 && cpus[c].runs; n++)
            guest_access(&cpus[c]);
    tags_note();
    usable_check();
}

static unsigned world_run(unsigned steps, uint32_t kind, enum mutation with, uint64_t seed)
{
    unsigned n = 0;

    guest_limits->kind = kind;
    guest_limits->tags = IDS + 1;
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
    stopping = true;
    for (unsigned n = 0; n < 100000 && !(cpus[0].done && cpus[1].done && cpus[2].done); n++)
        step();
    closing = true;
    running = 0;
    for (unsigned v = 0; v < VMS; v++)
        while (mapping_die_step(&vms[v].space, 8, 0))
            ;
    return pool->free_frames == POOL_FRAMES - VMS;
}

static const char *kind_name(uint32_t kind)
{
    return kind == GUEST_VMX ? "VMX" : "SVM";
}

int main(void)
{
    if (!arena_open(POOL_FRAMES + 1))
        return 1;
    for (uint32_t kind = GUEST_VMX; kind <= GUEST_SVM; kind++) {
        checks = uses = entries = rolls = harvests = told = deaths = 0;
        world_run(150000, kind, NONE, 3 + kind);
        ok(!violation, "%s: nothing stale is used%s%s", kind_name(kind), violation ? ": " : "",
           violation ? violation : "");
        printf("# %u checks of %u translations; %u entries, ids %u times anew, %u VMs; %u pages "
               "told in %u calls\n",
               checks, uses, entries, rolls, deaths, told, harvests);
        ok(violation || (checks && uses && rolls && deaths && told), "and all of that happens");
        ok(world_close(), "everything goes back to the pool");
        for (enum mutation with = NONE + 1; with < MUTATIONS; with++) {
            if (mutations[with].kind && mutations[with].kind != kind)
                continue;
            unsigned steps = world_run(600000, kind, with, 99);
            ok(violation, "%s: without %s the run fails", kind_name(kind), mutations[with].name);
            printf("# after %u steps: %s\n", steps, violation ? violation : "nothing");
        }
    }
    return done_testing();
}
