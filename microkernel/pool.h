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
#pragma once

#include "object.h"
#include "syscall.h"

#define DEPOSITS_MAX 64u
#define POOL_LEVELS  16u /* a pool pays for a pool that pays ...: at most so many */
#define CELL_BYTES   64u /* the smallest cells; each size is twice the one before */
#define CELL_SIZES   7u  /* the last one is a frame, but for its end */

#define FRAME_OBJECT_MAXIMUM (FRAME_SIZE - CELL_BYTES)

/* Its source's lock protects what the caller may read and change; the pool's all but frames. */
struct deposit {
    struct object *source;
    uintptr_t base;  /* address of the first frame. Constant, as is size */
    uint64_t size;   /* of all that it is going to have */
    uint64_t frames; /* that it has, from base on */
    uint64_t free;   /* of them not handed out */
    void *list;      /* the free frames, linked through their first words */
    bool closing;    /* all are free and none is handed out any more; list means nothing */
};

struct pool {
    struct object object;
    struct lock lock;                      /* protects everything below */
    uint32_t level;                        /* pools that paid for it, one for the other. Constant */
    uint64_t frames;                       /* in deposits that are not closing */
    uint64_t free_frames;                  /* of them not handed out */
    uint64_t used;                         /* bit n: deposits[n] is in use */
    uint64_t available;                    /* and is not closing and has a free frame */
    struct chain cells[CELL_SIZES];        /* frames with a free cell, by size of their cells */
    struct chain objects;                  /* frames with cells that are objects */
    struct deposit deposits[DEPOSITS_MAX]; /* each stays where it is while it lasts */
};

_Static_assert(sizeof(struct pool) <= FRAME_OBJECT_MAXIMUM, "a pool fits a frame");

/* A pool begins a frame. */
static inline struct pool *deposit_pool(const struct deposit *deposit)
{
    return (struct pool *)((uintptr_t)deposit & ~(FRAME_SIZE - 1));
}

/* Written in assembly, because compilers turn the loop into a call of memset, byte by byte. */
static inline void words_clear(void *start, uint64_t count)
{
    __asm__ volatile("rep stosq" : "+D"(start), "+c"(count) : "a"(0ul) : "memory");
}

/* Which of the sizes of cells holds so many bytes: the logarithm, rounded up. */
static inline unsigned cell_size(size_t bytes)
{
    return bytes > CELL_BYTES ? 58 - (unsigned)__builtin_clzll(bytes - 1) : 0;
}

/* Makes an empty pool of zeroed memory; its object is not touched. */
void pool_init(struct pool *pool);

/*
 * Puts `count` frames in front of a list; all but their first words is zero. Returns how many
 * frames the pool lacks: 0 on success, otherwise nothing has changed.
 */
__attribute__((warn_unused_result)) uint64_t pool_take_frames(struct pool *pool, uint64_t count,
                                                              void **list);

/* Takes a frame of zeros off such a list. */
static inline void *frame_next(void **list)
{
    void **frame = *list;

    *list = *frame;
    *frame = NULL;
    return frame;
}

/* A frame of zeros, or NULL: every frame is handed out. */
__attribute__((warn_unused_result)) void *pool_take_frame(struct pool *pool);

/* Clears the frame and takes it back. */
void pool_give_frame(struct pool *pool, void *frame);

/* Takes back a frame that is zero in full: tables whose entries were cleared one by one. */
void pool_give_clean_frame(struct pool *pool, void *frame);

/*
 * Zeroed memory of at least `bytes` bytes (at most FRAME_OBJECT_MAXIMUM), aligned to its size, or
 * NULL: that needs one more frame. pool_give_cell clears it and takes it back; a frame whose last
 * cell comes back is a free frame at once.
 */
__attribute__((warn_unused_result)) void *pool_take_listed(struct pool *pool, struct chain *list);

__attribute__((warn_unused_result)) static inline void *pool_take_cell(struct pool *pool,
                                                                       size_t bytes)
{
    return pool_take_listed(pool, &pool->cells[cell_size(bytes)]);
}

void pool_give_cell(struct pool *pool, void *cell);

/* Takes back cells that are linked by their first words, of which `bytes` bytes have been used. */
void pool_give_cells(struct pool *pool, void *cells, size_t bytes);

/*
 * A cell that becomes an object. The pool knows its objects, so that they can be destroyed with it;
 * only what it does not know any more (pool_hide_object) is given back.
 */
__attribute__((warn_unused_result)) void *pool_take_object(struct pool *pool, size_t bytes);

/* How many free frames taking a cell of that size would need just now: 0 or 1. */
static inline uint64_t pool_cell_needs(const struct pool *pool, size_t bytes)
{
    const struct chain *head = &pool->cells[cell_size(bytes)];

    return __atomic_load_n(&head->next, __ATOMIC_RELAXED) == head;
}

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
 * Deposits. The caller holds the source's lock.
 *
 * Begins a deposit of the memory from base on, which overlaps no other, with no frame yet. NULL:
 * all DEPOSITS_MAX places are taken.
 */
__attribute__((warn_unused_result)) struct deposit *
pool_deposit_open(struct pool *pool, void *base, uint64_t size, struct object *source);

/*
 * Adds the next frame, at base + FRAME_SIZE * frames, to an open deposit; the caller has cleared
 * and mapped it. It can be taken at once.
 */
void pool_deposit_extend(struct deposit *deposit);

/*
 * Stops handing out frames of a deposit. Success too if it is closing already. False: some are in
 * use.
 */
__attribute__((warn_unused_result)) bool pool_deposit_close(struct deposit *deposit);

/* Takes the last frame, zero in full, off a closing deposit that has some. */
static inline void *pool_deposit_shrink(struct deposit *deposit)
{
    void **frame = (void **)(deposit->base + --deposit->frames * FRAME_SIZE);

    *frame = NULL;
    return frame;
}

/* Ends a closing deposit that has none. */
void pool_deposit_end(struct deposit *deposit);

/* The source of a deposit that begins in [base, base + size), or NULL: there is none. */
struct object *pool_deposit_within(struct pool *pool, uintptr_t base, uint64_t size);
