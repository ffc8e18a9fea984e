/*
 * The time of a scheduling context: at most `budget` ticks, refilled in full one period after their
 * consumption began. All times are absolute, in TSC ticks.
 *
 * A refilled budget begins to be consumed at some time s, and the next one not before s + period.
 * So of the budgets of which something runs in a stretch of k periods, at most k begin within it
 * and one before it: at most k + 1 budgets run. A refill that comes late moves what follows back;
 * nothing accumulates, and so nobody needs to refill at the very moment: it is enough to do it
 * before choosing whether the context may run.
 *
 * What runs beyond the budget's end, until the kernel notices, is consumed but owed to nobody. The
 * kernel sets its timer to budget_end, so that is at most one stretch with interrupts off.
 *
 * A budget as large as its period is unlimited: it is counted, but never used up.
 */
#pragma once

#include "types.h"

#define BUDGET_NEVER UINT64_MAX /* the TSC does not get there */

struct budget {
    uint64_t budget, period; /* ticks; 0 < budget <= period */
    uint64_t left;           /* at most budget; unlimited: always budget */
    uint64_t refill_at;      /* when it is refilled; 0: nothing is consumed since it was */
    uint64_t consumed;       /* ticks in total; counts on from 0 after 2^64 - 1 */
};

/* May a scheduling context have this budget in each period? */
static inline bool budget_valid(uint64_t budget, uint64_t period)
{
    return budget != 0 && budget <= period;
}

/* The share of a CPU's time that a budget is, rounded up; 0 if it is unlimited. */
static inline uint32_t budget_share(uint64_t budget, uint64_t period)
{
    uint64_t share = budget << 16, rest = budget >> 48;

    if (budget == period)
        return 0;
    /* Less than the period, so that this fits 16 bits; compilers would divide by a function. */
    __asm__("divq %2" : "+a"(share), "+d"(rest) : "r"(period) : "cc");
    return (uint32_t)share + (rest != 0);
}

/* A full budget of which nothing is consumed. budget_valid(budget, period) must hold. */
static inline struct budget budget_make(uint64_t budget, uint64_t period)
{
    return (struct budget){.budget = budget, .period = period, .left = budget};
}

static inline bool budget_unlimited(const struct budget *b)
{
    return b->budget == b->period;
}

/*
 * Charges the time from `from` to `to`, in which the context ran; nothing if that is no time. The
 * stretches of one context neither overlap nor go back, and none lies around a refill: charge up to
 * now, then refill.
 */
static inline void budget_consume(struct budget *b, uint64_t from, uint64_t to)
{
    if (to <= from)
        return;

    uint64_t ticks = to - from;
    b->consumed += ticks;
    if (budget_unlimited(b))
        return;
    if (b->refill_at == 0 && __builtin_add_overflow(from, b->period, &b->refill_at))
        b->refill_at = BUDGET_NEVER;
    b->left -= ticks < b->left ? ticks : b->left;
}

/* Fills the budget if it is time. Returns whether it did. */
static inline bool budget_refill(struct budget *b, uint64_t now)
{
    if (b->refill_at == 0 || now < b->refill_at)
        return false;
    b->left = b->budget;
    b->refill_at = 0;
    return true;
}

/* Is anything left? If not, nothing will be before refill_at. */
static inline bool budget_runnable(const struct budget *b)
{
    return b->left != 0;
}

/* When nothing is left if the context runs from `from` on; BUDGET_NEVER if it is unlimited. */
static inline uint64_t budget_end(const struct budget *b, uint64_t from)
{
    uint64_t end;

    if (budget_unlimited(b) || __builtin_add_overflow(from, b->left, &end))
        return BUDGET_NEVER;
    return end;
}
