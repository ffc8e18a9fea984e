/*
 * Budgets against a model that lives through every tick, and the rule that matters: in any stretch
 * of k periods at most k + 1 budgets run, whatever the context does.
 */
#include "budget.h"
#include "tap.h"

static uint64_t random_state = 0x5eed;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % bound;
}

/* The same, one tick at a time. */
struct model {
    uint64_t budget, period, left, begun, consumed;
    bool begins; /* a tick was consumed since the refill */
};

static void model_tick(struct model *m, uint64_t tick)
{
    m->consumed++;
    if (m->budget == m->period)
        return;
    if (!m->begins) {
        m->begins = true;
        m->begun = tick;
    }
    if (m->left)
        m->left--;
}

static bool model_refill(struct model *m, uint64_t now)
{
    if (!m->begins || now - m->begun < m->period)
        return false;
    m->left = m->budget;
    m->begins = false;
    return true;
}

static bool same(const struct budget *b, const struct model *m)
{
    return b->left == m->left && b->consumed == m->consumed && b->left <= b->budget &&
           b->refill_at == (m->begins ? m->begun + m->period : 0) &&
           budget_runnable(b) == (m->left != 0);
}

/* Random stretches of running, also beyond the budget's end, and of not running. */
static bool walk(uint64_t budget, uint64_t period)
{
    struct model m = {budget, period, budget, 0, 0, false};
    struct budget b;
    uint64_t now = random_below(1000);

    b = budget_make(budget, period);
    for (unsigned step = 0; step < 300; step++) {
        uint64_t from = now;
        uint64_t stretch = random_below(random_below(4) ? budget + 3 : 2 * period + 3);
        now += stretch;
        if (random_below(2)) {
            for (uint64_t tick = from; tick < now; tick++)
                model_tick(&m, tick);
            budget_consume(&b, from, now);
        }
        if (!same(&b, &m))
            return false;
        if (random_below(2) && budget_refill(&b, now) != model_refill(&m, now))
            return false;
        if (!same(&b, &m))
            return false;
    }
    return true;
}

static void test_model(void)
{
    bool good = true;

    for (unsigned i = 0; good && i < 3000; i++) {
        uint64_t period = 1 + random_below(60), budget = 1 + random_below(period);
        good = walk(budget, period);
    }
    ok(good, "random stretches as in the model, tick by tick");
}

#define TICKS 4000u

/* ran[t]: ticks that ran before t. Returns whether no k periods have more than k + 1 budgets. */
static bool bounded(const uint32_t *ran, uint64_t budget, uint64_t period)
{
    for (uint64_t k = 1; k * period <= TICKS; k++)
        for (uint64_t t = 0; t + k * period <= TICKS; t++)
            if (ran[t + k * period] - ran[t] > (k + 1) * budget)
                return false;
    return true;
}

/*
 * The kernel's way: refill, run while anything is left, charge each stretch at its end. `lazy`: the
 * context often does not want to run. Fills ran[].
 */
static void simulate(struct budget *b, bool lazy, uint32_t *ran)
{
    uint64_t now = 0;

    ran[0] = 0;
    while (now < TICKS) {
        uint64_t until = now + 1 + (lazy ? random_below(2 * b->budget + 2) : 0);
        uint64_t end;

        budget_refill(b, now);
        end = budget_end(b, now);
        bool runs = budget_runnable(b) && (!lazy || random_below(2));
        if (!lazy && runs)
            until = end;
        if (runs && until > end)
            until = end;
        if (until > TICKS)
            until = TICKS;
        for (uint64_t t = now; t < until; t++)
            ran[t + 1] = ran[t] + runs;
        if (runs)
            budget_consume(b, now, until);
        now = until;
    }
}

static void test_rule(void)
{
    static uint32_t ran[TICKS + 1];
    bool good = true, share = true, counted = true;

    for (unsigned i = 0; i < 60; i++) {
        uint64_t period = 2 + random_below(100), budget = 1 + random_below(period - 1);
        bool lazy = i % 3;
        struct budget b;

        b = budget_make(budget, period);
        simulate(&b, lazy, ran);
        good = good && bounded(ran, budget, period);
        counted = counted && b.consumed == ran[TICKS];
        /* One that always wants to run gets its whole budget at the start of each period. */
        for (uint64_t t = 0; !lazy && t + period <= TICKS; t++)
            share = share && ran[t + period] - ran[t] == budget;
    }
    ok(good, "in any k periods at most k + 1 budgets run");
    ok(share, "one that spins has exactly its budget in every period");
    ok(counted, "every tick is counted");
}

static void test_steps(void)
{
    struct budget b;

    b = budget_make(10, 100);
    ok(budget_runnable(&b) && !budget_unlimited(&b), "a new budget is full");
    ok(!budget_refill(&b, UINT64_MAX), "and is not refilled before it is used");
    budget_consume(&b, 1000, 1000);
    budget_consume(&b, 1000, 999);
    ok(b.left == 10 && b.refill_at == 0 && b.consumed == 0, "no time is charged as nothing");
    is_u64(budget_end(&b, 1000), 1010, "it would last for ten ticks");
    budget_consume(&b, 1000, 1004);
    is_u64(b.refill_at, 1100, "the period begins with the consumption");
    budget_consume(&b, 1050, 1055);
    ok(b.left == 1 && b.refill_at == 1100, "and not again with the next");
    budget_consume(&b, 1060, 1075);
    ok(b.left == 0 && !budget_runnable(&b) && b.consumed == 24, "more than is left is counted");
    is_u64(budget_end(&b, 1075), 1075, "nothing is left");
    ok(!budget_refill(&b, 1099) && budget_refill(&b, 1100), "it is refilled after one period");
    ok(b.left == 10 && b.refill_at == 0 && !budget_refill(&b, 5000), "in full, and once");
}

static void test_extremes(void)
{
    struct budget b;

    ok(budget_valid(1, 1) && budget_valid(1, UINT64_MAX), "valid budgets");
    ok(!budget_valid(0, 0) && !budget_valid(0, 5) && !budget_valid(6, 5), "invalid budgets");

    b = budget_make(50, 50);
    budget_consume(&b, 0, 1000000);
    ok(budget_unlimited(&b) && budget_runnable(&b) && b.left == 50, "unlimited: never used up");
    ok(b.consumed == 1000000 && b.refill_at == 0 && !budget_refill(&b, UINT64_MAX), "but counted");
    is_u64(budget_end(&b, 7), BUDGET_NEVER, "and without an end");

    b = budget_make(5, 100);
    budget_consume(&b, 0, 1);
    is_u64(b.refill_at, 100, "time 0 is a time");

    b = budget_make(UINT64_MAX - 1, UINT64_MAX);
    is_u64(budget_end(&b, 1), UINT64_MAX, "the largest budget ends at the last tick");
    is_u64(budget_end(&b, 2), BUDGET_NEVER, "or beyond it");
    budget_consume(&b, 1, UINT64_MAX);
    ok(b.left == 0 && b.refill_at == BUDGET_NEVER, "a refill beyond the last tick never comes");
    ok(!budget_refill(&b, UINT64_MAX - 1), "not even late");

    b = budget_make(5, 100);
    budget_consume(&b, UINT64_MAX - 99, UINT64_MAX);
    is_u64(b.refill_at, BUDGET_NEVER, "one tick too late for the sum");
    b = budget_make(5, 100);
    b.consumed = UINT64_MAX;
    budget_consume(&b, UINT64_MAX - 101, UINT64_MAX - 99);
    is_u64(b.refill_at, UINT64_MAX - 1, "the last sums that fit");
    is_u64(b.consumed, 1, "the total counts on from 0");
}

static void test_share(void)
{
    bool right = true;

    is_u64(budget_share(7, 7), 0, "unlimited: none");
    is_u64(budget_share(1, 2), 0x8000, "a half");
    is_u64(budget_share(1, 3), 0x5556, "a third, rounded up");
    is_u64(budget_share(1, UINT64_MAX), 1, "the least there is");
    is_u64(budget_share(UINT64_MAX - 1, UINT64_MAX), 0x10000, "the most");
    is_u64(budget_share(1ull << 63, UINT64_MAX), 0x8001, "half of the longest, and a little");
    for (unsigned i = 0; i < 100000 && right; i++) {
        uint64_t period = (random_below(UINT64_MAX) >> random_below(62)) + 2;
        uint64_t budget = random_below(period - 1) + 1;
        unsigned __int128 all = (unsigned __int128)budget << 16;
        right = budget_share(budget, period) == (uint64_t)((all + period - 1) / period);
    }
    ok(right, "random budgets against long division");
}

int main(void)
{
    test_share();
    test_steps();
    test_extremes();
    test_model();
    test_rule();
    return done_testing();
}
