/*
 * Timer queue: a tree by deadline, whose first node is the next to be due.
 */
#include "timers.h"

#include "chain.h"

void timers_add(struct timers *timers, struct timer *timer, uint64_t deadline)
{
    timers_cancel(timers, timer);
    tree_insert(&timers->tree, &timer->node, deadline);
}

struct timer *timers_take_due(struct timers *timers, uint64_t now)
{
    struct tree_node *first = tree_first(&timers->tree);

    if (!first || first->trie.key > now)
        return NULL;
    tree_remove(&timers->tree, first);
    return CONTAINER(first, struct timer, node);
}
