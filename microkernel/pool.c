/*
 * Frames and cells of a pool.
 *
 * Invariants: the free frames of the deposits that are not closing number free_frames. A frame of
 * cells is in a chain while one of its cells is free, and belongs to no chain while none is; it
 * never has all of its cells free.
 */
#include "pool.h"

/* Of a frame of cells, in the place of its last cell, or at the end of its only one. */
struct cells {
    struct chain chain;
    uint64_t free;          /* bit n: cell n is free */
    uint64_t size;          /* cells have CELL_BYTES << size bytes */
    uint64_t objects;       /* bit n: cell n is an object */
    struct chain with_some; /* link in the pool's objects, if there are any */
};

_Static_assert(sizeof(struct cells) <= CELL_BYTES, "it fits the last cell");

static const uint64_t cells_all[CELL_SIZES] = {
    UINT64_MAX >> 1, UINT32_MAX >> 1, 0x7fff, 0x7f, 7, 1, 1};

static uint64_t deposit_bit(const struct deposit *deposit)
{
    return 1ull << (deposit - deposit_pool(deposit)->deposits);
}

static inline void deposit_push(struct deposit *deposit, void *frame)
{
    struct pool *pool = deposit_pool(deposit);

    *(void **)frame = deposit->list;
    deposit->list = frame;
    deposit->free++;
    pool->available |= deposit_bit(deposit);
    pool->free_frames++;
}

/* Takes back a frame of this pool, zero in full, into the deposit that it came from. */
static inline void frame_give(struct pool *pool, void *frame)
{
    struct deposit *deposit = pool->deposits;

    while ((uintptr_t)frame - deposit->base >= deposit->size)
        deposit++;
    deposit_push(deposit, frame);
}

/* NULL: there is none. The lock is held. */
static inline void *frame_take(struct pool *pool)
{
    if (!pool->free_frames)
        return NULL;
    struct deposit *deposit = &pool->deposits[__builtin_ctzll(pool->available)];
    void *frame = frame_next(&deposit->list);

    deposit->free--;
    if (!deposit->list)
        pool->available &= pool->available - 1;
    pool->free_frames--;
    return frame;
}

void pool_init(struct pool *pool)
{
    for (unsigned size = 0; size < CELL_SIZES; size++)
        chain_init(&pool->cells[size]);
    chain_init(&pool->objects);
}

uint64_t pool_take_frames(struct pool *pool, uint64_t count, void **list)
{
    lock_take(&pool->lock);
    uint64_t missing = count > pool->free_frames ? count - pool->free_frames : 0;
    for (; !missing && count > 0; count--) {
        void **frame = frame_take(pool);
        *frame = *list;
        *list = frame;
    }
    lock_give(&pool->lock);
    return missing;
}

void *pool_take_frame(struct pool *pool)
{
    void *frame = NULL;

    (void)!pool_take_frames(pool, 1, &frame);
    return frame;
}

void pool_give_clean_frame(struct pool *pool, void *frame)
{
    lock_take(&pool->lock);
    frame_give(pool, frame);
    lock_give(&pool->lock);
}

void pool_give_frame(struct pool *pool, void *frame)
{
    words_clear(frame, FRAME_SIZE / 8);
    pool_give_clean_frame(pool, frame);
}

static struct cells *cells_of(const void *at)
{
    return (struct cells *)(((uintptr_t)at | (FRAME_SIZE - 1)) + 1) - 1;
}

static void *cells_frame(const struct cells *cells)
{
    return (void *)((uintptr_t)cells & ~(FRAME_SIZE - 1));
}

/* The first of the cells that bits stand for. */
static void *cell_at(const struct cells *cells, uint64_t bits)
{
    return (char *)cells_frame(cells) +
           ((uint64_t)__builtin_ctzll(bits) * CELL_BYTES << cells->size);
}

static uint64_t cell_bit(const struct cells *cells, const void *cell)
{
    return 1ull << ((uintptr_t)cell % FRAME_SIZE / CELL_BYTES >> cells->size);
}

/* One of those in pool->cells. NULL: that needs a frame. The lock is held. */
static inline void *cell_take(struct pool *pool, struct chain *list)
{
    struct cells *cells = CONTAINER(list->next, struct cells, chain);

    if (chain_empty(list)) {
        const void *frame = frame_take(pool);
        if (!frame)
            return NULL;
        cells = cells_of(frame);
        cells->size = (uint64_t)(list - pool->cells);
        cells->free = cells_all[cells->size];
        chain_insert(list, &cells->chain);
    }
    void *cell = cell_at(cells, cells->free);
    cells->free &= cells->free - 1;
    if (!cells->free)
        chain_remove(&cells->chain);
    return cell;
}

/* The cell is zero: without what stands behind it, so is a frame that has none. The lock is held.
 */
static inline void cell_give(struct pool *pool, struct cells *cells, uint64_t bit)
{
    if (!cells->free)
        chain_insert(&pool->cells[cells->size], &cells->chain);
    cells->free |= bit;
    if (cells->free == cells_all[cells->size]) {
        chain_remove(&cells->chain);
        *cells = (struct cells){0};
        frame_give(pool, cells_frame(cells));
    }
}

void *pool_take_listed(struct pool *pool, struct chain *list)
{
    lock_take(&pool->lock);
    void *cell = cell_take(pool, list);
    lock_give(&pool->lock);
    return cell;
}

void pool_give_cells(struct pool *pool, void *list, size_t bytes)
{
    lock_take(&pool->lock);
    for (void *cell = list, *next; cell; cell = next) {
        struct cells *cells = cells_of(cell);
        next = *(void **)cell;
        words_clear(cell, bytes / 8);
        cell_give(pool, cells, cell_bit(cells, cell));
    }
    lock_give(&pool->lock);
}

void pool_give_cell(struct pool *pool, void *cell)
{
    struct cells *cells = cells_of(cell);
    uint64_t bytes = CELL_BYTES << cells->size;

    words_clear(cell, (bytes < FRAME_SIZE ? bytes : FRAME_OBJECT_MAXIMUM) / 8);
    lock_take(&pool->lock);
    cell_give(pool, cells, cell_bit(cells, cell));
    lock_give(&pool->lock);
}

void *pool_take_object(struct pool *pool, size_t bytes)
{
    lock_take(&pool->lock);
    void *object = cell_take(pool, &pool->cells[cell_size(bytes)]);
    if (object) {
        struct cells *cells = cells_of(object);
        if (!cells->objects)
            chain_insert(cells->size == CELL_SIZES - 1 ? &pool->objects : pool->objects.prev,
                         &cells->with_some);
        cells->objects |= cell_bit(cells, object);
    }
    lock_give(&pool->lock);
    return object;
}

void pool_hide_object(struct pool *pool, void *object)
{
    struct cells *cells = cells_of(object);

    lock_take(&pool->lock);
    cells->objects &= ~cell_bit(cells, object);
    if (!cells->objects)
        chain_remove(&cells->with_some);
    lock_give(&pool->lock);
}

struct object *pool_first_object(struct pool *pool)
{
    void *object = NULL;

    lock_take(&pool->lock);
    if (!chain_empty(&pool->objects)) {
        const struct cells *cells = CONTAINER(pool->objects.next, struct cells, with_some);
        object = cell_at(cells, cells->objects);
    }
    lock_give(&pool->lock);
    return object;
}

struct deposit *pool_deposit_open(struct pool *pool, void *base, uint64_t size,
                                  struct object *source)
{
    struct deposit *deposit = NULL;

    lock_take(&pool->lock);
    if (~pool->used) {
        deposit = &pool->deposits[__builtin_ctzll(~pool->used)];
        *deposit = (struct deposit){source, .base = (uintptr_t)base, .size = size};
        pool->used |= deposit_bit(deposit);
    }
    lock_give(&pool->lock);
    return deposit;
}

void pool_deposit_extend(struct deposit *deposit)
{
    struct pool *pool = deposit_pool(deposit);

    lock_take(&pool->lock);
    deposit_push(deposit, (void *)(deposit->base + deposit->frames++ * FRAME_SIZE));
    pool->frames++;
    lock_give(&pool->lock);
}

bool pool_deposit_close(struct deposit *deposit)
{
    struct pool *pool = deposit_pool(deposit);

    lock_take(&pool->lock);
    if (!deposit->closing && deposit->free == deposit->frames) {
        deposit->closing = true;
        pool->frames -= deposit->frames;
        pool->free_frames -= deposit->frames;
        pool->available &= ~deposit_bit(deposit);
    }
    lock_give(&pool->lock);
    return deposit->closing;
}

void pool_deposit_end(struct deposit *deposit)
{
    struct pool *pool = deposit_pool(deposit);

    lock_take(&pool->lock);
    pool->used &= ~deposit_bit(deposit);
    *deposit = (struct deposit){0};
    lock_give(&pool->lock);
}

struct object *pool_deposit_within(struct pool *pool, uintptr_t base, uint64_t size)
{
    struct object *source = NULL;

    lock_take(&pool->lock);
    for (uint64_t left = pool->used; left && !source; left &= left - 1) {
        const struct deposit *deposit = &pool->deposits[__builtin_ctzll(left)];
        if (deposit->base - base < size)
            source = deposit->source;
    }
    lock_give(&pool->lock);
    return source;
}
