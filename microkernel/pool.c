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

/* Written in assembly, because compilers turn the loop into a call of memset, byte by byte. */
static inline void words_clear(void *start, uint64_t count)
{
    __asm__ volatile("rep stosq" : "+D"(start), "+c"(count) : "a"(0ul) : "memory");
}

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

static void frame_push(struct pool *pool, void *frame)
{
    deposit_push(pool, deposit_of(pool, frame), frame);
    pool->free_frames++;
}

void pool_init(struct pool *pool)
{
    for (unsigned size = 0; size < CELL_SIZES; size++)
        chain_init(&pool->cells[size]);
    chain_init(&pool->objects);
    chain_init(&pool->object_cells);
}

void *pool_take_frame(struct pool *pool)
{
    void *frame = NULL;

    lock_take(&pool->lock);
    if (pool->free_frames) {
        pool->free_frames--;
        frame = frame_pop(pool);
    }
    lock_give(&pool->lock);
    return frame;
}

void pool_give_clean_frame(struct pool *pool, void *frame)
{
    lock_take(&pool->lock);
    frame_push(pool, frame);
    lock_give(&pool->lock);
}

void pool_give_frame(struct pool *pool, void *frame)
{
    words_clear(frame, FRAME_SIZE / 8);
    pool_give_clean_frame(pool, frame);
}

uint64_t pool_reserve(struct pool *pool, uint64_t frames)
{
    uint64_t missing = 0;

    lock_take(&pool->lock);
    if (frames > pool->free_frames) {
        missing = frames - pool->free_frames;
    } else {
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
    void *frame;

    lock_take(&pool->lock);
    pool->reserved_frames--;
    frame = frame_pop(pool);
    lock_give(&pool->lock);
    return frame;
}

/* Makes a free frame one of cells. */
static void cells_open(struct pool *pool, unsigned size)
{
    struct cells *cells = frame_pop(pool);

    pool->free_frames--;
    cells->free = cells_all[size];
    cells->size = size;
    chain_insert(&pool->cells[size], &cells->chain);
}

/* All cells are zero: with its head cleared, so is the frame. */
static void cells_close(struct pool *pool, struct cells *cells)
{
    chain_remove(&cells->chain);
    *cells = (struct cells){0};
    frame_push(pool, cells);
}

static void *cells_take(struct pool *pool, unsigned size)
{
    struct cells *cells = CONTAINER(pool->cells[size].next, struct cells, chain);
    unsigned index = (unsigned)__builtin_ctzll(cells->free);

    cells->free &= cells->free - 1;
    if (!cells->free)
        chain_remove(&cells->chain);
    return (char *)cells + ((size_t)index * CELL_BYTES << size);
}

void *pool_take_cell(struct pool *pool, size_t bytes)
{
    unsigned size = bytes > (size_t)2 * CELL_BYTES ? 2 : bytes > CELL_BYTES;
    void *cell = NULL;

    lock_take(&pool->lock);
    if (chain_empty(&pool->cells[size]) && pool->free_frames)
        cells_open(pool, size);
    if (!chain_empty(&pool->cells[size]))
        cell = cells_take(pool, size);
    lock_give(&pool->lock);
    return cell;
}

void pool_give_cell(struct pool *pool, void *cell)
{
    struct cells *cells = (struct cells *)((uintptr_t)cell & ~(FRAME_SIZE - 1));
    uint64_t size = cells->size; /* does not change while a cell is in use */

    words_clear(cell, CELL_BYTES / 8 << size);
    lock_take(&pool->lock);
    if (!cells->free)
        chain_insert(&pool->cells[size], &cells->chain);
    cells->free |= 1ull << ((uintptr_t)cell % FRAME_SIZE / CELL_BYTES >> size);
    if (cells->free == cells_all[size])
        cells_close(pool, cells);
    lock_give(&pool->lock);
}

/* An object is a cell if it does not begin a frame: the first cell is the head. */
static bool object_is_cell(const void *object)
{
    return (uintptr_t)object % FRAME_SIZE;
}

static struct cells *cells_of(const void *cell)
{
    return (struct cells *)((uintptr_t)cell & ~(FRAME_SIZE - 1));
}

static uint64_t cell_bit(const struct cells *cells, const void *cell)
{
    return 1ull << ((uintptr_t)cell % FRAME_SIZE / CELL_BYTES >> cells->size);
}

static struct chain *frame_link(void *frame)
{
    return (struct chain *)((char *)frame + FRAME_OBJECT_MAXIMUM);
}

void *pool_take_object(struct pool *pool, size_t bytes)
{
    void *object = bytes > CELL_MAXIMUM ? pool_take_frame(pool) : pool_take_cell(pool, bytes);

    if (!object)
        return NULL;
    lock_take(&pool->lock);
    if (object_is_cell(object)) {
        struct cells *cells = cells_of(object);
        if (!cells->objects)
            chain_insert(&pool->object_cells, &cells->with_some);
        cells->objects |= cell_bit(cells, object);
    } else {
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
        uint64_t bit = cell_bit(cells, object), before = cells->objects;
        cells->objects = before & ~bit;
        if (before == bit)
            chain_remove(&cells->with_some);
    } else if (frame_link(object)->next) {
        chain_remove(frame_link(object));
    }
    lock_give(&pool->lock);
}

void pool_give_object(struct pool *pool, void *object)
{
    pool_hide_object(pool, object);
    if (object_is_cell(object))
        pool_give_cell(pool, object);
    else
        pool_give_frame(pool, object);
}

struct object *pool_first_object(struct pool *pool)
{
    struct object *object = NULL;

    lock_take(&pool->lock);
    if (!chain_empty(&pool->objects)) {
        object = (struct object *)cells_of(pool->objects.next);
    } else if (!chain_empty(&pool->object_cells)) {
        struct cells *cells = CONTAINER(pool->object_cells.next, struct cells, with_some);
        uint64_t index = (uint64_t)__builtin_ctzll(cells->objects);
        object = (struct object *)((char *)cells + (index * CELL_BYTES << cells->size));
    }
    lock_give(&pool->lock);
    return object;
}

static struct deposit *deposit_find(struct pool *pool, const struct object *source)
{
    for (unsigned i = 0; i < pool->deposit_count; i++)
        if (pool->deposits[pool->order[i]].source == source)
            return &pool->deposits[pool->order[i]];
    return NULL;
}

/* A place must be free. */
static void deposit_add(struct pool *pool, uintptr_t base, struct object *source)
{
    unsigned place = 0, at = pool->deposit_count++;

    while (pool->deposits[place].source)
        place++;
    for (; at && pool->deposits[pool->order[at - 1]].base > base; at--)
        pool->order[at] = pool->order[at - 1];
    pool->order[at] = (uint8_t)place;
    pool->deposits[place] = (struct deposit){.source = source, .base = base};
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
    struct deposit *deposit;

    lock_take(&pool->lock);
    deposit = deposit_find(pool, source);
    if (deposit && deposit->closing)
        status = STATUS_BUSY;
    else if (pool->retired ||
             (deposit ? deposit->base != (uintptr_t)base : pool->deposit_count == DEPOSITS_MAX))
        status = STATUS_IN_USE;
    else if (!deposit)
        deposit_add(pool, (uintptr_t)base, source);
    lock_give(&pool->lock);
    return status;
}

enum status pool_deposit_extend(struct pool *pool, struct object *source)
{
    enum status status = STATUS_SUCCESS;
    struct deposit *deposit;

    lock_take(&pool->lock);
    deposit = deposit_find(pool, source);
    if (!deposit) {
        status = STATUS_BAD_PARAMETER;
    } else if (deposit->closing) {
        status = STATUS_BUSY;
    } else {
        deposit_push(pool, deposit, (void *)(deposit->base + deposit->frames++ * FRAME_SIZE));
        pool->frames++;
        pool->free_frames++;
    }
    lock_give(&pool->lock);
    return status;
}

uint64_t pool_deposit_frames(struct pool *pool, const struct object *source)
{
    struct deposit *deposit;
    uint64_t frames;

    lock_take(&pool->lock);
    deposit = deposit_find(pool, source);
    frames = deposit ? deposit->frames : 0;
    lock_give(&pool->lock);
    return frames;
}

enum status pool_deposit_close(struct pool *pool, struct object *source)
{
    enum status status = STATUS_SUCCESS;
    struct deposit *deposit;

    lock_take(&pool->lock);
    deposit = deposit_find(pool, source);
    if (!deposit) {
        status = STATUS_BAD_PARAMETER;
    } else if (!deposit->closing) {
        if (deposit->free != deposit->frames || deposit->frames > pool->free_frames) {
            status = STATUS_BUSY;
        } else {
            deposit->closing = 1;
            pool->frames -= deposit->frames;
            pool->free_frames -= deposit->frames;
            pool->available &= ~(1ull << (deposit - pool->deposits));
        }
    }
    lock_give(&pool->lock);
    return status;
}

void *pool_deposit_shrink(struct pool *pool, struct object *source)
{
    struct deposit *deposit;
    void *frame = NULL;

    lock_take(&pool->lock);
    deposit = deposit_find(pool, source);
    if (deposit && deposit->closing) {
        if (deposit->frames) {
            frame = (void *)(deposit->base + --deposit->frames * FRAME_SIZE);
            *(void **)frame = NULL;
        }
        if (!deposit->frames)
            deposit_end(pool, deposit);
    }
    lock_give(&pool->lock);
    return frame;
}

bool pool_retire(struct pool *pool)
{
    lock_take(&pool->lock);
    bool retired = pool->retired = !pool->deposit_count;
    lock_give(&pool->lock);
    return retired;
}

struct object *pool_deposit_source(struct pool *pool)
{
    struct object *source;

    lock_take(&pool->lock);
    source = pool->deposit_count ? pool->deposits[pool->order[0]].source : NULL;
    lock_give(&pool->lock);
    return source;
}
