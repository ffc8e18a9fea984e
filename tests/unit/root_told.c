/*
 * Words for root's main thread: what is left is of the instance that is there, also while others
 * leave word of instances that are gone.
 */
#include <pthread.h>

#include "tap.h"
#include "told.h"

static void test_one(void)
{
    uint64_t told = 0;

    ok(!told_leave(&told, 1, TOLD_EXIT, 7), "nobody is there at first");
    told_open(&told, 1);
    is_u64(told_instance(&told), 1, "the first instance");
    ok(told_leave(&told, 1, TOLD_TEXT, 0), "its word is left");
    ok(told_leave(&told, 1, TOLD_EXIT, 7), "its end");
    ok(told_leave(&told, 1, TOLD_EXIT, 8), "another end");
    uint32_t taken = told_take(&told);
    is_u64(taken & 0xffff, TOLD_TEXT | TOLD_EXIT, "both are taken");
    is_u64(told_status(taken), 7, "with the first status");
    is_u64(told_take(&told), 0, "once");
    ok(told_leave(&told, 1, TOLD_FAULT, 0), "a fault");
    is_u64(told_close(&told), TOLD_FAULT, "that nobody took");
}

static void test_gone(void)
{
    uint64_t told = 0;

    told_open(&told, 1);
    (void)told_close(&told);
    ok(!told_leave(&told, 1, TOLD_EXIT, 1), "of an instance that is gone");
    ok(!told_hint(&told, TOLD_TEXT), "no hint when none is there");
    told_open(&told, 2);
    ok(!told_leave(&told, 1, TOLD_EXIT, 1), "nor later");
    is_u64(told_take(&told), 0, "the next one knows nothing of it");
    ok(told_hint(&told, TOLD_TEXT), "a hint is for whichever is there");
    is_u64(told_take(&told), TOLD_TEXT, "which gets it");
}

#define WRITERS   3u
#define INSTANCES 3000000u /* at most, */
#define ENOUGH    500u     /* until so many have had word */

static uint64_t shared;
static bool over;

/* Knows an instance, and leaves its word whenever: the status is its number. */
static void *write_words(void *argument)
{
    uint64_t *left = argument;

    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        uint32_t instance = told_instance(&shared);
        for (unsigned i = 0; i < 3; i++)
            *left += told_leave(&shared, instance, TOLD_EXIT, instance & 0xff) && instance;
    }
    return NULL;
}

static void test_many(void)
{
    pthread_t thread[WRITERS];
    uint64_t left[WRITERS] = {0}, wrong = 0;
    uint32_t seen = 0;

    for (unsigned i = 0; i < WRITERS; i++)
        pthread_create(&thread[i], NULL, write_words, &left[i]);
    for (uint32_t instance = 1; instance <= INSTANCES && seen < ENOUGH; instance++) {
        told_open(&shared, instance);
        uint32_t word = 0;
        for (unsigned spin = 0; spin < 1000 && !word; spin++)
            word = told_take(&shared);
        word |= told_close(&shared);
        seen += word != 0;
        wrong += word && told_status(word) != (instance & 0xff);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    is_u64(seen, ENOUGH, "instances that had word");
    is_u64(wrong, 0, "no word of another instance");
}

int main(void)
{
    test_one();
    test_gone();
    test_many();
    return done_testing();
}
