/* Pools: cells, deposits and objects, case by case. */
#include "kernel_pool.h"

static void deposit(unsigned source, unsigned frames)
{
    EXPECT(pool_deposit_open(pool, base_of(source), &sources[source]) == STATUS_SUCCESS);
    memset(base_of(source), 0, frames * FRAME_SIZE);
    for (unsigned i = 0; i < frames; i++)
        pool_deposit_extend(pool, &sources[source]);
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
    ok(!pool_deposit_shrink(pool, &sources[0]), "shrink what is not open");
    deposit(0, 2);
    is_u64(pool_deposit_open(pool, base_of(0), &sources[0]), STATUS_SUCCESS,
           "open again, to go on");
    ok(pool_deposit_within(pool, (uintptr_t)base_of(0), 1) == &sources[0], "it is found");
    ok(!pool_deposit_within(pool, (uintptr_t)base_of(0) + 1, FRAME_SIZE) &&
           !pool_deposit_within(pool, (uintptr_t)base_of(0) - FRAME_SIZE, FRAME_SIZE),
       "where it begins only");
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
    ok(pool_deposit_within(pool, 0, UINT64_MAX) == &sources[0], "they are sorted");
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

/* A pool finds what became an object, frames first, until it is hidden. */
static void test_objects(void)
{
    static const size_t sizes[] = {64, 4000, 128, 200, 64, FRAME_OBJECT_MAXIMUM};
    void *objects[12], *cell;

    pool_reset();
    memset(memory, 0, FRAME_SIZE * LENGTH * 3);
    EXPECT(pool_deposit_open(pool, memory, &sources[0]) == STATUS_SUCCESS);
    for (unsigned i = 0; i < LENGTH * 3; i++)
        pool_deposit_extend(pool, &sources[0]);
    uint64_t before = pool->free_frames;
    cell = pool_take_cell(pool, 64);
    ok(!pool_first_object(pool), "a cell is no object");
    for (unsigned i = 0; i < 12; i++)
        objects[i] = pool_take_object(pool, sizes[i % 6]);
    pool_hide_object(pool, objects[3]);
    pool_hide_object(pool, objects[1]);
    is_u64(objects_found(), 10, "the objects are found, but those hidden");
    for (unsigned i = 0; i < 12; i++)
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
    free(memory);
    free(pool);
    return done_testing();
}
