/*
 * Circular doubly linked chains, intrusive. A chain's head is a link like any other; an empty
 * chain is a head linked to itself. A link that is in no chain is linked to itself as well.
 */
#pragma once

#include "types.h"

struct chain {
    struct chain *next, *prev;
};

#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline void chain_init(struct chain *link)
{
    link->next = link->prev = link;
}

static inline bool chain_empty(const struct chain *head)
{
    return head->next == head;
}

/* Puts link behind place. */
static inline void chain_insert(struct chain *place, struct chain *link)
{
    link->next = place->next;
    link->prev = place;
    place->next->prev = link;
    place->next = link;
}

static inline void chain_remove(struct chain *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    chain_init(link);
}
