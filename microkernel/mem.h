/*
 * MEM objects: ranges of physical memory. One is either divided, into children that do not overlap,
 * or it is a leaf; a leaf is either mapped, any number of times, or deposited in a pool, or
 * neither. So a frame has one MEM at a time through which it can be used.
 *
 * A child is a part (object.h): it belongs to the capability through which it was made. It ends
 * when its origin goes, that is, after everything derived from it. If it is deposited, it is taken
 * back first; but while frames of it are in use it stays, though nobody has a capability to it any
 * more, until it is withdrawn by a MEM that it was cut from, or its pool goes. So do those that it
 * is a part of.
 *
 * All MEMs of one range that was there at boot share that one's chain and lock, which protects all
 * of them. It is taken before a space's lock. One lock for what is cut from a range is what makes
 * revocation through any number of children as simple as within one object; each holds it for a
 * bounded time.
 */
#pragma once

#include "derive.h"
#include "pool.h"
#include "shoot.h"
#include "tree.h"

/* Memory types: page-table bits 3 and 4, that is, entries of the PAT, which the loader has set. */
enum mem_type {
    MEM_WRITE_BACK = 0,
    MEM_WRITE_COMBINING = 1,
    MEM_UNCACHED = 3,
};

struct mem {
    struct object object;
    struct mem *top;        /* the MEM that was there at boot; itself, if it was */
    struct node origin;     /* of a child: see above. A new MEM that is in no chain has none */
    struct tree_node place; /* among its parent's children */
    uint64_t base;          /* physical; whole frames. Constant, as are size, parent and type */
    uint64_t size;
    struct mem *parent;      /* NULL: made at boot */
    struct tree children;    /* by base */
    struct deposit *deposit; /* NULL: not deposited, no frame of it is in the frame map */
    uint32_t mappings;
    uint8_t type; /* enum mem_type */
};

_Static_assert(offsetof(struct mem, top) == offsetof(struct part, top) &&
                   offsetof(struct mem, origin) == offsetof(struct part, origin),
               "a MEM is a part");

static inline struct mem *mem_of(uint64_t word)
{
    return CONTAINER(capability_object(word), struct mem, object);
}

/* The range [base, base + size) of whole frames; memory for mem is zero. Its pool pays for it. */
void mem_init(struct mem *mem, struct pool *pool, uint64_t base, uint64_t size, enum mem_type type);

struct mem_part {
    uint64_t offset; /* in the parent */
    uint64_t size;
    enum mem_type type;
};

/*
 * Makes that part of the MEM that slot names by `word`, which has MEM_RIGHT_DIVIDE, a child, and
 * puts its first capability, with the rights of `word` and that to destroy it, into destination, a
 * claimed slot. Memory for child is zero but for its object. STATUS_BAD_PARAMETER: not whole frames
 * within the parent, or a type that is neither the parent's nor write-combining below uncached;
 * STATUS_BAD_CAPABILITY: slot has changed; STATUS_IN_USE: the parent is mapped or deposited, or
 * another child is there; STATUS_DEPTH.
 */
__attribute__((warn_unused_result)) enum status mem_divide(struct node *slot, uint64_t word,
                                                           struct mem *child,
                                                           const struct mem_part *part,
                                                           struct node *destination);

/*
 * First step of destroying it; object_die_step does the rest, children included. STATUS_IN_USE: it
 * is deposited, or all is done but a part of it is; or it was there at boot.
 */
__attribute__((warn_unused_result)) enum status mem_close(struct mem *mem);

/*
 * Gives up the claim to a MEM or other part, which kept it while others ended it: then it goes now.
 */
void part_unclaim(struct part *part, uint32_t cpu);

/*
 * One step of depositing the MEM that slot names by `word`: clears `frames` frames (at least 1) and
 * adds them to the pool. *more: there are further ones. The caller has revoked what was derived
 * from slot. A call that was given up goes on where it stopped. STATUS_BAD_PARAMETER: not
 * write-back; STATUS_BAD_CAPABILITY: slot has changed; STATUS_IN_USE: it has children or mappings,
 * is deposited already, or the pool has too many deposits; STATUS_BUSY: it is being withdrawn.
 */
__attribute__((warn_unused_result)) enum status mem_deposit_step(const struct node *slot,
                                                                 uint64_t word, struct pool *pool,
                                                                 unsigned frames, uint32_t cpu,
                                                                 bool *more);

/*
 * One step of taking it, or else a MEM that was cut from it, back: at most `frames` frames, all
 * zero. *more as above. STATUS_BAD_PARAMETER: nothing of it is deposited there; STATUS_BUSY: frames
 * are in use.
 */
__attribute__((warn_unused_result)) enum status
mem_withdraw_step(struct mem *mem, struct pool *pool, unsigned frames, uint32_t cpu, bool *more);
