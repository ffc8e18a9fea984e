/*
 * What all kernel objects have in common, and the nodes of derivation.
 *
 * An object's nodes, its capability slots and, for MEM, its mappings, form a tree: who was derived
 * from whom. The tree is one chain in preorder with depths: the nodes derived from a node are those
 * that follow it with greater depth. A node leaves the chain only when nothing derived from it is
 * left, so the order always tells the truth. The object's lock protects its chain.
 *
 * What can be divided is not copied but cut: memory, ranges, the time of a CPU. What was cut
 * (struct part) has no chain of its own: its nodes are in that of the object that was there at
 * boot. Its origin is derived from the capability through which it was cut, and its own
 * capabilities from its origin. So it is revoked with them, in the same steps, and ends when its
 * origin is removed: without that capability there is no part.
 *
 * Life: an object is reached through slots only. Destroying it first makes it dying (nothing new is
 * derived), then empties its slots in bounded steps, then waits until no CPU can still hold a
 * pointer to it (shoot.h), then returns its memory to its pool.
 */
#pragma once

#include "capability.h"
#include "chain.h"
#include "lock.h"

struct pool;

#define OBJECT_CLOSED 0x80u /* in the type: only DESTROY still finds it */

struct object {
    struct lock lock;
    uint8_t type;       /* enum object_type */
    bool dying;         /* under lock; never goes back */
    bool claimed;       /* some CPU is in a step of destroying it, or past the last one. Atomic */
    bool cut;           /* a struct part, cut from another one. Constant */
    struct pool *pool;  /* pays for it */
    struct chain nodes; /* head of the chain of derivation */
};

_Static_assert(sizeof(struct object) == 32, "half of a 64-byte cell");

enum node_kind {
    NODE_NONE = 0,      /* in no chain */
    NODE_SLOT = 1,      /* capability slot */
    NODE_MAPPING = 2,   /* struct mapping (mapping.h), which begins with its node */
    NODE_INTERRUPT = 3, /* struct interrupt (interrupt.h), likewise */
    NODE_CHILD = 4,     /* origin of a MEM that was cut from another one */
    NODE_PART = 5,      /* origin of any other part (range.h) */
    NODE_TIME = 6,      /* of a scheduling context, with the capability to its CPU (sc.h) */
};

/*
 * word: of a slot, the capability (0: empty). Read without a lock by every system call, so it is
 * one word: the object's address, whose upper 16 bits repeat bit 47, with the rights in their
 * place. Written under the object's lock.
 */
struct node {
    struct chain chain;
    uint64_t word;
    uint32_t depth; /* 1: the object's first capability */
    uint32_t kind;  /* enum node_kind */
};

_Static_assert(sizeof(struct node) == 32, "128 slots in a frame");

/* What can be divided, and what was cut from it. struct mem begins in the same way. */
struct part {
    struct object object;
    struct object *top; /* was there at boot: has the chain and the lock for it; perhaps itself */
    struct node origin; /* of what was cut; otherwise none */
};

/* The object that has the chain with this one's nodes, and the lock for it. */
static inline struct object *object_head(struct object *object)
{
    return object->cut ? ((struct part *)object)->top : object;
}

/* Makes the object the caller's to destroy, or to release. False: it is another's already. */
static inline bool object_claim(struct object *object)
{
    return !__atomic_exchange_n(&object->claimed, true, __ATOMIC_ACQUIRE);
}

static inline void object_unclaim(struct object *object)
{
    __atomic_store_n(&object->claimed, false, __ATOMIC_RELEASE);
}

#define CAPABILITY_EMPTY 0ull
#define CAPABILITY_BUSY  1ull /* a slot that somebody is about to fill */

/* The same object with other rights. */
static inline uint64_t capability_with(uint64_t word, uint32_t rights)
{
    return (word & 0x0000ffffffffffff) | (uint64_t)rights << 48;
}

static inline uint64_t capability_make(const struct object *object, uint32_t rights)
{
    return capability_with((uint64_t)object, rights);
}

static inline struct object *capability_object(uint64_t word)
{
    return (struct object *)((int64_t)(word << 16) >> 16);
}

static inline uint32_t capability_rights(uint64_t word)
{
    return (uint32_t)(word >> 48);
}
