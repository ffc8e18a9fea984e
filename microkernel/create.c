/*
 * System call CREATE: RDI = type | destination selector << 8, RSI = selector of the pool that pays,
 * RDX, R8, R9, R10 by type. First everything is checked, then memory is taken, then the object is
 * complete and enters the destination with all rights, or, a MEM or range, with those of its
 * parent. RDX returns how many frames a pool lacks.
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

/* What one call creates from. */
struct creation {
    struct ec *ec; /* the caller */
    struct pool *pool;
    struct node *slot;     /* claimed for the result */
    struct object *object; /* result; NULL: it is in its slot already */
    uint32_t rights;       /* to it */
};

/* Memory for an object; on failure the caller learns how many frames are missing. */
static void *object_take(struct creation *c, size_t bytes)
{
    void *memory = pool_take_object(c->pool, bytes);

    if (!memory)
        c->ec->regs.rdx = 1;
    return memory;
}

static void object_init(struct creation *c, struct object *object, enum object_type type)
{
    object->type = (uint8_t)type;
    object->pool = c->pool;
    chain_init(&object->nodes);
    c->object = object;
}

static enum status create_sm(struct creation *c)
{
    struct sm *sm = object_take(c, sizeof(*sm));

    if (!sm)
        return STATUS_NEEDS_FRAMES;
    chain_init(&sm->waiters);
    sm->count = c->ec->regs.rdx;
    object_init(c, &sm->object, OBJECT_SM);
    return STATUS_SUCCESS;
}

static enum status create_pool(struct creation *c)
{
    struct pool *pool;

    if (c->pool->level + 1 == POOL_LEVELS)
        return STATUS_DEPTH;
    pool = object_take(c, sizeof(*pool));
    if (!pool)
        return STATUS_NEEDS_FRAMES;
    pool_init(pool);
    pool->level = c->pool->level + 1;
    object_init(c, &pool->object, OBJECT_POOL);
    return STATUS_SUCCESS;
}

/* RDX: parent, R8: offset, R9: size, R10: memory type. */
static enum status create_mem(struct creation *c)
{
    const struct registers *regs = &c->ec->regs;
    struct node *slot;
    uint64_t word;
    enum status status =
        table_find_slot(&c->ec->pd->table, regs->rdx, OBJECT_MEM, MEM_RIGHT_DIVIDE, &slot, &word);

    if (status)
        return status;
    if (regs->r10 > MEM_UNCACHED)
        return STATUS_BAD_PARAMETER;
    struct mem_part part = {regs->r8, regs->r9, (enum mem_type)regs->r10};
    status = mem_divide(slot, word, c->pool, &part, c->slot);
    if (status == STATUS_NEEDS_FRAMES)
        c->ec->regs.rdx = 1;
    return status;
}

static enum status create_pd(struct creation *c)
{
    uint64_t lack = pool_reserve(c->pool, 3); /* itself, its directory, its top table */

    if (lack) {
        c->ec->regs.rdx = lack;
        return STATUS_NEEDS_FRAMES;
    }
    pool_unreserve(c->pool, 3);
    struct pd *pd = pool_take_object(c->pool, sizeof(*pd));
    if (!pd || !pd_init(pd, c->pool)) { /* another CPU was faster */
        c->ec->regs.rdx = 1;
        if (pd)
            pool_give_object(c->pool, pd);
        return STATUS_NEEDS_FRAMES;
    }
    object_init(c, &pd->object, OBJECT_PD);
    return STATUS_SUCCESS;
}

/* RDX: protection domain, R8: RIP, R9: RSP, R10: address of the UTCB | CPU. */
static enum status create_ec(struct creation *c)
{
    const struct registers *regs = &c->ec->regs;
    struct ec_request request = {.rip = regs->r8,
                                 .rsp = regs->r9,
                                 .utcb = regs->r10 & ~(FRAME_SIZE - 1),
                                 .cpu = (uint32_t)(regs->r10 % FRAME_SIZE)};
    struct object *pd;
    enum status status = table_find(&c->ec->pd->table, regs->rdx, OBJECT_PD, PD_RIGHT_CREATE, &pd);

    if (status)
        return status;
    struct ec *ec = object_take(c, FRAME_SIZE);
    if (!ec)
        return STATUS_NEEDS_FRAMES;
    object_init(c, &ec->object, OBJECT_EC);
    status = ec_init(ec, (struct pd *)pd, c->pool, &request, &c->ec->regs.rdx);
    if (status)
        pool_give_object(c->pool, ec);
    return status;
}

/* RDX: EC | CPU capability << 32, R8: priority | reserve << 8, R9: budget, R10: period in ticks. */
static enum status create_sc(struct creation *c)
{
    const struct registers *regs = &c->ec->regs;
    struct object *home, *cpu;
    enum status status =
        table_find(&c->ec->pd->table, (uint32_t)regs->rdx, OBJECT_EC, EC_RIGHT_SC, &home);

    if (!status)
        status = table_find(&c->ec->pd->table, regs->rdx >> 32, OBJECT_CPU, 0, &cpu);
    if (status)
        return status;
    struct sc_request request = {(struct ec *)home,
                                 (struct cpu_share *)cpu,
                                 (uint32_t)(regs->r8 & 0xff),
                                 regs->r8 >> 8 & 1,
                                 regs->r9,
                                 regs->r10};
    if (regs->r8 >> 9)
        return STATUS_BAD_PARAMETER;
    status = sc_check(&request);
    if (status)
        return status;
    struct sc *sc = object_take(c, sizeof(*sc));
    if (!sc)
        return STATUS_NEEDS_FRAMES;
    object_init(c, &sc->object, OBJECT_SC);
    if (sc_init(sc, &request))
        return STATUS_SUCCESS;
    pool_give_cell(c->pool, sc);
    return STATUS_BAD_CAPABILITY;
}

/* RDX: EC, R8: id. */
static enum status create_pt(struct creation *c)
{
    const struct registers *regs = &c->ec->regs;
    struct object *object;
    enum status status =
        table_find(&c->ec->pd->table, regs->rdx, OBJECT_EC, EC_RIGHT_PORTAL, &object);

    if (status)
        return status;
    struct pt *pt = object_take(c, sizeof(*pt));
    if (!pt)
        return STATUS_NEEDS_FRAMES;
    object_init(c, &pt->object, OBJECT_PT);
    if (portal_init(pt, (struct ec *)object, regs->r8))
        return STATUS_SUCCESS;
    pool_give_cell(c->pool, pt);
    return STATUS_BAD_CAPABILITY;
}

/* RDX: parent, a range of the same type, R8: offset in it, R9: how many. */
static enum status create_range(struct creation *c)
{
    const struct registers *regs = &c->ec->regs;
    enum object_type type = (enum object_type)(regs->rdi & 0xff);
    struct node *slot;
    uint64_t word;
    enum status status =
        table_find_slot(&c->ec->pd->table, regs->rdx, type, RANGE_RIGHT_DIVIDE, &slot, &word);

    if (status)
        return status;
    const struct range *parent = (const struct range *)capability_object(word);
    if (!range_holds(parent, regs->r8, regs->r9) || regs->r10)
        return STATUS_BAD_PARAMETER;
    struct range *range = object_take(c, sizeof(*range));
    if (!range)
        return STATUS_NEEDS_FRAMES;
    object_init(c, &range->object, type);
    range->base = parent->base + (uint32_t)regs->r8;
    range->count = (uint32_t)regs->r9;
    c->rights = capability_rights(word) | RIGHT_DESTROY;
    return STATUS_SUCCESS;
}

static enum status (*const creators[])(struct creation *c) = {
    [OBJECT_PD] = create_pd,     [OBJECT_POOL] = create_pool,   [OBJECT_MEM] = create_mem,
    [OBJECT_EC] = create_ec,     [OBJECT_SC] = create_sc,       [OBJECT_PT] = create_pt,
    [OBJECT_SM] = create_sm,     [OBJECT_PORTS] = create_range, [OBJECT_IRQ] = create_range,
    [OBJECT_PCI] = create_range,
};

uint64_t syscall_create(struct ec *ec)
{
    uint64_t type = ec->regs.rdi & 0xff, destination = ec->regs.rdi >> 8;
    struct creation creation = {.ec = ec, .rights = RIGHTS_ALL};
    struct object *pool;
    struct node *slot;
    enum status status =
        table_find(&ec->pd->table, ec->regs.rsi, OBJECT_POOL, POOL_RIGHT_USE, &pool);

    if (type >= sizeof(creators) / sizeof(creators[0]) || !creators[type])
        return STATUS_BAD_PARAMETER;
    if (!status)
        status = slot_open(ec, &ec->pd->table, destination, &slot);
    if (status)
        return status;
    creation.pool = (struct pool *)pool;
    creation.slot = slot;
    status = creators[type](&creation);
    if (status)
        slot_unclaim(slot);
    else if (creation.object)
        node_insert_first(creation.object, slot, creation.rights);
    return status;
}
