/*
 * The chain of derivation. Everything here that changes a chain holds its object's lock.
 */
#include "derive.h"

#include "mem.h"

static inline struct node *node_next(const struct node *node)
{
    return CONTAINER(node->chain.next, struct node, chain);
}

enum status node_derive(struct node *parent, uint64_t word, struct node *child, uint64_t child_word,
                        enum node_kind kind)
{
    struct object *head = object_head(capability_object(word));

    lock_take(&head->lock);
    enum status status = slot_check(parent, word, 1);
    if (!status)
        node_insert(parent, child, child_word, kind);
    lock_give(&head->lock);
    return status;
}

enum status slot_delegate(struct node *source, uint64_t word, struct node *destination,
                          uint32_t mask)
{
    uint64_t less = word & capability_with(UINT64_MAX, mask);
    enum status status;

    if (!capability_rights(less))
        return STATUS_NO_RIGHT;
    if (!slot_claim(destination))
        return STATUS_IN_USE;
    status = node_derive(source, word, destination, less, NODE_SLOT);
    if (status != STATUS_SUCCESS)
        slot_unclaim(destination);
    return status;
}

/* Removes a leaf, and mappings that follow it from the same parent. Returns how many. */
static inline unsigned leaves_remove(const struct chain *end, struct node *node, unsigned limit)
{
    enum node_kind kind = (enum node_kind)node->kind;

    if (kind == NODE_MAPPING)
        return mappings_remove(node, end, limit);
    node->chain.prev->next = node->chain.next;
    node->chain.next->prev = node->chain.prev;
    node->chain.next = node->chain.prev = NULL;
    node->depth = 0;
    node->kind = NODE_NONE;
    if (kind == NODE_SLOT)
        __atomic_store_n(&node->word, CAPABILITY_EMPTY, __ATOMIC_RELEASE);
    else if (kind == NODE_CHILD)
        mem_remove(node);
    else if (kind == NODE_PART)
        part_remove(node);
    else if (kind == NODE_TIME)
        sc_remove(node);
    else
        interrupt_remove(node);
    return 1;
}

void node_remove(struct node *node)
{
    (void)leaves_remove(NULL, node, 1);
}

/* What has something derived from it has an object and rights as its word. */
static inline void node_strip(struct node *node)
{
    __atomic_store_n(&node->word, capability_with(node->word, 0), __ATOMIC_RELAXED);
}

/*
 * Walks down along first children to a leaf, removes it, goes on from the node in front of it: that
 * is the one it was reached from. So a node is walked over again only after one was removed. Of an
 * origin that has left the chain the word stays, but it has no depth.
 */
bool slot_revoke_step(struct node *top, unsigned *budget, bool self)
{
    uint64_t word = __atomic_load_n(&top->word, __ATOMIC_ACQUIRE);

    if (word <= CAPABILITY_BUSY)
        return false;
    struct node *kept = self ? NULL : top, *node = top, *next;
    bool more = false, last;
    struct object *object = capability_object(word), *head = object_head(object);
    lock_take(&head->lock);
    if (capability_object(__atomic_load_n(&top->word, __ATOMIC_RELAXED)) != object || !top->depth)
        goto out;
    do {
        /* The chain's head is no node: it has no depth. */
        while (next = node_next(node), &next->chain != &head->nodes && next->depth > node->depth) {
            if (node != kept)
                node_strip(node);
            node = next;
        }
        if (node == kept)
            break;
        more = !*budget || (node->kind == NODE_CHILD && mem_retreat_step(node));
        if (more)
            break;
        last = node == top;
        next = CONTAINER(node->chain.prev, struct node, chain);
        *budget -= leaves_remove(&head->nodes, node, *budget);
        node = next;
    } while (!last);
out:
    lock_give(&head->lock);
    return more;
}

bool object_die_step(struct object *object, unsigned *budget)
{
    struct object *head = object_head(object);
    struct chain *nodes = &object->nodes; /* of a part: empty */

    lock_take(&head->lock);
    object->dying = true;
    while (!chain_empty(nodes) && *budget) { /* the last node in preorder is a leaf */
        --*budget;
        node_remove(CONTAINER(nodes->prev, struct node, chain));
    }
    bool more = !chain_empty(nodes);
    lock_give(&head->lock);
    return object->cut ? slot_revoke_step(&((struct part *)object)->origin, budget, true) : more;
}
