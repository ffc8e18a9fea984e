/* Pools: cells, deposits and objects, case by case. */
#include "kernel_pool.h"

static void deposit(unsigned source, unsigned frames)
{
    EXPECT(deposit_open(source));
    memset(base_of(source), 0, frames * FRAME_SIZE);
    for (unsigned i = 0; i < frames; i++)
        pool_deposit_extend(deposits[source]);
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
    void *frame, *list = NULL;

    pool_reset();
    deposit(0, 2);
    ok(pool_deposit_within(pool, (uintptr_t)base_of(0), 1) == &sources[0], "a deposit is found");
    ok(!pool_deposit_within(pool, (uintptr_t)base_of(0) + 1, FRAME_SIZE) &&
           !pool_deposit_within(pool, (uintptr_t)base_of(0) - FRAME_SIZE, FRAME_SIZE),
       "where it begins only");
    frame = pool_take_frame(pool);
    ok(!pool_deposit_close(deposits[0]), "it is not closed with a frame in use");
    is_u64(pool->free_frames, 1, "a refused close changes nothing");
    pool_give_frame(pool, frame);
    is_u64(pool_take_frames(pool, 3, &list), 1, "one frame more than there are cannot be taken");
    ok(!list && pool->free_frames == 2, "and then none is");
    deposit(1, 1);
    ok(pool_deposit_close(deposits[0]) && pool_deposit_close(deposits[0]),
       "with all of them free it is closed, and stays so");
    is_u64(pool_take_frames(pool, 1, &list), 0, "of a pool with two deposits one is left");
    ok(frame_of(frame_next(&list)) >= LENGTH && !list && !pool_take_frame(pool),
       "nothing is taken from the one that closes");
    is_u64(errors, 0, "no other errors");
}

/* DEPOSITS_MAX deposits of no frames, in an order that is neither up nor down. */
static void test_deposit_count(void)
{
    unsigned good = 0, ended = 0;

    pool_reset();
    for (unsigned i = 0; i < DEPOSITS_MAX; i++) {
        unsigned source = i * 37 % DEPOSITS_MAX;

        deposits[source] =
            pool_deposit_open(pool, memory + (size_t)source * 64, 64, &sources[source]);
        good += deposits[source] != NULL;
    }
    is_u64(good, DEPOSITS_MAX, "a pool takes %u deposits", DEPOSITS_MAX);
    ok(!pool_deposit_open(pool, memory, 64, &sources[DEPOSITS_MAX]), "and no more");
    for (unsigned i = 0; i < DEPOSITS_MAX; i++) {
        ended += pool_deposit_within(pool, (uintptr_t)memory + (size_t)i * 64, 64) == &sources[i] &&
                 pool_deposit_close(deposits[i]);
        pool_deposit_end(deposits[i]);
    }
    is_u64(ended, DEPOSITS_MAX, "all are found and can be closed");
    ok(!pool_deposit_within(pool, 0, UINT64_MAX), "and are gone");
}

static unsigned objects_found(void)
{
    unsigned found = 0;
    bool frames_over = false;

    for (struct object *object; (object = pool_first_object(pool)); found++) {
        bool frame = *(const uint8_t *)object;
        EXPECT(!frame || !frames_over);
        frames_over = !frame;
        pool_hide_object(pool, object);
    }
    return found;
}

/* A pool finds what became an object, frames first, until it is hidden. */
static void test_objects(void)
{
    static const size_t sizes[] = {64, 4000, 128, 300, 1500, FRAME_OBJECT_MAXIMUM};
    void *objects[12], *cell;

    pool_reset();
    memset(memory, 0, FRAME_SIZE * LENGTH * 3);
    deposits[0] = pool_deposit_open(pool, memory, 3ull * LENGTH * FRAME_SIZE, &sources[0]);
    for (unsigned i = 0; i < LENGTH * 3; i++)
        pool_deposit_extend(deposits[0]);
    uint64_t before = pool->free_frames;
    cell = pool_take_cell(pool, 64);
    ok(!pool_first_object(pool), "a cell is no object");
    for (unsigned i = 0; i < 12; i++) {
        objects[i] = pool_take_object(pool, sizes[i % 6]);
        *(uint8_t *)objects[i] = sizes[i % 6] >= 4000; /* it has a frame */
    }
    pool_hide_object(pool, objects[3]);
    pool_hide_object(pool, objects[1]);
    is_u64(objects_found(), 10, "the objects are found, but those hidden");
    for (unsigned i = 0; i < 12; i++)
        pool_give_cell(pool, objects[i]);
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
