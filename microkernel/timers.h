/*
 * Timer queue of one CPU: what is to happen when, in TSC ticks. Timers with the same deadline come
 * in the order in which they were added. Only its CPU touches a queue, with interrupts off.
 *
 * A timer is part of what waits; one that is all zero is not armed. Its owner cancels it before the
 * memory goes.
 */
#ifndef CAIRN_TIMERS_H
#define CAIRN_TIMERS_H

#include "tree.h"
#include "types.h"

#define TIMERS_NEVER UINT64_MAX /* the TSC does not get there */

struct timer {
    struct tree_node node; /* its key is the deadline; in the queue's tree while armed */
};

/* All zero: empty. */
struct timers {
    struct tree tree;
};

/* Is the timer in a queue? A timer that was taken as due no longer is. */
static inline bool timer_is_armed(const struct timer *timer)
{
    return tree_holds(&timer->node);
}

/*
 * Arms the timer; one that is armed, in this same queue, moves to its new deadline. A deadline that
 * has passed is allowed: the timer is due at once.
 */
void timers_add(struct timers *timers, struct timer *timer, uint64_t deadline);

/* Takes the timer out of this queue; one that is not armed stays so. */
static inline void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (timer_is_armed(timer))
        tree_remove(&timers->tree, &timer->node);
}

/*
 * Takes out the timer that is due first: its deadline is at most now. NULL if none is due. One a
 * call, so that the caller can open interrupts between them.
 */
struct timer *timers_take_due(struct timers *timers, uint64_t now);

/* The earliest deadline, TIMERS_NEVER if there is none. O(1). */
static inline uint64_t timers_deadline(const struct timers *timers)
{
    const struct tree_node *first = tree_first(&timers->tree);

    return first ? first->trie.key : TIMERS_NEVER;
}

#endif
