/*
 * Mappings: the records of what is mapped where. One map call makes one record, which is undone as
 * it was made: by unmapping it, by revoking the capability that it came from, with its MEM or with
 * its space. A record is in the chain of its MEM (derive.h) and in the trie of its space; it is
 * made and undone under both locks, the MEM's taken first.
 */
#pragma once

#include "space.h"

/* Ports that are open in a domain are recorded too, at addresses that no page has. */
#define PORTS_ADDRESS 0x4000000000000000ull /* of port 0 */
#define LEVEL_PORTS   3u

static inline uint64_t ports_address(uint32_t port)
{
    return PORTS_ADDRESS + port * FRAME_SIZE;
}

struct mapping {
    struct node node;       /* its word: the capability through which it was made */
    struct trie_node place; /* in its space; the key is the number of its first page */
    struct space *space;
    struct spot spot; /* of its pages; under the space's lock */
    uint32_t count;   /* pages; under the space's lock, as is level */
    uint32_t level;   /* size of each: level_bytes(level); or LEVEL_PORTS */
};

struct map_request {
    uint64_t address; /* where, in the space */
    uint64_t offset;  /* what, in the MEM */
    uint32_t count;   /* pages: 1 to SPACE_PAGES */
    uint64_t level;   /* of one size: 0, 1 or 2 */
    uint64_t rights;  /* of MAPPING_RIGHTS */
};

/*
 * Maps memory of the MEM that slot names by `word` into space. STATUS_BAD_PARAMETER: a page size
 * that there is not; address or the memory there not aligned to it, or out of range;
 * rights without reading, or, but in a VM, both to write and to execute; STATUS_NO_RIGHT: word has
 * fewer;
 * STATUS_BAD_CAPABILITY: slot has changed or the space is dying; STATUS_DEPTH; STATUS_IN_USE: the
 * MEM is divided or deposited, or the range is not free; STATUS_NEEDS_FRAMES: *needs more frames in
 * the space's pool. Nothing changes then.
 */
__attribute__((warn_unused_result)) enum status mapping_create(struct space *space,
                                                               struct node *slot, uint64_t word,
                                                               const struct map_request *request,
                                                               uint32_t cpu, uint64_t *needs);

/* How many free frames of the space's pool a mapping of the page at address would need just now. */
uint64_t mapping_needs(struct space *space, uint64_t address);

/*
 * Opens ports first to first + count - 1, which the range that slot names by `word` holds, in the
 * domain of that space. STATUS_BAD_CAPABILITY: slot has changed or the space is dying;
 * STATUS_DEPTH; STATUS_IN_USE: one of them is open already; STATUS_NEEDS_FRAMES: *needs more frames
 * in the space's pool. Nothing changes then. mapping_unmap at ports_address(first) undoes it.
 */
__attribute__((warn_unused_result)) enum status mapping_open_ports(struct space *space,
                                                                   struct node *slot, uint64_t word,
                                                                   uint32_t first, uint32_t count,
                                                                   uint64_t *needs);

/*
 * Undoes the record that begins at address; on return no CPU has its translations.
 * STATUS_BAD_PARAMETER: none does.
 */
__attribute__((warn_unused_result)) enum status mapping_unmap(struct space *space, uint64_t address,
                                                              uint32_t cpu);

/*
 * Makes of the record at address, which is one page of level 1 or 2, one of 512 of the next size.
 * STATUS_BAD_PARAMETER: there is no such record; STATUS_NEEDS_FRAMES: one.
 */
__attribute__((warn_unused_result)) enum status mapping_split(struct space *space, uint64_t address,
                                                              uint32_t cpu);

/*
 * space_watch of pages of a VM, with its lock; on return no CPU uses what was there before, so that
 * a page that is written from now on is marked, or not written. STATUS_BAD_PARAMETER: not 1 to
 * SPACE_PAGES pages, not aligned, not of this space, or their entries are not in one table.
 */
__attribute__((warn_unused_result)) enum status
mapping_watch(struct space *space, uint64_t address, uint32_t count, uint64_t level,
              enum space_watch what, uint64_t changed[SPACE_WATCH_WORDS], uint32_t cpu);

/*
 * One step of emptying a space, in which nothing is mapped from the first step on: undoes at most
 * budget records. Returns whether more remain. space_end follows the last step.
 */
__attribute__((warn_unused_result)) bool mapping_die_step(struct space *space, unsigned budget,
                                                          uint32_t cpu);
