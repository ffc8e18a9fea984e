/*
 * Pools against a model that keeps a byte for each 64 bytes of memory. Whatever is handed out must
 * be zero and is filled with a pattern while it is held, so that a double hand-out, a lost clearing
 * and a write into somebody's memory are all seen.
 */
#include "kernel_pool.h"

#define ITEMS 4096u
#define STEPS 1000000u
#define EVERY 64u /* the whole model is compared every so many steps */

enum { OUTSIDE = 0, FREE, HELD };

struct item {
    uint8_t *at;
    size_t bytes;
    uint8_t pattern;
};

static uint8_t unit_state[FRAMES * UNITS];
static uint8_t cells_in[FRAMES];    /* cells held in a frame */
static uint16_t cell_bytes[FRAMES]; /* 64 to 4096 */
static struct item items[ITEMS];
static unsigned item_count;
static uint64_t in_pool;
static unsigned length_of[SOURCES]; /* frames deposited */
static bool open_of[SOURCES], closing_of[SOURCES];

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
        if (cells_in[frame] && cell_bytes[frame] == size)
            *fits |= (cells_in[frame] + 1) * size < FRAME_SIZE;
    }
    return used;
}

static uint64_t model_free(void)
{
    bool fits;

    return in_pool - frames_used(0, &fits);
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
    can = in_pool - frames_used(size, &fits) > 0;
    can |= fits;
    cell = pool_take_cell(pool, bytes);
    EXPECT((cell != NULL) == can);
    if (!cell)
        return;
    EXPECT(!cells_in[frame_of(cell)] || cell_bytes[frame_of(cell)] == size);
    cell_bytes[frame_of(cell)] = (uint16_t)size;
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

static void step_take_frames(void)
{
    uint64_t frames = random_below(FRAMES / 4), free = model_free();
    void *list = NULL;
    uint64_t missing = pool_take_frames(pool, frames, &list);

    EXPECT(missing == (frames > free ? frames - free : 0));
    while (list)
        hold(frame_next(&list), FRAME_SIZE);
    EXPECT(model_free() == free - (missing ? 0 : frames));
}

static void step_open(unsigned source)
{
    if (open_of[source] || closing_of[source])
        return;
    open_of[source] = deposit_open(source);
    EXPECT(open_of[source]);
}

static void step_extend(unsigned source)
{
    uint8_t *frame = base_of(source) + (size_t)length_of[source] * FRAME_SIZE;

    if (!open_of[source] || length_of[source] == LENGTH)
        return;
    EXPECT(deposits[source]->frames == length_of[source]);
    memset(frame, 0, FRAME_SIZE);
    pool_deposit_extend(deposits[source]);
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
    if (!open_of[source] && !closing_of[source])
        return;
    bool closed = pool_deposit_close(deposits[source]);
    EXPECT(closed == (closing_of[source] || source_free(source)));
    if (closed && open_of[source]) {
        open_of[source] = false;
        closing_of[source] = true;
        in_pool -= length_of[source];
    }
}

static void step_shrink(unsigned source)
{
    if (!closing_of[source])
        return;
    if (length_of[source]) {
        uint8_t *frame = pool_deposit_shrink(deposits[source]);
        length_of[source]--;
        EXPECT(frame == base_of(source) + (size_t)length_of[source] * FRAME_SIZE);
        EXPECT(all_are(frame, FRAME_SIZE, 0));
        memset(frame, 0xaa, FRAME_SIZE);
        memset(unit_state + frame_of(frame) * UNITS, OUTSIDE, UNITS);
    }
    if (!length_of[source]) {
        pool_deposit_end(deposits[source]);
        closing_of[source] = false;
    }
}

static void step(unsigned greed)
{
    unsigned what = random_below(200), source = random_below(SOURCES);

    if (what < greed)
        step_take_cell(1 + random_below(random_below(8) ? 256 : 2048));
    else if (what < greed + greed / 4)
        step_take_frame();
    else if (what < 160)
        step_give();
    else if (what < 162)
        step_take_frames();
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
    ok(!pool_deposit_within(pool, 0, UINT64_MAX) && !pool->frames && !pool->available,
       "the pool is empty");
}

int main(void)
{
    test_walk();
    free(memory);
    free(pool);
    return done_testing();
}
