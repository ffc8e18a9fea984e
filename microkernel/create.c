/*
 * System call CREATE: RDI = type | destination selector << 8, RSI = selector of the pool that pays,
 * RDX, R8, R9, R10 by type; RDX mostly names what the object is made from. Its memory is taken
 * first; then everything is checked, the object is made, and enters the destination with all
 * rights, or, if it is a part, with those to what it was cut from. What fails changes nothing but
 * that the destination's frame of slots may stay.
 */
#include "cpu.h"
#include "ec.h"
#include "mapping.h"
#include "pd.h"
#include "portal.h"
#include "range.h"
#include "sc.h"
#include "semaphore.h"
#include "syscalls.h"
#include "vcpu.h"

/* What one call creates from. */
struct creation {
    struct ec *ec; /* the caller */
    const struct registers *regs;
    struct pool *pool; /* pays */
    struct node *slot; /* claimed for the result; of a part it is filled */
    struct node *from; /* what RDX names, by `word` */
    uint64_t word;
};

bool pd_init(struct pd *pd, struct pool *pool)
{
    chain_init(&pd->ecs);
    chain_init(&pd->doomed);
    if (!space_init(&pd->space, pool, frame_at(boot_handoff.root)))
        return false;
    if (table_init(&pd->table, pool))
        return true;
    pool_give_frame(pool, pd->space.root);
    return false;
}

static enum status create_pd(const struct creation *c, struct object *object)
{
    return pd_init((struct pd *)object, c->pool) ? STATUS_SUCCESS : STATUS_NEEDS_FRAMES;
}

static enum status create_vm(const struct creation *c, struct object *object)
{
    return vm_init((struct vm *)object, c->pool);
}

static enum status create_pool(const struct creation *c, struct object *object)
{
    struct pool *pool = (struct pool *)object;

    if (c->pool->level + 1 == POOL_LEVELS)
        return STATUS_DEPTH;
    pool_init(pool);
    pool->level = c->pool->level + 1;
    return STATUS_SUCCESS;
}

/* R8: offset, R9: size, R10: memory type. */
static enum status create_mem(const struct creation *c, struct object *object)
{
    struct mem_part part = {c->regs->r8, c->regs->r9, (enum mem_type)c->regs->r10};

    if (c->regs->r10 > MEM_UNCACHED)
        return STATUS_BAD_PARAMETER;
    return mem_divide(c->from, c->word, (struct mem *)object, &part, c->slot);
}

/* Of R10, which has the CPU in the lower bits. */
static uint64_t utcb_address(const struct registers *regs)
{
    return regs->r10 & ~(FRAME_SIZE - 1);
}

/* R8: RIP, R9: RSP, R10: address of the UTCB | CPU. */
static enum status create_ec(const struct creation *c, struct object *object)
{
    struct ec *ec = (struct ec *)object;

    ec->regs.rip = c->regs->r8;
    ec->regs.rsp = c->regs->r9;
    ec->cpu = (uint32_t)(c->regs->r10 % FRAME_SIZE);
    return ec_init(ec, (struct pd *)capability_object(c->word), utcb_address(c->regs));
}

/* RDX: EC | CPU capability << 32, R8: priority | reserve << 8, R9: budget, R10: period in ticks. */
static enum status create_sc(const struct creation *c, struct object *object)
{
    const struct registers *regs = c->regs;
    struct sc *sc = (struct sc *)object;
    uint32_t right = CPU_RIGHT_TIME | (regs->r9 == regs->r10 ? CPU_RIGHT_UNLIMITED : 0);
    const struct table *table = &c->ec->pd->table;
    struct object *home;
    struct node *slot;
    uint64_t word;
    enum status status = table_find(table, (uint32_t)regs->rdx, OBJECT_EC, EC_RIGHT_SC, &home);

    if (status == STATUS_BAD_CAPABILITY) /* a VCPU has scheduling contexts as an EC has */
        status = table_find(table, (uint32_t)regs->rdx, OBJECT_VCPU, VCPU_RIGHT_SC, &home);
    if (status)
        return status;
    if (regs->r8 >> 9)
        return STATUS_BAD_PARAMETER;
    status = table_find_slot(table, regs->rdx >> 32, OBJECT_CPU, right, &slot, &word);
    sc->home = (struct ec *)home;
    sc->starts = !(regs->r8 >> 8);
    sc->budget = budget_make(regs->r9, regs->r10);
    runqueue_entry_init(&sc->ready, (uint32_t)(regs->r8 & 0xff));
    return status ? status : sc_derive(sc, slot, word);
}

/* R8: id. */
static enum status create_pt(const struct creation *c, struct object *object)
{
    portal_init((struct pt *)object, (struct ec *)capability_object(c->word), c->regs->r8);
    return STATUS_SUCCESS;
}

/* RDX: count. */
static enum status create_sm(const struct creation *c, struct object *object)
{
    struct sm *sm = (struct sm *)object;

    chain_init(&sm->waiters);
    sm->count = c->regs->rdx;
    return STATUS_SUCCESS;
}

/* R8: ceiling, R9: share. */
static enum status create_cpu(const struct creation *c, struct object *object)
{
    struct cpu_share *share = (struct cpu_share *)object;

    share->parent = (struct cpu_share *)capability_object(c->word);
    if (c->regs->r8 > share->parent->ceiling || c->regs->r9 > CPU_SHARE_ALL || c->regs->r10)
        return STATUS_BAD_PARAMETER;
    share->cpu = share->parent->cpu;
    share->ceiling = (uint32_t)c->regs->r8;
    share->share = share->free = (uint32_t)c->regs->r9;
    return part_derive(c->from, c->word, &share->part, share->share, c->slot);
}

/* R8: offset, R9: how many. */
static enum status create_range(const struct creation *c, struct object *object)
{
    const struct range *parent = (const struct range *)capability_object(c->word);
    struct range *range = (struct range *)object;

    if (!range_holds(parent, c->regs->r8, c->regs->r9) || c->regs->r10)
        return STATUS_BAD_PARAMETER;
    range->base = parent->base + (uint32_t)c->regs->r8;
    range->count = (uint32_t)c->regs->r9;
    return part_derive(c->from, c->word, &range->part, 0, c->slot);
}

/* R8: CPU. */
static enum status create_vcpu(const struct creation *c, struct object *object)
{
    struct vcpu *vcpu = (struct vcpu *)object;

    if (c->regs->r8 >= BOOT_MAX_CPUS || c->regs->r9 || c->regs->r10)
        return STATUS_BAD_PARAMETER;
    vcpu->ec.cpu = (uint32_t)c->regs->r8;
    return vcpu_init(vcpu, (struct vm *)capability_object(c->word));
}

/* By type: its memory, frames that it has besides, what RDX names with which right, the maker. */
static const struct creator {
    uint32_t bytes;
    uint8_t frames, from, right; /* from OBJECT_NONE: something else, or nothing */
    enum status (*make)(const struct creation *c, struct object *object);
} creators[] = {
    [OBJECT_PD] = {sizeof(struct pd), 2, OBJECT_NONE, 0, create_pd}, /* directory and top table */
    [OBJECT_VM] = {sizeof(struct vm), 1, OBJECT_NONE, 0, create_vm}, /* its top table */
    [OBJECT_POOL] = {sizeof(struct pool), 0, OBJECT_NONE, 0, create_pool},
    [OBJECT_MEM] = {sizeof(struct mem), 0, OBJECT_MEM, MEM_RIGHT_DIVIDE, create_mem},
    [OBJECT_EC] = {FRAME_SIZE, 1, OBJECT_PD, PD_RIGHT_CREATE, create_ec}, /* its UTCB */
    [OBJECT_SC] = {sizeof(struct sc), 0, OBJECT_NONE, 0, create_sc},
    [OBJECT_PT] = {sizeof(struct pt), 0, OBJECT_EC, EC_RIGHT_PORTAL, create_pt},
    [OBJECT_SM] = {sizeof(struct sm), 0, OBJECT_NONE, 0, create_sm},
    [OBJECT_CPU] = {sizeof(struct cpu_share), 0, OBJECT_CPU, CPU_RIGHT_DIVIDE, create_cpu},
    [OBJECT_PORTS] = {sizeof(struct range), 0, OBJECT_PORTS, RANGE_RIGHT_DIVIDE, create_range},
    [OBJECT_IRQ] = {sizeof(struct range), 0, OBJECT_IRQ, RANGE_RIGHT_DIVIDE, create_range},
    [OBJECT_PCI] = {sizeof(struct range), 0, OBJECT_PCI, RANGE_RIGHT_DIVIDE, create_range},
    [OBJECT_VCPU] = {FRAME_SIZE, VCPU_FRAMES, OBJECT_VM, VM_RIGHT_CREATE, create_vcpu},
};

/*
 * How many frames a pool lacks for a call that has changed nothing: the caller's own for the slot,
 * the one that pays, or, for the mapping of a UTCB, that of an EC's domain, whichever lacks some
 * first. Exact, if nobody else uses that pool; 0: nobody lacks any.
 */
static __attribute__((noinline)) uint64_t frames_missing(const struct creation *c,
                                                         const struct creator *creator)
{
    const struct table *table = &c->ec->pd->table;
    struct pool *pool[] = {table->pool, c->pool, c->pool};
    uint64_t needs[] = {!table_slot(table, c->regs->rdi >> 8),
                        pool_cell_needs(c->pool, creator->bytes) + creator->frames, 0};

    if (creator->make == create_ec) {
        struct space *space = &((struct pd *)capability_object(c->word))->space;
        pool[2] = space->pool;
        needs[2] = mapping_needs(space, utcb_address(c->regs));
    }
    for (unsigned i = 0; i < 3; i++) {
        uint64_t all = 0, free = __atomic_load_n(&pool[i]->free_frames, __ATOMIC_RELAXED);
        for (unsigned k = 0; k < 3; k++)
            all += pool[k] == pool[i] ? needs[k] : 0;
        if (all > free)
            return all - free;
    }
    return 0;
}

static enum status create(const struct creation *c, const struct creator *creator)
{
    struct object *object = pool_take_object(c->pool, creator->bytes);

    if (!object)
        return STATUS_NEEDS_FRAMES;
    object->type = (uint8_t)c->regs->rdi;
    object->pool = c->pool;
    chain_init(&object->nodes);
    enum status status = creator->make(c, object);
    if (status) {
        pool_hide_object(c->pool, object);
        pool_give_cell(c->pool, object);
    } else if (!object->cut) {
        node_insert_first(object, c->slot, RIGHTS_ALL);
    }
    return status;
}

uint64_t syscall_create(struct ec *ec)
{
    uint64_t type = ec->regs.rdi & 0xff, selector = ec->regs.rdi >> 8, missing;
    const struct creator *creator = &creators[type];
    struct creation c = {.ec = ec, .regs = &ec->regs};
    struct object *pool;

    if (type >= sizeof(creators) / sizeof(creators[0]) || !creator->make)
        return STATUS_BAD_PARAMETER;
    enum status status =
        table_find(&ec->pd->table, ec->regs.rsi, OBJECT_POOL, POOL_RIGHT_USE, &pool);
    if (!status && creator->from)
        status = table_find_slot(&ec->pd->table, ec->regs.rdx, (enum object_type)creator->from,
                                 creator->right, &c.from, &c.word);
    if (status)
        return status;
    c.pool = (struct pool *)pool;
    c.slot = table_slot(&ec->pd->table, selector);
    if (!c.slot) /* a frame for it is added only if that is all that is missing */
        status = frames_missing(&c, creator) ? STATUS_NEEDS_FRAMES
                                             : slot_open(ec, &ec->pd->table, selector, &c.slot);
    if (!status && !slot_claim(c.slot))
        return STATUS_IN_USE;
    if (!status) {
        status = create(&c, creator);
        if (status)
            slot_unclaim(c.slot);
    }
    if (status == STATUS_NEEDS_FRAMES) {
        missing = frames_missing(&c, creator);
        ec->regs.rdx = missing ? missing : 1; /* 0: another CPU gave some back meanwhile */
    }
    return status;
}
