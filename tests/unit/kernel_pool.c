/*
 * Pools against a model that keeps a byte for each 64 bytes of memory. Whatever is handed out must
 * be zero and is filled with a pattern while it is held, so that a double hand-out, a lost clearing
 * and a write into somebody's memory are all seen.
 */
#include "pool.h"

#include <stdlib.h>

#include "tap.h"

#define SOURCES 8u
#define LENGTH  6u /* frames of a source */
#define FRAMES  ((size_t)SOURCES * LENGTH)
#define UNITS   (FRAME_SIZE / CELL_BYTES)
#define ITEMS   4096u
#define STEPS   1000000u
#define EVERY   64u /* the whole model is compared every so many steps */

enum { OUTSIDE = 0, FREE, HELD };

struct item {
    uint8_t *at;
    size_t bytes;
    uint8_t pattern;
};

static uint8_t *memory; /* FRAMES frames */
static uint8_t unit_state[FRAMES * UNITS];
static uint8_t cells_in[FRAMES];   /* cells held in a frame */
static uint16_t cell_size[FRAMES]; /* 64, 128 or 256 */
static struct item items[ITEMS];
static unsigned item_count;
static uint64_t reserved, in_pool;
static unsigned length_of[SOURCES]; /* frames deposited */
static bool open_of[SOURCES], closing_of[SOURCES];
static struct object sources[DEPOSITS_MAX + 1];
static struct pool *pool;
static uint64_t errors;

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static bool all_are(const uint8_t *at, size_t bytes, uint8_t value)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != value)
            return false;
    return true;
}

static void expect(bool good, int line)
{
    if (!good && errors++ < 10)
        printf("# line %d\n", line);
}

#define EXPECT(condition) expect(condition, __LINE__)

static size_t frame_of(const void *at)
{
    return (size_t)((const uint8_t *)at - memory) / FRAME_SIZE;
}

static uint8_t *base_of(unsigned source)
{
    return memory + (size_t)source * LENGTH * FRAME_SIZE;
}

static void pool_reset(void)
{
    if (!memory)
        memory = aligned_alloc(FRAME_SIZE, FRAMES * FRAME_SIZE);
    if (!pool)
        pool = aligned_alloc(FRAME_SIZE, FRAME_SIZE);
    memset(memory, 0xaa, FRAMES * FRAME_SIZE);
    memset(pool, 0, FRAME_SIZE);
    pool_init(pool);
}

static void hold(void *at, size_t bytes)
{
    size_t first = (size_t)((uint8_t *)at - memory) / CELL_BYTES;
    struct item *item = &items[item_count++];

    EXPECT((uint8_t *)at >= memory && (uint8_t *)at + bytes <= memory + FRAMES * FRAME_SIZE);
    EXPECT((uintptr_t)at % bytes == 0);
    EXPECT(all_are(at, bytes, 0));
    for (size_t i = 0; i < bytes / CELL_BYTES; i++) {
        EXPECT(unit_state[first + i] == FREE);
        unit_state[first + i] = HELD;
    }
    *item = (struct item){at, bytes, (uint8_t)(1 + random_below(255))};
    memset(at, item->pattern, bytes);
}

static struct item drop(unsigned index)
{
    struct item item = items[index];
    size_t first = (size_t)(item.at - memory) / CELL_BYTES;

    EXPECT(all_are(item.at, item.bytes, item.pattern));
    memset(unit_state + first, FREE, item.bytes / CELL_BYTES);
    items[index] = items[--item_count];
    return item;
}

/* Frames that the model says are in use, and whether a cell of that size fits without a new one. */
static uint64_t frames_used(size_t size, bool *fits)
{
    uint64_t used = 0;

    *fits = false;
    for (unsigned frame = 0; frame < FRAMES; frame++) {
        used += cells_in[frame] || unit_state[frame * UNITS] == HELD;
        if (cells_in[frame] && cell_size[frame] == size)
            *fits |= (cells_in[frame] + 1) * size < FRAME_SIZE;
    }
    return used;
}

static uint64_t model_free(void)
{
    bool fits;

    return in_pool - frames_used(0, &fits) - reserved;
}

static void step_take_frame(void)
{
    bool can = model_free() != 0;
    void *frame = pool_take_frame(pool);

    EXPECT((frame != NULL) == can);
    if (frame)
        hold(frame, FRAME_SIZE);
}

static void step_take_cell(size_t bytes)
{
    size_t size = CELL_BYTES;
    bool fits, can;
    void *cell;

    while (size < bytes)
        size *= 2;
    can = in_pool - frames_used(size, &fits) > reserved;
    can |= fits;
    cell = pool_take_cell(pool, bytes);
    EXPECT((cell != NULL) == can);
    if (!cell)
        return;
    EXPECT(!cells_in[frame_of(cell)] || cell_size[frame_of(cell)] == size);
    cell_size[frame_of(cell)] = (uint16_t)size;
    cells_in[frame_of(cell)]++;
    hold(cell, size);
}

static void step_give(void)
{
    struct item item;

    if (!item_count)
        return;
    item = drop(random_below(item_count));
    if (item.bytes < FRAME_SIZE) {
        pool_give_cell(pool, item.at);
        cells_in[frame_of(item.at)]--;
    } else if (random_below(2)) {
        pool_give_frame(pool, item.at);
    } else {
        memset(item.at, 0, FRAME_SIZE);
        pool_give_clean_frame(pool, item.at);
    }
}

static void step_reserve(void)
{
    uint64_t frames = random_below(FRAMES / 4), free = model_free();
    uint64_t missing = pool_reserve(pool, frames);

    EXPECT(missing == (frames > free ? frames - free : 0));
    if (!missing)
        reserved += frames;
}

static void step_use_reserved(void)
{
    if (reserved && random_below(2)) {
        reserved--;
        hold(pool_take_reserved(pool), FRAME_SIZE);
    } else if (reserved) {
        uint64_t frames = 1 + random_below((uint32_t)reserved);

        pool_unreserve(pool, frames);
        reserved -= frames;
    }
}

static void step_open(unsigned source)
{
    enum status status = pool_deposit_open(pool, base_of(source), &sources[source]);

    EXPECT(status == (closing_of[source] ? STATUS_BUSY : STATUS_SUCCESS));
    open_of[source] |= status == STATUS_SUCCESS;
}

static void step_extend(unsigned source)
{
    uint8_t *frame = base_of(source) + (size_t)length_of[source] * FRAME_SIZE;

    EXPECT(pool_deposit_frames(pool, &sources[source]) == length_of[source]);
    if (open_of[source] && length_of[source] == LENGTH)
        return;
    if (open_of[source])
        memset(frame, 0, FRAME_SIZE);
    EXPECT(pool_deposit_extend(pool, &sources[source]) == (open_of[source] ? STATUS_SUCCESS
                                                           : closing_of[source]
                                                               ? STATUS_BUSY
                                                               : STATUS_BAD_PARAMETER));
    if (!open_of[source])
        return;
    memset(unit_state + frame_of(frame) * UNITS, FREE, UNITS);
    length_of[source]++;
    in_pool++;
}

static bool source_free(unsigned source)
{
    for (unsigned frame = source * LENGTH; frame < (source + 1) * LENGTH; frame++)
        if (cells_in[frame] || unit_state[frame * UNITS] == HELD)
            return false;
    return true;
}

static void step_close(unsigned source)
{
    enum status want = STATUS_BUSY, status;

    if (!open_of[source] && !closing_of[source])
        want = STATUS_BAD_PARAMETER;
    else if (closing_of[source] || (source_free(source) && length_of[source] <= model_free()))
        want = STATUS_SUCCESS;
    status = pool_deposit_close(pool, &sources[source]);
    EXPECT(status == want);
    if (status == STATUS_SUCCESS && open_of[source]) {
        open_of[source] = false;
        closing_of[source] = true;
        in_pool -= length_of[source];
    }
}

static void step_shrink(unsigned source)
{
    uint8_t *frame = pool_deposit_shrink(pool, &sources[source]);

    EXPECT((frame != NULL) == (closing_of[source] && length_of[source]));
    if (frame) {
        length_of[source]--;
        EXPECT(frame == base_of(source) + (size_t)length_of[source] * FRAME_SIZE);
        EXPECT(all_are(frame, FRAME_SIZE, 0));
        memset(frame, 0xaa, FRAME_SIZE);
        memset(unit_state + frame_of(frame) * UNITS, OUTSIDE, UNITS);
    }
    closing_of[source] &= length_of[source] != 0;
}

static void step(unsigned greed)
{
    unsigned what = random_below(200), source = random_below(SOURCES);

    if (what < greed)
        step_take_cell(1 + random_below(CELL_MAXIMUM));
    else if (what < greed + greed / 4)
        step_take_frame();
    else if (what < 160)
        step_give();
    else if (what < 162)
        step_reserve();
    else if (what < 174)
        step_use_reserved();
    else if (what < 178)
        step_open(source);
    else if (what < 190)
        step_extend(source);
    else if (what < 191)
        step_close(source);
    else
        step_shrink(source);
}

static void compare(void)
{
    EXPECT(pool->frames == in_pool);
    EXPECT(pool->free_frames == model_free());
    EXPECT(pool->reserved_frames == reserved);
    for (unsigned i = 1; i < pool->deposit_count; i++)
        EXPECT(pool->deposits[pool->order[i - 1]].base < pool->deposits[pool->order[i]].base);
    for (unsigned i = 0; i < item_count; i++)
        EXPECT(all_are(items[i].at, items[i].bytes, items[i].pattern));
    for (size_t i = 0; i < FRAMES * UNITS; i++)
        if (unit_state[i] == OUTSIDE)
            EXPECT(all_are(memory + i * CELL_BYTES, CELL_BYTES, 0xaa));
}

static void test_walk(void)
{
    static const unsigned greed[] = {40, 100, 62, 66}; /* shrinking, growing, about level */
    unsigned full = 0;

    pool_reset();
    errors = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        step(greed[i / 2000 % 4]);
        full += model_free() == 0 && in_pool;
        if (i % EVERY == 0)
            compare();
    }
    is_u64(errors, 0, "%u random steps agree with the model", STEPS);
    printf("# the pool was full after %u of %u steps\n", full, STEPS);
    ok(full > STEPS / 100 && full < STEPS / 4 * 3, "the walk saw full pools and others");
    while (item_count)
        step_give();
    pool_unreserve(pool, reserved);
    reserved = 0;
    compare();
    is_u64(pool->free_frames, pool->frames, "with all given back, every frame is free");
    for (unsigned i = 0; i < SOURCES; i++) {
        step_open(i);
        step_close(i);
        while (closing_of[i])
            step_shrink(i);
    }
    compare();
    is_u64(errors, 0, "every frame came off its deposit, and came off clear");
    ok(!pool_deposit_source(pool) && !pool->frames && !pool->available, "the pool is empty");
}

static void deposit(unsigned source, unsigned frames)
{
    EXPECT(pool_deposit_open(pool, base_of(source), &sources[source]) == STATUS_SUCCESS);
    memset(base_of(source), 0, frames * FRAME_SIZE);
    for (unsigned i = 0; i < frames; i++)
        EXPECT(pool_deposit_extend(pool, &sources[source]) == STATUS_SUCCESS);
}

static void test_cells(void)
{
    void *cell[2 * UNITS] = {NULL};
    unsigned count = 0;

    pool_reset();
    ok(!pool_take_cell(pool, 64) && !pool_take_frame(pool), "an empty pool gives nothing");
    deposit(0, 1);
    while ((cell[count] = pool_take_cell(pool, 64)))
        count++;
    is_u64(count, 63, "63 cells of 64 bytes in a frame");
    ok(!pool_take_cell(pool, 128), "and no larger cell");
    while (count)
        pool_give_cell(pool, cell[--count]);
    is_u64(pool->free_frames, 1, "the frame is free again");
    while ((cell[count] = pool_take_cell(pool, 65)))
        count++;
    is_u64(count, 31, "31 cells of 128 bytes in a frame");
    pool_give_cell(pool, cell[7]);
    ok(pool_take_cell(pool, 128) == cell[7], "the only free cell is the next one taken");
    while (count)
        pool_give_cell(pool, cell[--count]);
    cell[0] = pool_take_frame(pool);
    ok(cell[0] && all_are(cell[0], FRAME_SIZE, 0), "a frame that held cells is zero");
}

static void test_deposit_errors(void)
{
    void *frame;

    pool_reset();
    is_u64(pool_deposit_extend(pool, &sources[0]), STATUS_BAD_PARAMETER, "extend what is not open");
    is_u64(pool_deposit_close(pool, &sources[0]), STATUS_BAD_PARAMETER, "close what is not open");
    ok(!pool_deposit_shrink(pool, &sources[0]), "shrink what is not open");
    deposit(0, 2);
    is_u64(pool_deposit_open(pool, base_of(1), &sources[0]), STATUS_IN_USE, "open at another base");
    is_u64(pool_deposit_open(pool, base_of(0), &sources[0]), STATUS_SUCCESS,
           "open again, to go on");
    ok(pool_deposit_source(pool) == &sources[0], "the source can be asked for");
    ok(!pool_deposit_shrink(pool, &sources[0]), "nothing comes off a deposit that is open");
    frame = pool_take_frame(pool);
    is_u64(pool_deposit_close(pool, &sources[0]), STATUS_BUSY, "close with a frame in use");
    pool_give_frame(pool, frame);
    is_u64(pool_reserve(pool, 3), 1, "one frame more than there are cannot be reserved");
    is_u64(pool_reserve(pool, 1), 0, "one can");
    is_u64(pool_deposit_close(pool, &sources[0]), STATUS_BUSY, "close with a frame reserved");
    is_u64(pool->free_frames, 1, "a refused close changes nothing");
    deposit(1, 1);
    is_u64(pool_deposit_close(pool, &sources[0]), STATUS_SUCCESS, "another can keep the promise");
    is_u64(pool_deposit_open(pool, base_of(0), &sources[0]), STATUS_BUSY, "open while it closes");
    is_u64(pool_deposit_extend(pool, &sources[0]), STATUS_BUSY, "extend while it closes");
    frame = pool_take_reserved(pool);
    ok(frame_of(frame) >= LENGTH, "nothing is taken from a deposit that closes");
    is_u64(errors, 0, "no other errors");
}

/* DEPOSITS_MAX deposits of no frames, in an order that is neither up nor down. */
static void test_deposit_count(void)
{
    unsigned good = 0, ended = 0;

    pool_reset();
    for (unsigned i = 0; i < DEPOSITS_MAX; i++) {
        unsigned source = i * 37 % DEPOSITS_MAX;

        good += pool_deposit_open(pool, memory + (size_t)source * 64, &sources[source]) ==
                STATUS_SUCCESS;
    }
    is_u64(good, DEPOSITS_MAX, "a pool takes %u deposits", DEPOSITS_MAX);
    is_u64(pool_deposit_open(pool, memory, &sources[DEPOSITS_MAX]), STATUS_IN_USE, "and no more");
    ok(pool_deposit_source(pool) == &sources[0], "they are sorted");
    for (unsigned i = 0; i < DEPOSITS_MAX; i++) {
        ended += pool_deposit_close(pool, &sources[i]) == STATUS_SUCCESS;
        pool_deposit_shrink(pool, &sources[i]);
    }
    is_u64(ended, DEPOSITS_MAX, "all can be closed");
    is_u64(pool->deposit_count, 0, "and are gone");
}

static unsigned objects_found(void)
{
    unsigned found = 0;
    bool frames_over = false;

    for (struct object *object; (object = pool_first_object(pool)); found++) {
        bool cell = (uintptr_t)object % FRAME_SIZE;
        EXPECT(cell || !frames_over);
        frames_over = cell;
        pool_hide_object(pool, object);
    }
    return found;
}

/* A pool finds what became an object, frames first, until it is hidden or given back. */
static void test_objects(void)
{
    static const size_t sizes[] = {64, 4000, 128, 200, 64, FRAME_OBJECT_MAXIMUM};
    void *objects[12], *cell;

    pool_reset();
    memset(memory, 0, FRAME_SIZE * LENGTH * 3);
    EXPECT(pool_deposit_open(pool, memory, &sources[0]) == STATUS_SUCCESS);
    for (unsigned i = 0; i < LENGTH * 3; i++)
        EXPECT(pool_deposit_extend(pool, &sources[0]) == STATUS_SUCCESS);
    uint64_t before = pool->free_frames;
    cell = pool_take_cell(pool, 64);
    ok(!pool_first_object(pool), "a cell is no object");
    for (unsigned i = 0; i < 12; i++)
        objects[i] = pool_take_object(pool, sizes[i % 6]);
    pool_hide_object(pool, objects[3]);
    pool_hide_object(pool, objects[3]);
    pool_hide_object(pool, objects[1]);
    pool_give_object(pool, objects[0]);
    is_u64(objects_found(), 9, "the objects are found, but those hidden or given back");
    for (unsigned i = 1; i < 12; i++)
        pool_give_object(pool, objects[i]);
    pool_give_cell(pool, cell);
    is_u64(pool->free_frames, before, "all frames are free again");
    bool zero = true;
    for (unsigned i = 0; i < before; i++) {
        const uint8_t *frame = pool_take_frame(pool);
        zero = zero && frame && all_are(frame, FRAME_SIZE, 0);
    }
    ok(zero && !errors, "and zero");
}

int main(void)
{
    test_cells();
    test_deposit_errors();
    test_deposit_count();
    test_objects();
    test_walk();
    free(memory);
    free(pool);
    return done_testing();
}
