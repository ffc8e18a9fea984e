/*
 * Paying for objects. A call that finds its pool too small changes nothing and says how many frames
 * are missing; this deposits as many and the caller tries again:
 *
 *     do
 *         answer = semaphore_create(selector, funds->pool, 0);
 *     while (funds_add(funds, &answer));
 *
 * The frames come from the front of one MEM, in children that the bank pays for: a pool whose last
 * frames are never needed for anything else, so that the record of a new deposit has room there.
 */
#pragma once

#include <stdbool.h>

#include "selectors.h"
#include "system.h"

#define FUNDS_DEPOSITS 32u

struct funds {
    uint32_t pool;   /* to be filled */
    uint32_t bank;   /* pays for the records of the deposits; may be the pool itself */
    uint32_t memory; /* MEM with MEM_RIGHT_DIVIDE; nothing else divides it from offset to end */
    uint64_t offset, end;
    struct selectors *selectors;
    uint32_t deposits;
    uint32_t deposit[FUNDS_DEPOSITS]; /* MEMs that are in the pool */
};

/* Deposits the frames. STATUS_NEEDS_FRAMES: memory, selectors or places for deposits are used up.
 */
__attribute__((warn_unused_result)) enum status funds_deposit(struct funds *f, uint64_t frames);

/*
 * After a call that returned *answer: true if the call lacked frames and they were added, so that
 * it is to be tried again. Otherwise *answer stands.
 */
__attribute__((warn_unused_result)) bool funds_add(struct funds *f, const struct answer *answer);

/*
 * Takes back all deposits and destroys their MEMs; the memory is free again, to be divided anew.
 * STATUS_BUSY: some frames are in use; what could be taken back was.
 */
enum status funds_close(struct funds *f);
