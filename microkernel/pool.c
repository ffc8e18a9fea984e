/*
 * Frames and cells of a pool.
 *
 * Invariants: the free frames of the deposits that are not closing number free_frames plus
 * reserved_frames. A frame of cells is in a chain while one of its cells is free, and belongs to no
 * chain while none is; it never has all of its cells free.
 */
#include "pool.h"

/* Head of a frame of cells, in the place of its first cell. A free cell is zero. */
struct cells {
    struct chain chain;
    uint64_t free;          /* bit n: cell n is free; bit 0, the head itself, never */
    uint64_t size;          /* cells have CELL_BYTES << size bytes */
    uint64_t objects;       /* bit n: cell n is an object */
    struct chain with_some; /* link in the pool's object_cells, if there are any */
};

_Static_assert(sizeof(struct cells) <= CELL_BYTES, "the head fits the first cell");

static const uint64_t cells_all[CELL_SIZES] = {0xfffffffffffffffe, 0xfffffffe, 0xfffe};

/* The deposit that a frame of this pool came from: the last one whose base is not above it. */
static struct deposit *deposit_of(struct pool *pool, const void *frame)
{
    unsigned low = 0, high = pool->deposit_count;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        if (pool->deposits[pool->order[middle]].base <= (uintptr_t)frame)
            low = middle;
        else
            high = middle;
    }
    return &pool->deposits[pool->order[low]];
}

static inline void deposit_push(struct pool *pool, struct deposit *deposit, void *frame)
{
    *(void **)frame = deposit->list;
    deposit->list = frame;
    deposit->free++;
    pool->available |= 1ull << (deposit - pool->deposits);
    pool->free_frames++;
}

/* One frame must be free in a deposit that is not closing. */
static inline void *frame_pop(struct pool *pool)
{
    struct deposit *deposit = &pool->deposits[__builtin_ctzll(pool->available)];
    void *frame = deposit->list;

    deposit->list = *(void **)frame;
    *(void **)frame = NULL;
    deposit->free--;
    if (!deposit->list)
        pool->available &= pool->available - 1;
    return frame;
}

void pool_init(struct pool *pool)
{
    for (unsigned size = 0; size < CELL_SIZES; size++)
        chain_init(&pool->cells[size]);
    chain_init(&pool->objects);
    chain_init(&pool->object_cells);
}

/* A frame that is not reserved, or NULL. The lock is held. */
static inline void *frame_take(struct pool *pool)
{
    if (!pool->free_frames)
        return NULL;
    pool->free_frames--;
    return frame_pop(pool);
}

void *pool_take_frame(struct pool *pool)
{
    lock_take(&pool->lock);
    void *frame = frame_take(pool);
    lock_give(&pool->lock);
    return frame;
}

void pool_give_clean_frame(struct pool *pool, void *frame)
{
    lock_take(&pool->lock);
    deposit_push(pool, deposit_of(pool, frame), frame);
    lock_give(&pool->lock);
}

void pool_give_frame(struct pool *pool, void *frame)
{
    words_clear(frame, FRAME_SIZE / 8);
    pool_give_clean_frame(pool, frame);
}

uint64_t pool_reserve(struct pool *pool, uint64_t frames)
{
    lock_take(&pool->lock);
    uint64_t missing = frames > pool->free_frames ? frames - pool->free_frames : 0;
    if (!missing) {
        pool->free_frames -= frames;
        pool->reserved_frames += frames;
    }
    lock_give(&pool->lock);
    return missing;
}

void pool_unreserve(struct pool *pool, uint64_t frames)
{
    lock_take(&pool->lock);
    pool->reserved_frames -= frames;
    pool->free_frames += frames;
    lock_give(&pool->lock);
}

void *pool_take_reserved(struct pool *pool)
{
    lock_take(&pool->lock);
    pool->reserved_frames--;
    void *frame = frame_pop(pool);
    lock_give(&pool->lock);
    return frame;
}

static struct cells *cells_of(const void *cell)
{
    return (struct cells *)((uintptr_t)cell & ~(FRAME_SIZE - 1));
}

static uint64_t cell_bit(const struct cells *cells, const void *cell)
{
    return 1ull << ((uintptr_t)cell % FRAME_SIZE / CELL_BYTES >> cells->size);
}

/* NULL: that needs a frame. The lock is held. */
static inline void *cell_take(struct pool *pool, unsigned size)
{
    struct chain *first = pool->cells[size].next;
    struct cells *cells = CONTAINER(first, struct cells, chain);

    if (first == &pool->cells[size]) {
        cells = frame_take(pool);
        if (!cells)
            return NULL;
        cells->free = cells_all[size];
        cells->size = size;
        chain_insert(&pool->cells[size], &cells->chain);
    }
    unsigned index = (unsigned)__builtin_ctzll(cells->free);
    cells->free &= cells->free - 1;
    if (!cells->free)
        chain_remove(&cells->chain);
    return (char *)cells + ((size_t)index * CELL_BYTES << size);
}

/* The cell is zero: with its head cleared, so is a frame without any. The lock is held. */
static inline void cell_give(struct pool *pool, struct cells *cells, uint64_t bit)
{
    if (!cells->free)
        chain_insert(&pool->cells[cells->size], &cells->chain);
    cells->free |= bit;
    if (cells->free == cells_all[cells->size]) {
        chain_remove(&cells->chain);
        *cells = (struct cells){0};
        deposit_push(pool, deposit_of(pool, cells), cells);
    }
}

void *pool_take_sized(struct pool *pool, unsigned size)
{
    lock_take(&pool->lock);
    void *cell = cell_take(pool, size);
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

    words_clear(cell, CELL_BYTES / 8 << cells->size);
    lock_take(&pool->lock);
    cell_give(pool, cells, cell_bit(cells, cell));
    lock_give(&pool->lock);
}

/* An object is a cell if it does not begin a frame: the first cell is the head. */
static bool object_is_cell(const void *object)
{
    return (uintptr_t)object % FRAME_SIZE;
}

static struct chain *frame_link(void *frame)
{
    return (struct chain *)((char *)frame + FRAME_OBJECT_MAXIMUM);
}

uint64_t pool_object_needs(struct pool *pool, size_t bytes)
{
    lock_take(&pool->lock);
    bool frame = bytes > CELL_MAXIMUM || chain_empty(&pool->cells[cell_size(bytes)]);
    lock_give(&pool->lock);
    return frame;
}

void *pool_take_object(struct pool *pool, size_t bytes)
{
    lock_take(&pool->lock);
    bool cell = bytes <= CELL_MAXIMUM;
    void *object = cell ? cell_take(pool, cell_size(bytes)) : frame_take(pool);
    if (object && cell) {
        struct cells *cells = cells_of(object);
        if (!cells->objects)
            chain_insert(&pool->object_cells, &cells->with_some);
        cells->objects |= cell_bit(cells, object);
    } else if (object) {
        chain_insert(&pool->objects, frame_link(object));
    }
    lock_give(&pool->lock);
    return object;
}

void pool_hide_object(struct pool *pool, void *object)
{
    lock_take(&pool->lock);
    if (object_is_cell(object)) {
        struct cells *cells = cells_of(object);
        cells->objects &= ~cell_bit(cells, object);
        if (!cells->objects)
            chain_remove(&cells->with_some);
    } else {
        chain_remove(frame_link(object));
    }
    lock_give(&pool->lock);
}

void pool_give_object(struct pool *pool, void *object)
{
    if (object_is_cell(object))
        pool_give_cell(pool, object);
    else
        pool_give_frame(pool, object);
}

struct object *pool_first_object(struct pool *pool)
{
    void *object = NULL;

    lock_take(&pool->lock);
    if (!chain_empty(&pool->objects)) {
        object = cells_of(pool->objects.next);
    } else if (!chain_empty(&pool->object_cells)) {
        struct cells *cells = CONTAINER(pool->object_cells.next, struct cells, with_some);
        uint64_t index = (uint64_t)__builtin_ctzll(cells->objects);
        object = (char *)cells + (index * CELL_BYTES << cells->size);
    }
    lock_give(&pool->lock);
    return object;
}

/* The deposit of a source; of NULL: a place that is free. */
static struct deposit *deposit_find(struct pool *pool, const struct object *source)
{
    for (unsigned i = 0; i < DEPOSITS_MAX; i++)
        if (pool->deposits[i].source == source)
            return &pool->deposits[i];
    return NULL;
}

static void deposit_add(struct pool *pool, uintptr_t base, struct object *source)
{
    struct deposit *deposit = deposit_find(pool, NULL);
    unsigned at = pool->deposit_count++;

    for (; at && pool->deposits[pool->order[at - 1]].base > base; at--)
        pool->order[at] = pool->order[at - 1];
    pool->order[at] = (uint8_t)(deposit - pool->deposits);
    *deposit = (struct deposit){.source = source, .base = base};
}

static void deposit_end(struct pool *pool, struct deposit *deposit)
{
    unsigned at = 0;

    while (&pool->deposits[pool->order[at]] != deposit)
        at++;
    pool->deposit_count--;
    for (; at < pool->deposit_count; at++)
        pool->order[at] = pool->order[at + 1];
    *deposit = (struct deposit){0};
}

enum status pool_deposit_open(struct pool *pool, void *base, struct object *source)
{
    enum status status = STATUS_SUCCESS;

    lock_take(&pool->lock);
    const struct deposit *deposit = deposit_find(pool, source);
    if (deposit)
        status = deposit->closing ? STATUS_BUSY : STATUS_SUCCESS;
    else if (pool->retired || pool->deposit_count == DEPOSITS_MAX)
        status = STATUS_IN_USE;
    else
        deposit_add(pool, (uintptr_t)base, source);
    lock_give(&pool->lock);
    return status;
}

void pool_deposit_extend(struct pool *pool, struct object *source)
{
    lock_take(&pool->lock);
    struct deposit *deposit = deposit_find(pool, source);
    deposit_push(pool, deposit, (void *)(deposit->base + deposit->frames++ * FRAME_SIZE));
    pool->frames++;
    lock_give(&pool->lock);
}

uint64_t pool_deposit_frames(struct pool *pool, const struct object *source)
{
    lock_take(&pool->lock);
    const struct deposit *deposit = deposit_find(pool, source);
    uint64_t frames = deposit ? deposit->frames : 0;
    lock_give(&pool->lock);
    return frames;
}

enum status pool_deposit_close(struct pool *pool, struct object *source)
{
    lock_take(&pool->lock);
    struct deposit *deposit = deposit_find(pool, source);
    if (!deposit->closing && deposit->free == deposit->frames &&
        deposit->frames <= pool->free_frames) {
        deposit->closing = 1;
        pool->frames -= deposit->frames;
        pool->free_frames -= deposit->frames;
        pool->available &= ~(1ull << (deposit - pool->deposits));
    }
    enum status status = deposit->closing ? STATUS_SUCCESS : STATUS_BUSY;
    lock_give(&pool->lock);
    return status;
}

void *pool_deposit_shrink(struct pool *pool, struct object *source)
{
    void *frame = NULL;

    lock_take(&pool->lock);
    struct deposit *deposit = deposit_find(pool, source);
    if (deposit && deposit->frames) {
        frame = (void *)(deposit->base + --deposit->frames * FRAME_SIZE);
        *(void **)frame = NULL;
    }
    if (deposit && !deposit->frames)
        deposit_end(pool, deposit);
    lock_give(&pool->lock);
    return frame;
}

bool pool_retire(struct pool *pool)
{
    lock_take(&pool->lock);
    pool->retired = !pool->deposit_count;
    lock_give(&pool->lock);
    return pool->retired;
}

struct object *pool_deposit_within(struct pool *pool, uintptr_t base, uint64_t size)
{
    struct object *source = NULL;

    lock_take(&pool->lock);
    for (unsigned at = 0; at < pool->deposit_count && !source; at++)
        if (pool->deposits[pool->order[at]].base - base < size)
            source = pool->deposits[pool->order[at]].source;
    lock_give(&pool->lock);
    return source;
}
