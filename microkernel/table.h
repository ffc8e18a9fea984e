/*
 * Capability table of a protection domain: a directory of frames of slots. The PD's pool pays for
 * the directory and for each frame of slots, which is added when a selector in it is first to be
 * filled and stays until the table goes.
 *
 * Lookups take no lock. A frame of slots enters the directory zero and complete. The lock protects
 * the directory against two CPUs that add frames; the pool's lock is taken under it.
 */
#pragma once

#include "derive.h"
#include "pool.h"

#define TABLE_SLOTS  (FRAME_SIZE / sizeof(struct node)) /* slots in a frame */
#define TABLE_FRAMES (SELECTORS / TABLE_SLOTS)          /* entries of the directory */

_Static_assert(TABLE_FRAMES * sizeof(struct node *) == FRAME_SIZE, "the directory is a frame");

struct table {
    struct node **directory; /* one frame; NULL: that frame of slots is missing */
    struct pool *pool;
    struct lock lock;
    uint32_t end; /* directory entries from here on are NULL */
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
    const struct node *slot = table_slot(table, selector);

    return slot ? __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) : CAPABILITY_EMPTY;
}

/* The capability that a selector names, or CAPABILITY_EMPTY. */
static inline uint64_t table_word(const struct table *table, uint64_t selector)
{
    return slot_word(table_slot(table, selector));
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

/* Makes an empty table that the pool pays for. False: it lacks a frame. */
__attribute__((warn_unused_result)) bool table_init(struct table *table, struct pool *pool);

/*
 * The slot of a selector below SELECTORS, whose frame is added if it is missing. NULL: the pool
 * lacks one frame for it.
 */
__attribute__((warn_unused_result)) struct node *table_extend(struct table *table,
                                                              uint64_t selector);

/*
 * One step of giving up a table in which nothing is put any more and nobody looks anything up:
 * passes missing frames of slots, or empties one, which goes back to the pool; revokes at most
 * *budget nodes and subtracts their number. Returns whether more remains; the directory stays.
 */
__attribute__((warn_unused_result)) bool table_end_step(struct table *table, unsigned *budget);
