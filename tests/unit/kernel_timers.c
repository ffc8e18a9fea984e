/*
 * The timer queue against a list that is searched whole: what is due next is the least deadline,
 * and of equal ones the one that was added first.
 */
#include "tap.h"
#include "timers.h"

#define TIMERS 100u

static struct tree queue;
static struct timer timers[TIMERS];

/* The model: deadline and order of adding, for each armed timer. */
static struct {
    bool armed;
    uint64_t deadline, order;
} model[TIMERS];

static uint64_t random_state = 0x1234567;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Index of the timer that must be due first; TIMERS if none is armed. */
static unsigned model_first(void)
{
    unsigned first = TIMERS;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (!model[i].armed)
            continue;
        if (first == TIMERS || model[i].deadline < model[first].deadline ||
            (model[i].deadline == model[first].deadline && model[i].order < model[first].order))
            first = i;
    }
    return first;
}

static bool queue_good(void)
{
    unsigned first = model_first();
    bool good = timers_deadline(&queue) == (first < TIMERS ? model[first].deadline : TIMERS_NEVER);

    for (unsigned i = 0; i < TIMERS; i++) {
        good = good && timer_is_armed(&timers[i]) == model[i].armed;
        good = good && (!model[i].armed || timers[i].node.trie.key == model[i].deadline);
    }
    return good;
}

static void add(unsigned i, uint64_t deadline)
{
    static uint64_t order;

    timers_add(&queue, &timers[i], deadline);
    model[i].armed = true;
    model[i].deadline = deadline;
    model[i].order = order++;
}

/* Takes one timer; returns whether it is the right one, or rightly none. */
static bool take(uint64_t now, bool *taken)
{
    unsigned first = model_first();
    bool due = first < TIMERS && model[first].deadline <= now;
    const struct timer *timer = timers_take_due(&queue, now);

    *taken = timer != NULL;
    if (!due)
        return !timer;
    model[first].armed = false;
    return timer == &timers[first];
}

static void test_random(void)
{
    bool good = true, taken;
    unsigned expired = 0, moved = 0;
    uint64_t now = 1000;

    for (unsigned step = 0; good && step < 200000; step++) {
        unsigned i = (unsigned)(random_next() % TIMERS);
        switch (random_next() % 4) {
        case 0:
        case 1:
            moved += timer_is_armed(&timers[i]);
            add(i, now - 50 + random_next() % 500);
            break;
        case 2:
            timers_cancel(&queue, &timers[i]);
            model[i].armed = false;
            break;
        default:
            now += random_next() % 20;
            do {
                good = good && take(now, &taken);
                expired += taken;
            } while (good && taken);
        }
        good = good && queue_good();
    }
    ok(good, "random additions, cancellations and expiries");
    ok(expired > 10000 && moved > 10000, "among them %u expired and %u moved", expired, moved);
    while (take(TIMERS_NEVER, &taken) && taken)
        continue;
    ok(queue_good() && model_first() == TIMERS, "all are due in the end");
}

static void test_edges(void)
{
    bool taken;

    is_u64(timers_deadline(&queue), TIMERS_NEVER, "an empty queue has no deadline");
    ok(!timers_take_due(&queue, TIMERS_NEVER), "and nothing is due");
    timers_cancel(&queue, &timers[0]);
    ok(!timer_is_armed(&timers[0]), "cancelling what is not armed changes nothing");

    add(0, 100);
    ok(!timers_take_due(&queue, 99), "one tick early");
    ok(timers_take_due(&queue, 100) == &timers[0], "at the deadline");
    ok(!timers_take_due(&queue, 100), "once only");
    model[0].armed = false;

    add(0, 0);
    add(1, TIMERS_NEVER);
    is_u64(timers_deadline(&queue), 0, "deadline 0");
    ok(take(0, &taken) && taken, "is due at 0");
    is_u64(timers_deadline(&queue), TIMERS_NEVER, "the one that never comes stays");
    ok(take(TIMERS_NEVER - 1, &taken) && !taken, "and is not due");

    add(1, 5);
    add(2, 5);
    add(1, 5);
    ok(take(5, &taken) && !timer_is_armed(&timers[2]), "adding it again puts it behind its equals");
    ok(take(5, &taken) && taken && queue_good(), "where it comes next");
}

int main(void)
{
    test_edges();
    test_random();
    return done_testing();
}
