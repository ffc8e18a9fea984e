/*
 * Timer queue of one CPU: what is to happen when, in TSC ticks. Timers with the same deadline come
 * in the order in which they were added. Only its CPU touches a queue, with interrupts off.
 *
 * A timer is part of what waits; one that is all zero is not armed. Its owner cancels it before the
 * memory goes.
 */
#pragma once

#include "chain.h"
#include "tree.h"

#define TIMERS_NEVER UINT64_MAX /* the TSC does not get there */

struct timer {
    struct tree_node node; /* its key is the deadline; in the queue, a tree, while armed */
    bool refill;           /* of a scheduling context; otherwise what waits is an EC. Constant */
};

/* Is the timer in a queue? A timer that was taken as due no longer is. */
static inline bool timer_is_armed(const struct timer *timer)
{
    return tree_holds(&timer->node);
}

/* Takes the timer out of this queue; one that is not armed stays so. */
static inline void timers_cancel(struct tree *timers, struct timer *timer)
{
    if (timer_is_armed(timer))
        tree_remove(timers, &timer->node);
}

/*
 * Arms the timer; one that is armed, in this same queue, moves to its new deadline. A deadline that
 * has passed is allowed: the timer is due at once.
 */
static inline void timers_add(struct tree *timers, struct timer *timer, uint64_t deadline)
{
    timers_cancel(timers, timer);
    tree_insert(timers, &timer->node, deadline);
}

/*
 * Takes out the timer that is due first: its deadline is at most now. NULL if none is due. One a
 * call, so that the caller can open interrupts between them.
 */
static inline struct timer *timers_take_due(struct tree *timers, uint64_t now)
{
    struct tree_node *first = tree_first(timers);

    if (!first || first->trie.key > now)
        return NULL;
    tree_remove(timers, first);
    return CONTAINER(first, struct timer, node);
}

/* The earliest deadline, TIMERS_NEVER if there is none. O(1). */
static inline uint64_t timers_deadline(const struct tree *timers)
{
    const struct tree_node *first = tree_first(timers);

    return first ? first->trie.key : TIMERS_NEVER;
}
