/*
 * Making and undoing mappings. Whoever starts from the space sees the record under the space's lock
 * only, so it drops that, takes the MEM's, and looks again: the record is the same if address,
 * record and MEM are, and then it stays. The MEM stays in any case until this CPU leaves the
 * kernel. Whoever starts from the MEM (derive.c) holds the right lock already.
 */
#include "mapping.h"

#include "ports.h"

static struct mapping *mapping_at(struct tree_node *node)
{
    return node ? CONTAINER(node, struct mapping, place) : NULL;
}

static uint64_t mapping_size(const struct mapping *mapping)
{
    return mapping->level == LEVEL_PORTS ? mapping->count
                                         : mapping->count * level_bytes(mapping->level);
}

/* The record that begins at address, or NULL. The space's lock is held. */
static struct mapping *mapping_find(const struct space *space, uint64_t address)
{
    struct mapping *mapping = mapping_at(tree_floor(&space->mappings, address));

    return mapping && mapping->place.key == address ? mapping : NULL;
}

/* Is nothing mapped from address to last? The space's lock is held. */
static bool range_free(const struct space *space, uint64_t address, uint64_t last)
{
    const struct mapping *mapping = mapping_at(tree_floor(&space->mappings, last));

    return !mapping || mapping->place.key + mapping_size(mapping) <= address;
}

static inline enum status request_check(const struct mem *mem, uint64_t word,
                                        const struct map_request *request)
{
    const uint32_t rights = request->rights, both = MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE;

    if (request->level >= space_levels || !request->count || request->count > SPACE_PAGES)
        return STATUS_BAD_PARAMETER;
    uint64_t bytes = level_bytes(request->level), size = request->count * bytes;
    if ((request->address | (mem->base + request->offset)) & (bytes - 1))
        return STATUS_BAD_PARAMETER;
    if (size > SPACE_END || request->address > SPACE_END - size)
        return STATUS_BAD_PARAMETER;
    if (size > mem->size || request->offset > mem->size - size)
        return STATUS_BAD_PARAMETER;
    if ((rights & ~MAPPING_RIGHTS) || !(rights & MEM_RIGHT_READ) || (rights & both) == both)
        return STATUS_BAD_PARAMETER;
    return rights & ~capability_rights(word) ? STATUS_NO_RIGHT : STATUS_SUCCESS;
}

/* A record, and the missing frames reserved; NULL: *needs more frames, nothing has changed. */
static struct mapping *mapping_take(struct space *space, uint64_t missing, uint64_t *needs)
{
    struct mapping *mapping = pool_take_cell(space->pool, sizeof(*mapping));
    uint64_t lack = missing ? pool_reserve(space->pool, missing) : 0;

    if (mapping && !lack)
        return mapping;
    if (missing && !lack)
        pool_unreserve(space->pool, missing);
    if (mapping)
        pool_give_cell(space->pool, mapping);
    *needs = lack + !mapping;
    return NULL;
}

static uint64_t page_flags(const struct mem *mem, uint32_t rights)
{
    return (uint64_t)mem->type << 3 | (rights & MEM_RIGHT_WRITE ? PAGE_WRITE : 0) |
           (rights & MEM_RIGHT_EXECUTE ? 0 : PAGE_NX);
}

/* Puts a record into the tree of its space and the chain of its object. Both locks are held. */
static void mapping_insert(struct mapping *mapping, struct space *space, struct node *slot,
                           uint64_t address, uint64_t word)
{
    mapping->space = space;
    tree_insert(&space->mappings, &mapping->place, address);
    mapping->node.word = word;
    mapping->node.depth = slot->depth + 1;
    mapping->node.kind = NODE_MAPPING;
    chain_insert(&slot->chain, &mapping->node.chain);
}

/* Both locks are held. */
static enum status create_locked(struct space *space, struct mem *mem, struct node *slot,
                                 const struct map_request *request, uint64_t *needs)
{
    uint64_t size = request->count * level_bytes(request->level);

    if (tree_first(&mem->children) || mem->deposited ||
        !range_free(space, request->address, request->address + size - 1))
        return STATUS_IN_USE;
    struct spot spot;
    unsigned missing =
        space_missing(space, request->address, request->count, request->level, &spot);
    struct mapping *mapping = mapping_take(space, missing, needs);
    if (!mapping)
        return STATUS_NEEDS_FRAMES;

    mapping->count = request->count;
    mapping->level = request->level;
    mapping_insert(mapping, space, slot, request->address,
                   capability_make(&mem->object, request->rights));
    mem->mappings++;
    space_fill(space, request->address, hpa(mem->base + request->offset), request->count,
               request->level, page_flags(mem, request->rights), &spot);
    mapping->spot = spot;
    return STATUS_SUCCESS;
}

enum status mapping_create(struct space *space, struct node *slot, uint64_t word,
                           const struct map_request *request, uint32_t cpu, uint64_t *needs)
{
    struct mem *mem = mem_of(word);
    enum status status = request_check(mem, word, request);

    if (status != STATUS_SUCCESS)
        return status;
    lock_take(&mem->top->object.lock);
    lock_take(&space->lock);
    if (slot->word != word || mem->object.dying || space->dying)
        status = STATUS_BAD_CAPABILITY;
    else if (slot->depth >= DEPTH_MAX)
        status = STATUS_DEPTH;
    else
        status = create_locked(space, mem, slot, request, needs);
    lock_give(&space->lock);
    lock_give(&mem->top->object.lock);
    if (status == STATUS_SUCCESS)
        shoot_settle(cpu); /* what was at the address before may still be known somewhere */
    return status;
}

/* Gives the space a bitmap of its own, in which no port is open, if it has none. */
static void ports_make(struct space *space)
{
    uint64_t *frame[PORTS_FRAMES];

    if (space->ports[0])
        return;
    for (unsigned i = 0; i < PORTS_FRAMES; i++) {
        frame[i] = pool_take_reserved(space->pool);
        for (unsigned w = 0; w < FRAME_SIZE / sizeof(uint64_t); w++)
            __atomic_store_n(&frame[i][w], UINT64_MAX, __ATOMIC_RELAXED); /* no slow memset */
    }
    space->ports[1] = frame[1];
    __atomic_store_n(&space->ports[0], frame[0], __ATOMIC_RELEASE);
}

/* Both locks are held. */
static enum status ports_locked(struct space *space, struct node *slot, uint64_t word,
                                uint32_t first, uint32_t count, uint64_t *needs)
{
    uint64_t address = PORTS_ADDRESS + first, missing = space->ports[0] ? 0 : PORTS_FRAMES;

    if (!range_free(space, address, address + count - 1))
        return STATUS_IN_USE;
    struct mapping *mapping = mapping_take(space, missing, needs);
    if (!mapping)
        return STATUS_NEEDS_FRAMES;
    mapping->count = count;
    mapping->level = LEVEL_PORTS;
    mapping_insert(mapping, space, slot, address, capability_make(capability_object(word), 0));
    ports_make(space);
    ports_set(space, first, count, false);
    return STATUS_SUCCESS;
}

enum status mapping_open_ports(struct space *space, struct node *slot, uint64_t word,
                               uint32_t first, uint32_t count, uint64_t *needs)
{
    struct object *object = capability_object(word);
    enum status status;

    lock_take(&object->lock);
    lock_take(&space->lock);
    if (slot->word != word || object->dying || space->dying)
        status = STATUS_BAD_CAPABILITY;
    else if (slot->depth >= DEPTH_MAX)
        status = STATUS_DEPTH;
    else
        status = ports_locked(space, slot, word, first, count, needs);
    lock_give(&space->lock);
    lock_give(&object->lock);
    return status;
}

void mapping_remove(struct node *node)
{
    struct mapping *mapping = CONTAINER(node, struct mapping, node);
    struct space *space = mapping->space;
    struct shoot *batch = shoot_cpus[shoot_this_cpu()].open;

    lock_take(&space->lock);
    if (mapping->level == LEVEL_PORTS) {
        ports_set(space, (uint32_t)(mapping->place.key - PORTS_ADDRESS), mapping->count, true);
    } else {
        space_clear(space, mapping->place.key, mapping->count, mapping->level, &mapping->spot,
                    batch);
        mem_of(node->word)->mappings--;
    }
    tree_remove(&space->mappings, &mapping->place);
    lock_give(&space->lock);
    chain_insert(&batch->records, &node->chain);
}

/* The object that a record was made from. */
static struct object *mapping_object(const struct mapping *mapping)
{
    return mapping ? capability_object(mapping->node.word) : NULL;
}

/* Undoes a record that was seen, with its object, under the space's lock; false: it has gone. */
static bool mapping_undo(struct space *space, uint64_t address, struct mapping *mapping,
                         struct object *object)
{
    lock_take(&object_head(object)->lock);
    lock_take(&space->lock);
    bool same = mapping_find(space, address) == mapping && mapping_object(mapping) == object;
    lock_give(&space->lock);
    if (same)
        node_remove(&mapping->node);
    lock_give(&object_head(object)->lock);
    return same;
}

enum status mapping_unmap(struct space *space, uint64_t address, uint32_t cpu)
{
    struct shoot batch;
    bool done = false;

    lock_take(&space->lock);
    struct mapping *mapping = mapping_find(space, address);
    struct object *object = mapping_object(mapping);
    lock_give(&space->lock);

    if (mapping) {
        shoot_begin(&batch, cpu);
        done = mapping_undo(space, address, mapping, object);
        shoot_flush(&batch);
    }
    return done ? STATUS_SUCCESS : STATUS_BAD_PARAMETER;
}

enum status mapping_split(struct space *space, uint64_t address, uint32_t cpu)
{
    enum status status = STATUS_BAD_PARAMETER;
    struct shoot batch;

    shoot_begin(&batch, cpu);
    lock_take(&space->lock);
    struct mapping *mapping = mapping_find(space, address);
    if (mapping && mapping->level && mapping->level != LEVEL_PORTS && mapping->count == 1) {
        status = STATUS_NEEDS_FRAMES;
        if (!pool_reserve(space->pool, 1)) {
            mapping->level--;
            space_split(space, address, mapping->level, &mapping->spot, &batch);
            mapping->count = SPACE_PAGES;
            status = STATUS_SUCCESS;
        }
    }
    lock_give(&space->lock);
    shoot_flush(&batch);
    return status;
}

bool mapping_die_step(struct space *space, unsigned budget, uint32_t cpu)
{
    struct mapping *mapping = NULL;
    struct shoot batch;

    shoot_begin(&batch, cpu);
    do {
        lock_take(&space->lock);
        __atomic_store_n(&space->dying, true, __ATOMIC_RELAXED);
        mapping = mapping_at(tree_first(&space->mappings));
        uint64_t address = mapping ? mapping->place.key : 0;
        struct object *object = mapping_object(mapping);
        lock_give(&space->lock);
        if (mapping)
            mapping_undo(space, address, mapping, object);
    } while (mapping && budget-- > 1);
    shoot_flush(&batch);
    return mapping;
}
