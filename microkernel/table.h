/*
 * Capability table of a protection domain: a directory of frames of slots. The PD's pool pays for
 * the directory and for each frame of slots, which is added when a selector in it is first to be
 * filled and stays until the table goes.
 *
 * Lookups take no lock. A frame of slots enters the directory zero and complete. The lock protects
 * the directory against two CPUs that add frames; the pool's lock is taken under it.
 */
#ifndef CAIRN_TABLE_H
#define CAIRN_TABLE_H

#include "capability.h"
#include "derive.h"
#include "lock.h"
#include "object.h"
#include "pool.h"
#include "syscall.h"
#include "types.h"

#define TABLE_SLOTS  (FRAME_SIZE / sizeof(struct node)) /* slots in a frame */
#define TABLE_FRAMES (SELECTORS / TABLE_SLOTS)          /* entries of the directory */

_Static_assert(TABLE_FRAMES * sizeof(struct node *) == FRAME_SIZE, "the directory is a frame");

struct table {
    struct node **directory; /* one frame; NULL: that frame of slots is missing */
    struct pool *pool;
    struct lock lock;
    uint32_t end; /* slots of directory entries from here on are empty, or not there */
    uint32_t top; /* directory entries from here on are NULL */
};

/* The slot of a selector, or NULL: past the table, or its frame is missing, so it is empty. */
static inline struct node *table_slot(const struct table *table, uint64_t selector)
{
    struct node *slots;

    if (selector >= SELECTORS)
        return NULL;
    slots = __atomic_load_n(&table->directory[selector / TABLE_SLOTS], __ATOMIC_ACQUIRE);
    return slots ? &slots[selector % TABLE_SLOTS] : NULL;
}

/* What a selector names: CAPABILITY_EMPTY, a claim, or a capability. */
static inline uint64_t table_raw(const struct table *table, uint64_t selector)
{
    if (selector >= SELECTORS)
        return CAPABILITY_EMPTY;
    const struct node *slots =
        __atomic_load_n(&table->directory[selector / TABLE_SLOTS], __ATOMIC_ACQUIRE);
    return slots ? __atomic_load_n(&slots[selector % TABLE_SLOTS].word, __ATOMIC_ACQUIRE)
                 : CAPABILITY_EMPTY;
}

/* The capability that a selector names, or CAPABILITY_EMPTY. */
static inline uint64_t table_word(const struct table *table, uint64_t selector)
{
    uint64_t word = table_raw(table, selector);

    return word > CAPABILITY_BUSY ? word : CAPABILITY_EMPTY;
}

/* What a slot that is empty, or about to be filled, holds has no rights. */
static inline bool capability_serves(uint64_t word, enum object_type type, uint32_t rights)
{
    return (rights ? !(rights & ~capability_rights(word)) : word > CAPABILITY_BUSY) &&
           capability_object(word)->type == type;
}

enum status table_refusal(uint64_t word, enum object_type type);

/* Compilers need not look whether a refusal was one. */
static inline enum status capability_check(uint64_t word, enum object_type type, uint32_t rights)
{
    if (__builtin_expect(capability_serves(word, type, rights), true))
        return STATUS_SUCCESS;
    enum status status = table_refusal(word, type);
    if (status == STATUS_SUCCESS)
        __builtin_unreachable();
    return status;
}

/*
 * Finds the object of that type that a selector names, if the capability has all of `rights`.
 * STATUS_BAD_CAPABILITY: no capability, or to another type; STATUS_NO_RIGHT. The object stays until
 * this CPU leaves the kernel or opens interrupts.
 */
__attribute__((warn_unused_result)) static inline enum status
table_find(const struct table *table, uint64_t selector, enum object_type type, uint32_t rights,
           struct object **object)
{
    uint64_t word = table_raw(table, selector);

    *object = capability_object(word);
    return capability_check(word, type, rights);
}

/*
 * The same, for callers that go on with the slot: *slot holds *word, and may hold something else by
 * now, which node_derive and its like notice.
 */
__attribute__((warn_unused_result)) static inline enum status
table_find_slot(const struct table *table, uint64_t selector, enum object_type type,
                uint32_t rights, struct node **slot, uint64_t *word)
{
    *slot = table_slot(table, selector);
    *word = *slot ? __atomic_load_n(&(*slot)->word, __ATOMIC_ACQUIRE) : CAPABILITY_EMPTY;
    return capability_check(*word, type, rights);
}

/* Makes an empty table that the pool pays for. STATUS_NEEDS_FRAMES: one frame. */
__attribute__((warn_unused_result)) enum status table_init(struct table *table, struct pool *pool);

/*
 * The slot of a selector below SELECTORS, whose frame is added if it is missing. NULL: the pool
 * lacks one frame for it.
 */
__attribute__((warn_unused_result)) struct node *table_extend(struct table *table,
                                                              uint64_t selector);

/*
 * One step of emptying a table: looks through one frame of slots, or past missing ones; revokes at
 * most *budget nodes and subtracts their number. Returns whether more remains. What is added
 * meanwhile is found if its frame was not reached yet. One CPU at a time.
 */
__attribute__((warn_unused_result)) bool table_clear_step(struct table *table, unsigned *budget);

/*
 * One step of giving back the frames of a table that no call can reach any more, at most one; the
 * directory last. Returns whether more remains.
 */
__attribute__((warn_unused_result)) bool table_free_step(struct table *table);

#endif
