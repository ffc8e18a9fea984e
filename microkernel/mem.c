/*
 * Dividing and depositing memory.
 */
#include "mem.h"

#include "space.h"

#define RETREAT_AT_ONCE 4u

void mem_init(struct mem *mem, struct pool *pool, uint64_t base, uint64_t size, enum mem_type type)
{
    mem->object.type = OBJECT_MEM;
    mem->object.pool = pool;
    mem->top = mem;
    chain_init(&mem->object.nodes);
    mem->base = base;
    mem->size = size;
    mem->type = (uint8_t)type;
}

/* Has the MEM no child in [base, base + size)? */
static bool range_free(const struct mem *mem, uint64_t base, uint64_t size)
{
    struct tree_node *node = tree_floor(&mem->children, base + size - 1);
    const struct mem *last = node ? CONTAINER(node, struct mem, place) : NULL;

    return !last || last->base + last->size <= base;
}

static enum status divide_locked(struct mem *mem, struct node *slot, struct mem *child,
                                 const struct mem_part *part, struct node *destination)
{
    uint64_t base = mem->base + part->offset;
    uint32_t rights = capability_rights(slot->word) | RIGHT_DESTROY;

    if (mem->mappings > 0 || mem->deposit || !range_free(mem, base, part->size))
        return STATUS_IN_USE;
    mem_init(child, child->object.pool, base, part->size, part->type);
    child->object.cut = true;
    child->top = mem->top;
    child->parent = mem;
    tree_insert(&mem->children, &child->place, base);
    part_insert(slot, (struct part *)child, NODE_CHILD, destination, rights);
    return STATUS_SUCCESS;
}

enum status mem_divide(struct node *slot, uint64_t word, struct mem *child,
                       const struct mem_part *part, struct node *destination)
{
    struct mem *mem = mem_of(word);
    enum status status;

    if ((part->offset | part->size) % FRAME_SIZE || !part->size || part->offset > mem->size ||
        part->size > mem->size - part->offset)
        return STATUS_BAD_PARAMETER;
    if (part->type != mem->type &&
        !(part->type == MEM_WRITE_COMBINING && mem->type == MEM_UNCACHED))
        return STATUS_BAD_PARAMETER;

    lock_take(&mem->top->object.lock);
    status = slot_check(slot, word, 2);
    if (!status)
        status = divide_locked(mem, slot, child, part, destination);
    lock_give(&mem->top->object.lock);
    return status;
}

enum status mem_close(struct mem *mem)
{
    enum status status = STATUS_IN_USE;

    lock_take(&mem->top->object.lock);
    bool part_lent = mem->origin.kind == NODE_NONE && tree_holds(&mem->place);
    if (mem->parent && !mem->deposit && !part_lent) {
        mem->object.dying = true;
        status = STATUS_SUCCESS;
    }
    lock_give(&mem->top->object.lock);
    return status;
}

/*
 * Ends a MEM if nothing needs it any more, and then perhaps those that it was the last part of:
 * fewer than DEPTH_MAX. Their memory goes back when this CPU flushes its batch.
 */
static void mem_finish(struct mem *mem)
{
    while (mem->parent && mem->origin.kind == NODE_NONE && !mem->deposit &&
           !tree_first(&mem->children) && object_claim(&mem->object)) {
        struct mem *parent = mem->parent;
        tree_remove(&parent->children, &mem->place);
        shoot_part((struct part *)mem);
        mem = parent;
    }
}

void mem_remove(struct node *origin)
{
    struct mem *mem = CONTAINER(origin, struct mem, origin);

    mem->object.dying = true; /* if it stays */
    mem_finish(mem);
}

void part_unclaim(struct part *part, uint32_t cpu)
{
    struct object *top = part->top;

    shoot_settle(cpu);
    lock_take(&top->lock);
    object_unclaim(&part->object);
    if (part->object.type == OBJECT_MEM)
        mem_finish((struct mem *)part);
    else if (part->origin.kind == NODE_NONE && object_claim(&part->object))
        shoot_part(part);
    lock_give(&top->lock);
    shoot_flush(cpu);
}

static bool deposited_in(const struct mem *mem, const struct pool *pool)
{
    const struct deposit *deposit = __atomic_load_n(&mem->deposit, __ATOMIC_RELAXED);

    return deposit && deposit_pool(deposit) == pool;
}

/* From here on it is neither mapped nor divided. */
static enum status deposit_begin(struct mem *mem, struct pool *pool)
{
    if (mem->mappings || tree_first(&mem->children))
        return STATUS_IN_USE;
    if (!mem->deposit)
        mem->deposit = pool_deposit_open(pool, frame_at(mem->base), mem->size, &mem->object);
    return deposited_in(mem, pool) && mem->deposit->frames * FRAME_SIZE < mem->size ? STATUS_SUCCESS
                                                                                    : STATUS_IN_USE;
}

static enum status deposit_extend(struct mem *mem, struct pool *pool, unsigned frames, bool *more)
{
    struct deposit *deposit = mem->deposit;

    if (!deposited_in(mem, pool) || deposit->closing) /* withdrawn meanwhile, or about to be */
        return STATUS_BUSY;
    for (; frames > 0 && deposit->frames * FRAME_SIZE < mem->size; frames--) {
        uint64_t frame = mem->base + deposit->frames * FRAME_SIZE;
        frame_map_add(hpa(frame));
        words_clear(frame_at(frame), FRAME_SIZE / 8);
        pool_deposit_extend(deposit);
    }
    *more = deposit->frames * FRAME_SIZE < mem->size;
    return STATUS_SUCCESS;
}

enum status mem_deposit_step(const struct node *slot, uint64_t word, struct pool *pool,
                             unsigned frames, uint32_t cpu, bool *more)
{
    struct mem *mem = mem_of(word);
    enum status status = STATUS_BAD_CAPABILITY;

    *more = false;
    if (mem->type != MEM_WRITE_BACK)
        return STATUS_BAD_PARAMETER;
    lock_take(&mem->top->object.lock);
    if (slot->word == word && !mem->object.dying)
        status = deposit_begin(mem, pool);
    lock_give(&mem->top->object.lock);
    if (status != STATUS_SUCCESS)
        return status;

    shoot_settle(cpu); /* another CPU may have undone the last mapping, and not flushed it yet */
    lock_take(&mem->top->object.lock);
    status = deposit_extend(mem, pool, frames, more);
    lock_give(&mem->top->object.lock);
    return status;
}

/*
 * Takes frames off the deposit and out of the frame map. *more: it has some left. Otherwise whoever
 * maps or deposits it next waits for the batches in which its frames are.
 */
static enum status withdraw_locked(struct mem *mem, struct pool *pool, unsigned frames, bool *more)
{
    struct deposit *deposit = mem->deposit;

    if (!deposited_in(mem, pool))
        return STATUS_BAD_PARAMETER;
    if (!pool_deposit_close(deposit))
        return STATUS_BUSY;
    for (; frames > 0 && deposit->frames; frames--) {
        void *frame = pool_deposit_shrink(deposit);
        frame_map_remove(hpa((uint64_t)frame - FRAME_BASE));
        shoot_add_kernel((uint64_t)frame);
    }
    *more = deposit->frames;
    if (!*more) {
        pool_deposit_end(deposit);
        mem->deposit = NULL;
    }
    return STATUS_SUCCESS;
}

bool mem_retreat_step(struct node *origin)
{
    struct mem *mem = CONTAINER(origin, struct mem, origin);
    bool more = false;

    if (mem->deposit)
        (void)!withdraw_locked(mem, deposit_pool(mem->deposit), RETREAT_AT_ONCE, &more);
    return more;
}

enum status mem_withdraw_step(struct mem *mem, struct pool *pool, unsigned frames, uint32_t cpu,
                              bool *more)
{
    enum status status;

    *more = false;
    if (!deposited_in(mem, pool)) {
        struct object *part = pool_deposit_within(pool, FRAME_BASE + mem->base, mem->size);
        if (!part)
            return STATUS_BAD_PARAMETER;
        mem = CONTAINER(part, struct mem, object);
    }
    struct mem *top = mem->top;
    lock_take(&top->object.lock);
    status = withdraw_locked(mem, pool, frames, more);
    if (!status && !*more)
        mem_finish(mem);
    lock_give(&top->object.lock);
    shoot_flush(cpu);
    shoot_settle(cpu); /* frames that another CPU took off */
    return status;
}
