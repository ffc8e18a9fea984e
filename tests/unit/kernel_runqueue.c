/*
 * The run queue against plain arrays, one a priority. After each step the whole queue is checked:
 * every chain in both directions, the bitmap, and who is to run.
 */
#include "runqueue.h"
#include "tap.h"

#define LINKS 64u

static struct runqueue queue;
static struct runqueue_entry links[LINKS];

static struct {
    struct runqueue_entry *link[LINKS];
    unsigned count;
} model[PRIORITIES];

static uint64_t random_state = 0xfeedbeef;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static void model_insert(struct runqueue_entry *link, unsigned at)
{
    unsigned p = link->priority;

    for (unsigned i = model[p].count++; i > at; i--)
        model[p].link[i] = model[p].link[i - 1];
    model[p].link[at] = link;
}

static void model_remove(const struct runqueue_entry *link)
{
    unsigned p = link->priority, at = 0;

    while (model[p].link[at] != link)
        at++;
    for (model[p].count--; at < model[p].count; at++)
        model[p].link[at] = model[p].link[at + 1];
}

static void insert_tail(struct runqueue_entry *link)
{
    runqueue_insert_tail(&queue, link);
    model_insert(link, model[link->priority].count);
}

static void take_out(struct runqueue_entry *link)
{
    runqueue_remove(&queue, link);
    model_remove(link);
}

static bool chain_good(unsigned priority)
{
    const struct chain *head = &queue.heads[priority], *at = head;

    for (unsigned i = 0; i < model[priority].count; i++) {
        if (at->next != &model[priority].link[i]->chain || at->next->prev != at)
            return false;
        at = at->next;
    }
    return at->next == head && head->prev == at;
}

static bool queue_good(void)
{
    struct runqueue_entry *highest = NULL;
    unsigned queued = 0, held = 0;
    bool good = true;

    for (unsigned p = 0; p < PRIORITIES; p++) {
        bool bit = queue.ready[p / 64] >> p % 64 & 1;
        good = good && chain_good(p) && bit == (model[p].count != 0);
        if (model[p].count)
            highest = model[p].link[0];
        queued += model[p].count;
    }
    for (unsigned i = 0; i < LINKS; i++)
        held += runqueue_holds(&links[i]);
    return good && held == queued && runqueue_highest(&queue) == highest;
}

/* Random steps with priorities from low to low + range - 1. */
static bool walk(unsigned steps, uint32_t low, uint32_t range)
{
    for (unsigned step = 0; step < steps; step++) {
        struct runqueue_entry *link = &links[random_below(LINKS)];

        if (runqueue_holds(link)) {
            take_out(link);
        } else {
            runqueue_entry_init(link, low + random_below(range));
            insert_tail(link);
        }
        if (!queue_good())
            return false;
    }
    for (unsigned i = 0; i < LINKS; i++)
        if (runqueue_holds(&links[i]))
            take_out(&links[i]);
    return queue_good();
}

static void test_each(void)
{
    bool alone = true, above = true;

    for (uint32_t p = 0; p < PRIORITIES; p++) {
        runqueue_entry_init(&links[0], p);
        insert_tail(&links[0]);
        alone = alone && queue_good() && runqueue_highest(&queue) == &links[0];
        for (uint32_t lower = 0; lower < p; lower++) {
            runqueue_entry_init(&links[1], lower);
            insert_tail(&links[1]);
            above = above && runqueue_highest(&queue) == &links[0];
            take_out(&links[1]);
        }
        take_out(&links[0]);
        alone = alone && queue_good() && !runqueue_highest(&queue);
    }
    ok(alone, "each priority alone");
    ok(above, "each priority above each lower one");
}

static void test_turns(void)
{
    bool good = true;

    for (unsigned i = 0; i < 4; i++) {
        runqueue_entry_init(&links[i], 70);
        insert_tail(&links[i]);
    }
    for (unsigned turn = 0; turn < 12; turn++) {
        struct runqueue_entry *link = runqueue_highest(&queue);
        good = good && link == &links[turn % 4];
        take_out(link);
        insert_tail(link);
    }
    ok(good && queue_good(), "round robin: each in its turn");
    for (unsigned i = 0; i < 4; i++)
        take_out(&links[i]);
}

int main(void)
{
    runqueue_init(&queue);
    for (unsigned i = 0; i < LINKS; i++)
        runqueue_entry_init(&links[i], 0);
    ok(queue_good(), "a new queue is empty");
    test_each();
    test_turns();
    ok(walk(100000, 0, PRIORITIES), "random steps over all priorities");
    ok(walk(50000, 62, 4), "random steps around the border of the words");
    ok(walk(20000, 127, 1), "random steps in one priority");
    return done_testing();
}
