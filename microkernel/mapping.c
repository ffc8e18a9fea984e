/*
 * Making and undoing mappings. Whoever starts from the space sees the record under the space's lock
 * only, so it drops that, takes the MEM's, and looks again: the record is the same if address,
 * record and MEM are, and then it stays. The MEM stays in any case until this CPU leaves the
 * kernel. Whoever starts from the MEM (derive.c) holds the right lock already.
 */
#include "mapping.h"

#include "ports.h"

/* The record that begins at address, or NULL. The space's lock is held. */
static struct mapping *mapping_find(const struct space *space, uint64_t address)
{
    struct trie_node *node = trie_find(&space->mappings, address / FRAME_SIZE);

    return node && address % FRAME_SIZE == 0 ? CONTAINER(node, struct mapping, place) : NULL;
}

static inline enum status request_check(const struct space *space, const struct mem *mem,
                                        uint64_t word, const struct map_request *request)
{
    if (request->level >= space->levels || request->count - 1 >= SPACE_PAGES)
        return STATUS_BAD_PARAMETER;
    uint64_t bytes = level_bytes((unsigned)request->level), size = request->count * bytes;
    if ((request->address | (mem->base + request->offset)) & (bytes - 1))
        return STATUS_BAD_PARAMETER;
    if (request->address > SPACE_END - size)
        return STATUS_BAD_PARAMETER;
    if (size > mem->size || request->offset > mem->size - size)
        return STATUS_BAD_PARAMETER;
    if (request->rights > space->rights || !space->format->rights[request->rights])
        return STATUS_BAD_PARAMETER;
    return request->rights & ~capability_rights(word) ? STATUS_NO_RIGHT : STATUS_SUCCESS;
}

/*
 * Makes a record, which enters its space and the chain of its object, and takes the missing frames
 * for the space. NULL: *needs more frames, nothing has changed. Both locks are held.
 */
static inline struct mapping *mapping_make(struct space *space, struct node *slot,
                                           const struct map_request *request, unsigned missing,
                                           uint64_t *needs)
{
    struct mapping *mapping = pool_take_cell(space->pool, sizeof(*mapping));
    uint64_t lack = missing ? pool_take_frames(space->pool, missing, &space->spare) : 0;

    if (!mapping || lack) {
        while (space->spare)
            pool_give_clean_frame(space->pool, frame_next(&space->spare));
        if (mapping)
            pool_give_cell(space->pool, mapping);
        *needs = lack + !mapping;
        return NULL;
    }
    mapping->space = space;
    mapping->count = request->count;
    mapping->level = (uint32_t)request->level;
    trie_insert(&space->mappings, &mapping->place, request->address / FRAME_SIZE);
    node_insert(slot, &mapping->node, slot->word, NODE_MAPPING);
    return mapping;
}

/* Both locks are held. */
static inline enum status create_locked(struct space *space, struct mem *mem, struct node *slot,
                                        const struct map_request *request, uint64_t *needs)
{
    unsigned level = (unsigned)request->level;
    struct spot spot;

    if (tree_first(&mem->children) || mem->deposit)
        return STATUS_IN_USE;
    unsigned missing = space_find(space, request->address, request->count, level, &spot);
    if (missing == SPACE_TAKEN)
        return STATUS_IN_USE;
    struct mapping *mapping = mapping_make(space, slot, request, missing, needs);
    if (!mapping)
        return STATUS_NEEDS_FRAMES;
    mem->mappings++;
    uint64_t entry = space_entry(space, mem->base + request->offset, level, request->rights,
                                 (enum mem_type)mem->type);
    if (spot.entry)
        spot_fill(spot, request->count, level, entry);
    else
        space_fill(space, request->address, request->count, level, entry, &spot);
    mapping->spot = spot;
    return STATUS_SUCCESS;
}

enum status mapping_create(struct space *space, struct node *slot, uint64_t word,
                           const struct map_request *request, uint32_t cpu, uint64_t *needs)
{
    struct mem *mem = mem_of(word);
    enum status status = request_check(space, mem, word, request);

    if (status != STATUS_SUCCESS)
        return status;
    lock_take(&mem->top->object.lock);
    lock_take(&space->lock);
    status = space->dying ? STATUS_BAD_CAPABILITY : slot_check(slot, word, 1);
    if (!status)
        status = create_locked(space, mem, slot, request, needs);
    lock_give(&space->lock);
    lock_give(&mem->top->object.lock);
    if (status == STATUS_SUCCESS)
        shoot_settle(cpu); /* what was at the address before may still be known somewhere */
    return status;
}

uint64_t mapping_needs(struct space *space, uint64_t address)
{
    struct spot spot;

    lock_take(&space->lock);
    uint64_t tables = space_missing(space, address, 1, 0, &spot);
    lock_give(&space->lock);
    return tables + pool_cell_needs(space->pool, sizeof(struct mapping));
}

/* Gives the space a bitmap of its own, in which no port is open, if it has none. */
static void ports_make(struct space *space)
{
    uint64_t *frame[PORTS_FRAMES];

    if (space->ports[0])
        return;
    for (unsigned i = 0; i < PORTS_FRAMES; i++) {
        frame[i] = frame_next(&space->spare);
        for (unsigned w = 0; w < FRAME_SIZE / sizeof(uint64_t); w++)
            __atomic_store_n(&frame[i][w], UINT64_MAX, __ATOMIC_RELAXED); /* no slow memset */
    }
    space->ports[1] = frame[1];
    __atomic_store_n(&space->ports[0], frame[0], __ATOMIC_RELEASE);
}

/* Both locks are held. */
static enum status ports_locked(struct space *space, struct node *slot, uint32_t first,
                                uint32_t count, uint64_t *needs)
{
    const struct map_request request = {
        .address = ports_address(first), .count = count, .level = LEVEL_PORTS};

    if (!ports_closed(space, first, first + count))
        return STATUS_IN_USE;
    if (!mapping_make(space, slot, &request, space->ports[0] ? 0 : PORTS_FRAMES, needs))
        return STATUS_NEEDS_FRAMES;
    ports_make(space);
    ports_set(space, first, first + count, false);
    for (uint32_t cpu = 0; cpu < BOOT_MAX_CPUS; cpu++) /* tags say so, or have a copy of the bits */
        __atomic_store_n(&space->tags[cpu].generation, 0, __ATOMIC_RELEASE);
    return STATUS_SUCCESS;
}

enum status mapping_open_ports(struct space *space, struct node *slot, uint64_t word,
                               uint32_t first, uint32_t count, uint64_t *needs)
{
    struct object *head = object_head(capability_object(word));

    lock_take(&head->lock);
    lock_take(&space->lock);
    enum status status = space->dying ? STATUS_BAD_CAPABILITY : slot_check(slot, word, 1);
    if (!status)
        status = ports_locked(space, slot, first, count, needs);
    lock_give(&space->lock);
    lock_give(&head->lock);
    return status;
}

/* Takes a record's pages or ports out. Both locks are held. */
static inline void mapping_clear(struct mapping *mapping, struct space *space, uint32_t cpu)
{
    uint64_t address = mapping->place.key * FRAME_SIZE;
    uint32_t count = mapping->count, level = mapping->level;

    if (level == LEVEL_PORTS) {
        uint32_t first = (uint32_t)((address - PORTS_ADDRESS) / FRAME_SIZE);
        ports_set(space, first, first + count, true);
        return;
    }
    if (!spot_clear(mapping->spot, count))
        space_clear(space, address, count, level);
    if (shoot_cpus[cpu].current == space)
        shoot_pages(cpu, address, count, level_bytes(level));
    mem_of(mapping->node.word)->mappings--;
}

unsigned mappings_remove(struct node *first, const struct chain *end, unsigned limit)
{
    struct mapping *mapping = CONTAINER(first, struct mapping, node);
    struct chain *next;
    struct space *space = mapping->space;
    uint32_t cpu = shoot_this_cpu(), depth = first->depth;
    unsigned left = limit;

    lock_take(&space->lock);
    do {
        mapping_clear(mapping, space, cpu);
        trie_remove(&mapping->place);
        next = mapping->node.chain.next;
        mapping = CONTAINER(next, struct mapping, node.chain);
    } while (--left && next != end && mapping->node.kind == NODE_MAPPING &&
             mapping->node.depth == depth && mapping->space == space);
    shoot_space(cpu, space);
    lock_give(&space->lock);
    next->prev->next = NULL;
    next->prev = first->chain.prev;
    next->prev->next = next;
    pool_give_cells(space->pool, first, sizeof(struct mapping));
    return limit - left;
}

/* Undoes the record that begins at address. False: there is none, or it has gone meanwhile. */
static bool mapping_undo(struct space *space, uint64_t address)
{
    lock_take(&space->lock);
    struct mapping *mapping = mapping_find(space, address);
    uint64_t word = mapping ? mapping->node.word : 0;
    lock_give(&space->lock);
    if (!mapping)
        return false;

    struct object *head = object_head(capability_object(word));
    lock_take(&head->lock);
    lock_take(&space->lock);
    bool same = mapping_find(space, address) == mapping &&
                capability_object(mapping->node.word) == capability_object(word);
    lock_give(&space->lock);
    if (same)
        node_remove(&mapping->node);
    lock_give(&head->lock);
    return same;
}

enum status mapping_unmap(struct space *space, uint64_t address, uint32_t cpu)
{
    bool done = mapping_undo(space, address);

    shoot_flush(cpu);
    return done ? STATUS_SUCCESS : STATUS_BAD_PARAMETER;
}

enum status mapping_split(struct space *space, uint64_t address, uint32_t cpu)
{
    enum status status = STATUS_BAD_PARAMETER;

    lock_take(&space->lock);
    struct mapping *mapping = mapping_find(space, address);
    if (mapping && mapping->level && mapping->level != LEVEL_PORTS && mapping->count == 1) {
        status = STATUS_NEEDS_FRAMES;
        if (!pool_take_frames(space->pool, 1, &space->spare)) {
            mapping->level--;
            space_split(space, address, mapping->level, &mapping->spot, cpu);
            mapping->count = SPACE_PAGES;
            status = STATUS_SUCCESS;
        }
    }
    lock_give(&space->lock);
    shoot_flush(cpu);
    return status;
}

enum status mapping_watch(struct space *space, uint64_t address, uint32_t count, uint64_t level,
                          enum space_watch what, uint64_t changed[SPACE_WATCH_WORDS], uint32_t cpu)
{
    if (level >= space->levels || count - 1 >= SPACE_PAGES)
        return STATUS_BAD_PARAMETER;
    uint64_t bytes = level_bytes((unsigned)level);
    if (address % bytes || address > SPACE_END - count * bytes ||
        address / bytes % SPACE_ENTRIES + count > SPACE_ENTRIES)
        return STATUS_BAD_PARAMETER;
    lock_take(&space->lock);
    space_watch(space, address, count, (unsigned)level, what, changed, cpu);
    lock_give(&space->lock);
    shoot_flush(cpu);
    shoot_settle(cpu); /* what another CPU found and has not flushed yet counts for this call too */
    return STATUS_SUCCESS;
}

bool mapping_die_step(struct space *space, unsigned budget, uint32_t cpu)
{
    const struct trie_node *any;

    do {
        lock_take(&space->lock);
        __atomic_store_n(&space->dying, true, __ATOMIC_RELAXED);
        any = trie_any(&space->mappings);
        uint64_t address = any ? any->key * FRAME_SIZE : 0;
        lock_give(&space->lock);
        if (any)
            (void)mapping_undo(space, address);
    } while (any && budget-- > 1);
    shoot_flush(cpu);
    return any;
}
