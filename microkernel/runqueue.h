/*
 * Run queue of one CPU: the scheduling contexts that are ready, by priority; within a priority in
 * the order in which they are to run. A priority's bit is set if and only if its chain is not
 * empty. Everything is O(1). Only its CPU touches a queue, with interrupts off.
 */
#pragma once

#include "chain.h"

#define PRIORITIES 128u /* 0 is the lowest */

/* Part of a scheduling context. */
struct runqueue_entry {
    struct chain chain; /* in the chain of its priority, or linked to itself */
    uint32_t priority;  /* less than PRIORITIES; does not change while the entry is in a queue */
};

struct runqueue {
    uint64_t ready[PRIORITIES / 64]; /* bit p % 64 of word p / 64: somebody of priority p */
    struct chain heads[PRIORITIES];
};

_Static_assert(PRIORITIES == 128, "runqueue_highest looks at two words");

/* Makes the queue, which is all zero, empty. */
static inline void runqueue_init(struct runqueue *queue)
{
    for (unsigned priority = 0; priority < PRIORITIES; priority++)
        chain_init(&queue->heads[priority]);
}

/* The entry is in no queue then. priority must be less than PRIORITIES. */
static inline void runqueue_entry_init(struct runqueue_entry *entry, uint32_t priority)
{
    chain_init(&entry->chain);
    entry->priority = priority;
}

/* Is the entry in a queue? */
static inline bool runqueue_holds(const struct runqueue_entry *entry)
{
    return !chain_empty(&entry->chain);
}

/* Puts the entry, which is in no queue, behind all others of its priority: its turn is over. */
static inline void runqueue_insert_tail(struct runqueue *queue, struct runqueue_entry *entry)
{
    uint32_t priority = entry->priority;

    queue->ready[priority / 64] |= 1ull << priority % 64;
    chain_insert(queue->heads[priority].prev, &entry->chain);
}

/* Takes the entry out of the queue in which it is. */
static inline void runqueue_remove(struct runqueue *queue, struct runqueue_entry *entry)
{
    uint32_t priority = entry->priority;

    /* Both neighbours are the same only for the last one: that is the chain's head. */
    if (entry->chain.next == entry->chain.prev)
        queue->ready[priority / 64] &= ~(1ull << priority % 64);
    chain_remove(&entry->chain);
}

/* The entry to run: the first of the highest priority. It stays in the queue. NULL: queue empty. */
static inline struct runqueue_entry *runqueue_highest(const struct runqueue *queue)
{
    unsigned word = queue->ready[1] ? 1 : 0;

    if (!queue->ready[word])
        return NULL;
    /* 63 ^ clz is what one BSR instruction gives. */
    unsigned priority = word * 64 + (63u ^ (unsigned)__builtin_clzll(queue->ready[word]));
    return CONTAINER(queue->heads[priority].next, struct runqueue_entry, chain);
}
