/* Text on its way to the console: order, what is dropped, and that the main thread hears of it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "text.h"

#define ROOM 1024u

static struct text_ring ring;
static char text[ROOM + 1];
static uint32_t dropped;
static bool news;

static const char *take(uint32_t instance)
{
    text[text_take(&ring, instance, text, ROOM, &dropped)] = 0;
    return text;
}

static bool put(uint32_t instance, const char *what)
{
    return text_put(&ring, instance, what, (uint32_t)strlen(what), &news);
}

static void test_order(void)
{
    memset(&ring, 0, sizeof(ring));
    ok(put(1, "first"), "a text");
    ok(news, "which nobody knows of");
    ok(put(1, "second"), "another one");
    ok(!news, "for which somebody comes anyway");
    is_str(take(1), "first", "the first one");
    is_str(take(1), "second", "then the second one");
    is_str(take(1), "", "no more");
    ok(put(1, "third") && news, "again something new");
    is_str(take(1), "third", "it comes");
    ok(put(1, "") && news && !*take(1), "an empty one is none");
}

static void test_dropped(void)
{
    char long_one[ROOM];
    unsigned there = 0, told = 0;

    memset(&ring, 0, sizeof(ring));
    memset(long_one, 'x', sizeof(long_one));
    while (text_put(&ring, 1, long_one, ROOM, &news))
        there++;
    ok(news, "something was dropped: that is new");
    is_u64(there, TEXT_BYTES / (ROOM + TEXT_RECORD), "as many as there is room for");
    for (unsigned i = 0; i < 9; i++)
        told += text_put(&ring, 1, long_one, ROOM, &news) || news;
    is_u64(told, 0, "what is dropped then is not");
    is_u64(strlen(take(1)), ROOM, "room for one more");
    is_u64(dropped, 0, "nothing was dropped before it");
    ok(put(1, "last"), "there is room for a short one");
    for (; there > 1; there--)
        is_u64(strlen(take(1)), ROOM, "a long one");
    is_str(take(1), "last", "what came after them");
    is_u64(dropped, 10 * ROOM, "and what was dropped before that");
    is_str(take(1), "", "no more");
    ring.writing = 1;
    ok(!put(1, "1234") && news, "somebody else writes");
    is_str(take(1), "", "nothing there");
    is_u64(dropped, 4, "but four bytes that were dropped");
    is_str(take(1), "", "still nothing");
    is_u64(dropped, 0, "told once");
    ring.writing = 0;
    ok(!text_put(&ring, 1, text, UINT32_MAX, &news), "more than there ever can be");
    (void)take(1);
    is_u64(dropped, UINT32_MAX, "is dropped");
}

static void test_instances(void)
{
    memset(&ring, 0, sizeof(ring));
    ok(put(1, "old"), "of the first instance");
    ok(put(2, "new") && !news, "of the second one");
    ok(put(1, "late"), "and of the first one again");
    is_str(take(2), "new", "the second one's comes alone");
    is_str(take(2), "", "no more");
    ring.writing = 1;
    (void)!put(2, "12");
    (void)!put(1, "1234");
    ok(!news, "what is dropped of the first one is no news");
    (void)take(2);
    is_u64(dropped, 2, "nor counted");
    (void)!put(2, "12");
    (void)!put(3, "123");
    ok(news, "what is dropped of the third one is");
    (void)take(3);
    is_u64(dropped, 3, "and counted from 0 on");
    ring.writing = 0;
}

#define WRITERS 3u
#define TEXTS   20000u

static uint32_t wakes; /* how often the main thread was told */
static uint64_t sent[WRITERS], bytes_dropped[WRITERS];

static void *write_texts(void *argument)
{
    unsigned self = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < TEXTS; i++) {
        char line[16];
        bool mine;
        uint32_t size = (uint32_t)snprintf(line, sizeof(line), "%u %07u", self, i);
        if (text_put(&ring, 1, line, size, &mine))
            sent[self]++;
        else
            bytes_dropped[self] += size;
        if (mine)
            __atomic_fetch_add(&wakes, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* The main thread sleeps until it is told, then takes until there is no more. */
static void test_many(void)
{
    pthread_t thread[WRITERS];
    uint64_t got = 0, lost = 0, all = 0, gone = 0;
    unsigned next[WRITERS] = {0}, wrong = 0, seen = 0;

    memset(&ring, 0, sizeof(ring));
    for (uintptr_t i = 0; i < WRITERS; i++)
        pthread_create(&thread[i], NULL, write_texts, (void *)i);
    for (unsigned round = 0; round < 2; round++) {
        /* In the last round all have ended: only what was told is taken. */
        for (unsigned spin = 0; spin < 3000000 || round; spin++) {
            uint32_t now = __atomic_load_n(&wakes, __ATOMIC_SEQ_CST);
            if (now == seen && round)
                break;
            if (now == seen)
                continue;
            seen = now;
            while (*take(1)) {
                unsigned who = (unsigned)(text[0] - '0'), n = (unsigned)atoi(text + 2);
                wrong += who >= WRITERS || n < next[who];
                next[who % WRITERS] = n + 1;
                got++;
                lost += dropped;
            }
            lost += dropped;
        }
        for (unsigned i = 0; !round && i < WRITERS; i++)
            pthread_join(thread[i], NULL);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        all += sent[i];
        gone += bytes_dropped[i];
    }
    ok(seen, "%lu texts, %lu bytes dropped, told %u times", (unsigned long)got, (unsigned long)lost,
       seen);
    is_u64(got, all, "all that was put came");
    is_u64(lost, gone, "all that was dropped was told");
    is_u64(wrong, 0, "in order");
}

int main(void)
{
    test_order();
    test_dropped();
    test_instances();
    test_many();
    return done_testing();
}
