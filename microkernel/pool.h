/*
 * Pools: the kernel's memory, which users deposit frame by frame and get back.
 *
 * A deposit comes from one source (a MEM) and goes back to it whole. Every frame that can be taken,
 * and every cell, is zero; who gives a frame or a cell back need not clear it first. A free frame
 * holds one link in its first word and is otherwise zero.
 *
 * Each function takes the pool's lock itself. It is the innermost lock: it may be taken while any
 * other is held, and none is taken under it. No function's work depends on the size of the pool;
 * those on deposits look through at most DEPOSITS_MAX entries.
 *
 * Addresses are those of the frame map.
 */
#ifndef CAIRN_POOL_H
#define CAIRN_POOL_H

#include "chain.h"
#include "lock.h"
#include "object.h"
#include "syscall.h"
#include "types.h"

#define DEPOSITS_MAX 64u
#define POOL_LEVELS  16u /* a pool pays for a pool that pays ...: at most so many */
#define CELL_BYTES   64u /* the smallest cells; each size is twice the one before */
#define CELL_SIZES   3u
#define CELL_MAXIMUM (CELL_BYTES << (CELL_SIZES - 1))

#define FRAME_OBJECT_MAXIMUM (FRAME_SIZE - sizeof(struct chain)) /* see pool_take_object */

struct deposit {
    struct object *source; /* NULL: the entry is not in use */
    uintptr_t base;        /* address of the first frame */
    uint64_t frames;
    uint64_t free;    /* of them not handed out */
    void *list;       /* the free frames, linked through their first words */
    uint64_t closing; /* 1: all are free and none is handed out any more; list means nothing */
};

struct pool {
    struct object object;
    struct lock lock;               /* protects everything below */
    uint32_t deposit_count;         /* deposits in use */
    bool retired;                   /* there will be none any more */
    uint32_t level;                 /* pools that paid for it, one for the other. Constant */
    uint64_t frames;                /* in deposits that are not closing */
    uint64_t free_frames;           /* of them neither handed out nor reserved */
    uint64_t reserved_frames;       /* promised, not yet taken */
    uint64_t available;             /* bit n: deposits[n] is not closing and has a free frame */
    struct chain cells[CELL_SIZES]; /* frames with a free cell, by size of their cells */
    struct chain objects;           /* frames that are objects, by their last words */
    struct chain object_cells;      /* frames of cells of which some are objects */
    struct deposit deposits[DEPOSITS_MAX]; /* each stays where it is while it lasts */
    uint8_t order[DEPOSITS_MAX];           /* deposits in use, sorted by base */
};

_Static_assert(sizeof(struct pool) <= FRAME_OBJECT_MAXIMUM, "a pool fits a frame");

/* Written in assembly, because compilers turn the loop into a call of memset, byte by byte. */
static inline void words_clear(void *start, uint64_t count)
{
    __asm__ volatile("rep stosq" : "+D"(start), "+c"(count) : "a"(0ul) : "memory");
}

/* Which of the sizes of cells holds so many bytes. */
static inline unsigned cell_size(size_t bytes)
{
    return bytes > (size_t)2 * CELL_BYTES ? 2 : bytes > CELL_BYTES;
}

/* Makes an empty pool of zeroed memory; its object is not touched. */
void pool_init(struct pool *pool);

/* A frame of zeros, or NULL: every free frame is handed out or reserved. */
__attribute__((warn_unused_result)) void *pool_take_frame(struct pool *pool);

/* Clears the frame and takes it back. */
void pool_give_frame(struct pool *pool, void *frame);

/* Takes back a frame that is zero in full: tables whose entries were cleared one by one. */
void pool_give_clean_frame(struct pool *pool, void *frame);

/*
 * Zeroed memory of at least `bytes` bytes (at most CELL_MAXIMUM), aligned to its size, or NULL:
 * that needs one more frame. pool_give_cell clears it and takes it back; a frame whose last cell
 * comes back is a free frame at once.
 */
__attribute__((warn_unused_result)) void *pool_take_sized(struct pool *pool, unsigned size);

__attribute__((warn_unused_result)) static inline void *pool_take_cell(struct pool *pool,
                                                                       size_t bytes)
{
    return pool_take_sized(pool, cell_size(bytes));
}

void pool_give_cell(struct pool *pool, void *cell);

/* Takes back cells that are linked by their first words, of which `bytes` bytes have been used. */
void pool_give_cells(struct pool *pool, void *cells, size_t bytes);

/*
 * The same for memory that becomes an object: a cell, or a frame if it is larger than those, whose
 * last words are the pool's. The pool knows its objects, so that they can be destroyed with it;
 * only what it does not know any more (pool_hide_object) is given back.
 */
__attribute__((warn_unused_result)) void *pool_take_object(struct pool *pool, size_t bytes);
void pool_give_object(struct pool *pool, void *object);

/* How many free frames taking a cell or an object of that size would need just now: 0 or 1. */
uint64_t pool_object_needs(struct pool *pool, size_t bytes);

/* Does the pool pay for the object, directly or not? */
static inline bool pool_pays(const struct pool *pool, const struct object *object)
{
    const struct pool *payer = object->pool;

    while (payer && payer != pool)
        payer = payer->object.pool;
    return payer;
}

/* From here on pool_first_object does not find it, though its memory is still taken. */
void pool_hide_object(struct pool *pool, void *object);

/* One of its objects, of those that have a frame of their own first; NULL: none is left. */
struct object *pool_first_object(struct pool *pool);

/*
 * Sets `frames` frames aside, so that as many pool_take_reserved cannot fail. Returns how many
 * frames the pool lacks: 0 on success, otherwise nothing has changed. What is not taken is given
 * back by pool_unreserve.
 */
__attribute__((warn_unused_result)) uint64_t pool_reserve(struct pool *pool, uint64_t frames);
void pool_unreserve(struct pool *pool, uint64_t frames);
void *pool_take_reserved(struct pool *pool);

/*
 * Deposits. The caller sees to it that one CPU at a time is at those of a source.
 *
 * Begins a deposit of the frames from base on, which overlaps no other. Success too if the source's
 * deposit is open already, so that an interrupted call goes on. STATUS_BUSY: it is closing;
 * STATUS_IN_USE: all DEPOSITS_MAX places are taken, or the pool has retired.
 */
__attribute__((warn_unused_result)) enum status pool_deposit_open(struct pool *pool, void *base,
                                                                  struct object *source);

/*
 * Adds the next frame, at base + FRAME_SIZE * pool_deposit_frames, to an open deposit; the caller
 * has cleared and mapped it. It can be taken at once.
 */
void pool_deposit_extend(struct pool *pool, struct object *source);

/* Frames in the source's deposit; 0 if there is none. */
uint64_t pool_deposit_frames(struct pool *pool, const struct object *source);

/*
 * Stops handing out frames of a deposit that there is. Success too if it is closing already.
 * STATUS_BUSY: some are in use, or reservations could not be kept without them.
 */
__attribute__((warn_unused_result)) enum status pool_deposit_close(struct pool *pool,
                                                                   struct object *source);

/*
 * Takes the last frame off a closing deposit, zero in full, and ends the deposit with its first
 * one. NULL: there is nothing left to take.
 */
void *pool_deposit_shrink(struct pool *pool, struct object *source);

/* Sees to it that nothing is deposited any more. False: something is, and nothing has changed. */
__attribute__((warn_unused_result)) bool pool_retire(struct pool *pool);

/* The source of a deposit that begins in [base, base + size), or NULL: there is none. */
struct object *pool_deposit_within(struct pool *pool, uintptr_t base, uint64_t size);

#endif
