/*
 * What all kernel objects have in common, and the nodes of derivation.
 *
 * An object's nodes, its capability slots and, for MEM, its mappings, form a tree: who was derived
 * from whom. The tree is one chain in preorder with depths: the nodes derived from a node are those
 * that follow it with greater depth. A node leaves the chain only when nothing derived from it is
 * left, so the order always tells the truth. The object's lock protects its chain. A MEM that was
 * cut from another one has no chain of its own: its nodes are in that of the MEM that was there at
 * boot, derived from the capability through which it was cut (mem.h).
 *
 * Life: an object is reached through slots only. Destroying it first makes it dying (nothing new is
 * derived), then empties its slots in bounded steps, then waits until no CPU can still hold a
 * pointer to it (quiesce.h), then returns its memory to its pool.
 */
#ifndef CAIRN_OBJECT_H
#define CAIRN_OBJECT_H

#include "capability.h"
#include "chain.h"
#include "lock.h"
#include "types.h"

struct pool;

#define OBJECT_CLOSED 0x80u /* in the type: only DESTROY still finds it */

struct object {
    uint8_t type; /* enum object_type */
    bool dying;   /* under lock; never goes back */
    bool claimed; /* some CPU is in a step of destroying it, or past the last one. Atomic */
    uint8_t reserved;
    struct lock lock;
    struct pool *pool;  /* pays for it */
    struct chain nodes; /* head of the chain of derivation */
};

_Static_assert(sizeof(struct object) == 32, "half of a 64-byte cell");

enum node_kind {
    NODE_NONE = 0,      /* in no chain */
    NODE_SLOT = 1,      /* capability slot */
    NODE_MAPPING = 2,   /* struct mapping (mapping.h), which begins with its node */
    NODE_CHILD = 4,     /* origin of a MEM that was cut from another one (mem.h) */
    NODE_INTERRUPT = 3, /* struct interrupt (interrupt.h), likewise */
};

/*
 * word: of a slot, the capability (0: empty). Read without a lock by every system call, so it is
 * one word: the object's address, whose upper 16 bits are all ones, with the rights in their place.
 * Written under the object's lock.
 */
struct node {
    struct chain chain;
    uint64_t word;
    uint32_t depth; /* 1: the object's first capability */
    uint32_t kind;  /* enum node_kind */
};

_Static_assert(sizeof(struct node) == 32, "128 slots in a frame");

#define CAPABILITY_EMPTY 0ull
#define CAPABILITY_BUSY  1ull /* a slot that somebody is about to fill */

static inline uint64_t capability_make(const struct object *object, uint32_t rights)
{
    return ((uint64_t)object & 0x0000ffffffffffff) | (uint64_t)rights << 48;
}

static inline struct object *capability_object(uint64_t word)
{
    return (struct object *)((word & 0x0000ffffffffffff) | KERNEL_HIGH_BITS);
}

static inline uint32_t capability_rights(uint64_t word)
{
    return (uint32_t)(word >> 48);
}

#endif
