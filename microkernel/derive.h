/*
 * Derivation: how a capability or a mapping comes from another one, and how it is taken back.
 *
 * An object's chain holds its nodes in preorder: right behind a node stand the nodes derived from
 * it, each one deeper than the node that it came from. What is newly derived is put right behind
 * its parent. Nodes are removed from the leaves up, so none outlives what was derived from it.
 *
 * Revocation takes power away from above before it removes nodes from below: on its way down to a
 * leaf it strips every capability that it passes of its rights. Such a capability can do nothing
 * any more, least of all be delegated; so the revocation ends, though others go on deriving from
 * nodes that it has not reached. A revocation that is given up half-way leaves some capabilities
 * without rights; they go when the revocation is repeated from there or from above.
 *
 * An empty slot is zero in full. Its word is the last of it to be cleared, and nothing in the slot
 * is touched afterwards: who sees the word empty may free or fill the slot.
 */
#pragma once

#include "object.h"
#include "syscall.h"

/*
 * Greatest depth of a node. It bounds how far a step of revocation walks to its first leaf, so it
 * is small: capabilities are passed on a few times, not thousands of times.
 */
#define DEPTH_MAX 255u

/* The capability in a slot, or CAPABILITY_EMPTY if there is none, or none yet, or no slot. */
static inline uint64_t slot_word(const struct node *slot)
{
    uint64_t word = slot ? __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) : CAPABILITY_EMPTY;

    return word > CAPABILITY_BUSY ? word : CAPABILITY_EMPTY;
}

/* Makes an empty slot the caller's to fill. False: it is in use. */
__attribute__((warn_unused_result)) static inline bool slot_claim(struct node *slot)
{
    uint64_t empty = CAPABILITY_EMPTY;

    return __atomic_compare_exchange_n(&slot->word, &empty, CAPABILITY_BUSY, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Gives up a claim. */
static inline void slot_unclaim(struct node *slot)
{
    __atomic_store_n(&slot->word, CAPABILITY_EMPTY, __ATOMIC_RELEASE);
}

/* Fills a claimed slot with the first capability of an object that nobody else can reach yet. */
static inline void node_insert_first(struct object *object, struct node *slot, uint32_t rights)
{
    slot->depth = 1;
    slot->kind = NODE_SLOT;
    chain_insert(&object->nodes, &slot->chain);
    __atomic_store_n(&slot->word, capability_make(object, rights), __ATOMIC_RELEASE);
}

/*
 * May something so much deeper be derived from slot, in which the caller found `word`? The lock for
 * the chain is held. STATUS_BAD_CAPABILITY: slot has changed, or the object is being destroyed;
 * STATUS_DEPTH.
 */
__attribute__((warn_unused_result)) static inline enum status
slot_check(const struct node *slot, uint64_t word, uint32_t deeper)
{
    if (__atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) != word || capability_object(word)->dying)
        return STATUS_BAD_CAPABILITY;
    return slot->depth + deeper > DEPTH_MAX ? STATUS_DEPTH : STATUS_SUCCESS;
}

/* Puts a node into the chain, derived from parent. The lock for the chain is held. */
static inline void node_insert(struct node *parent, struct node *node, uint64_t word,
                               enum node_kind kind)
{
    node->depth = parent->depth + 1;
    node->kind = kind;
    chain_insert(&parent->chain, &node->chain);
    __atomic_store_n(&node->word, word, __ATOMIC_RELEASE);
}

/* The same for a new part, two deeper, and its first capability. */
static inline void part_insert(struct node *parent, struct part *part, enum node_kind kind,
                               struct node *slot, uint32_t rights)
{
    node_insert(parent, &part->origin, capability_make(&part->object, 0), kind);
    node_insert(&part->origin, slot, capability_make(&part->object, rights), NODE_SLOT);
}

/*
 * Puts child into the chain, derived from parent, if parent still holds the capability `word` that
 * the caller found there. child is a claimed slot or a fresh mapping; child_word becomes its word.
 * STATUS_BAD_CAPABILITY: parent has changed, or the object is being destroyed; STATUS_DEPTH.
 */
__attribute__((warn_unused_result)) enum status node_derive(struct node *parent, uint64_t word,
                                                            struct node *child, uint64_t child_word,
                                                            enum node_kind kind);

/*
 * Copies the capability `word`, found in source, to the empty slot destination with the rights that
 * are in mask too. STATUS_NO_RIGHT: none would be left; STATUS_IN_USE: destination is not empty;
 * otherwise as node_derive.
 */
__attribute__((warn_unused_result)) enum status
slot_delegate(struct node *source, uint64_t word, struct node *destination, uint32_t mask);

/*
 * One step of revoking what is derived from the capability in slot, and with self that capability
 * too. Removes at most *budget nodes and subtracts their number; walks at most DEPTH_MAX nodes
 * besides. Returns whether more remains. With *budget at least twice the number of CPUs, others
 * cannot derive as fast as this removes.
 */
__attribute__((warn_unused_result)) bool slot_revoke_step(struct node *slot, unsigned *budget,
                                                          bool self);

/*
 * One step of taking an object from everybody: from the first step on nothing is derived from it.
 * Removes at most *budget nodes and subtracts their number. Returns whether more remain.
 */
__attribute__((warn_unused_result)) bool object_die_step(struct object *object, unsigned *budget);

/* Removes a node from which nothing is derived. The object's lock is held. */
void node_remove(struct node *node);

/*
 * Supplied by mapping.c: undoes mappings, which leave their object's chain, whose lock is held, and
 * returns their records: first and those that follow it from the same parent in the same space, at
 * most limit. end is the head of the chain. Returns how many.
 */
unsigned mappings_remove(struct node *first, const struct chain *end, unsigned limit);

/*
 * Supplied by mem.c: a step of taking a MEM back, before its origin leaves the chain, from the pool
 * in which it is deposited. False: it is in none, or frames of it are in use and it stays there.
 */
bool mem_retreat_step(struct node *origin);

/*
 * Supplied by mem.c and range.c: end the MEM or other part whose origin has just left the chain,
 * whose lock is held.
 */
void mem_remove(struct node *origin);
void part_remove(struct node *origin);

/* Supplied by interrupt.c and sc.c: undo a binding, end a scheduling context, in the same way. */
void interrupt_remove(struct node *node);
void sc_remove(struct node *node);
