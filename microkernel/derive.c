/*
 * The chain of derivation. Everything here that changes a chain holds its object's lock.
 */
#include "derive.h"

#include "mem.h"

static inline struct node *node_next(const struct node *node)
{
    return CONTAINER(node->chain.next, struct node, chain);
}

/* The chain's head is no node: it has no depth. */
static inline bool node_has_derived(const struct object *head, const struct node *node)
{
    return node->chain.next != &head->nodes && node_next(node)->depth > node->depth;
}

enum status node_derive(struct node *parent, uint64_t word, struct node *child, uint64_t child_word,
                        enum node_kind kind)
{
    struct object *object = capability_object(word), *head = object_head(object);
    enum status status = STATUS_SUCCESS;

    lock_take(&head->lock);
    if (slot_word(parent) != word || object->dying) {
        status = STATUS_BAD_CAPABILITY;
    } else if (parent->depth >= DEPTH_MAX) {
        status = STATUS_DEPTH;
    } else {
        child->depth = parent->depth + 1;
        child->kind = kind;
        chain_insert(&parent->chain, &child->chain);
        __atomic_store_n(&child->word, child_word, __ATOMIC_RELEASE);
    }
    lock_give(&head->lock);
    return status;
}

enum status slot_delegate(struct node *source, uint64_t word, struct node *destination,
                          uint32_t mask)
{
    uint32_t rights = capability_rights(word) & mask;
    enum status status;

    if (!rights)
        return STATUS_NO_RIGHT;
    if (!slot_claim(destination))
        return STATUS_IN_USE;
    status = node_derive(source, word, destination,
                         capability_make(capability_object(word), rights), NODE_SLOT);
    if (status != STATUS_SUCCESS)
        slot_unclaim(destination);
    return status;
}

void node_remove(struct node *node)
{
    uint32_t kind = node->kind;

    node->chain.prev->next = node->chain.next;
    node->chain.next->prev = node->chain.prev;
    node->chain.next = node->chain.prev = NULL;
    node->depth = 0;
    node->kind = NODE_NONE;
    if (kind == NODE_MAPPING)
        mapping_remove(node);
    else if (kind == NODE_CHILD)
        mem_remove(node);
    else if (kind == NODE_INTERRUPT)
        interrupt_remove(node);
    else
        __atomic_store_n(&node->word, CAPABILITY_EMPTY, __ATOMIC_RELEASE);
}

/* What has something derived from it has an object and rights as its word. */
static inline void node_strip(struct node *node)
{
    __atomic_store_n(&node->word, capability_make(capability_object(slot_word(node)), 0),
                     __ATOMIC_RELAXED);
}

/*
 * Walks down along first children to a leaf, removes it, goes on from the node in front of it: that
 * is the one it was reached from. So a node is walked over again only after one was removed.
 */
static bool derived_remove(const struct object *head, struct node *top, unsigned *budget, bool self)
{
    struct node *node = top;

    for (;;) {
        struct node *leaf;

        while (node_has_derived(head, node)) {
            if (node != top || self)
                node_strip(node);
            node = node_next(node);
        }
        if (node == top && !self)
            return false;
        if (!*budget)
            return true;
        --*budget;
        leaf = node;
        node = CONTAINER(leaf->chain.prev, struct node, chain);
        node_remove(leaf);
        if (leaf == top)
            return false;
    }
}

bool slot_revoke_step(struct node *slot, unsigned *budget, bool self)
{
    uint64_t word = slot_word(slot);
    struct object *object = capability_object(word), *head;
    bool more = false;

    if (!word)
        return false;
    head = object_head(object);
    lock_take(&head->lock);
    /* Its rights may have gone meanwhile; without the object in it, it was emptied by others. */
    word = slot_word(slot);
    if (word && capability_object(word) == object)
        more = derived_remove(head, slot, budget, self);
    lock_give(&head->lock);
    return more;
}

bool object_die_step(struct object *object, unsigned *budget)
{
    struct object *head = object_head(object);
    struct chain *nodes = &object->nodes;
    bool more;

    lock_take(&head->lock);
    object->dying = true;
    if (head != object) {
        struct node *origin = &((struct mem *)object)->origin;
        more = origin->kind != NODE_NONE && derived_remove(head, origin, budget, true);
        lock_give(&head->lock);
        return more;
    }
    while (!chain_empty(nodes) && *budget) { /* the last node in preorder is a leaf */
        --*budget;
        node_remove(CONTAINER(nodes->prev, struct node, chain));
    }
    more = !chain_empty(nodes);
    lock_give(&head->lock);
    return more;
}
