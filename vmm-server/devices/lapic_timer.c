/*
 * Nothing counts: the current count is computed from the tick at which counting began, and so is
 * each expiry, so that a periodic timer keeps its phase however late it fires. The host's timer is
 * set only while an expiry would interrupt: one that is masked costs nothing.
 */
#include "lapic_timer.h"

static uint32_t mode_of(const struct lapic *l)
{
    return l->lvt[LVT_TIMER] >> 17 & 3;
}

static bool counts(const struct lapic *l)
{
    return mode_of(l) <= TIMER_PERIODIC;
}

static bool masked(const struct lapic *l)
{
    return l->lvt[LVT_TIMER] & LVT_MASKED;
}

/* The divider's bits 3, 1 and 0: 0 is 2, 1 is 4, ... 6 is 128, 7 is 1. */
static uint64_t hz(const struct lapic *l)
{
    uint32_t code = (l->divide >> 1 & 4) | (l->divide & 3);

    return LAPIC_HZ >> ((code + 1) & 7);
}

static uint64_t elapsed(const struct lapic *l, uint64_t now)
{
    return time_scale(now - l->begun, l->timers->hz, hz(l));
}

static uint32_t count_at(const struct lapic *l, uint64_t now)
{
    if (!counts(l) || !l->left)
        return 0;
    uint64_t passed = elapsed(l, now);
    if (passed < l->left)
        return l->left - (uint32_t)passed;
    if (mode_of(l) == TIMER_ONE_SHOT)
        return 0;
    return l->initial - (uint32_t)((passed - l->left) % l->initial);
}

/* The tick of the first expiry after now; 0: there is none. */
static uint64_t expiry(const struct lapic *l, uint64_t now)
{
    uint64_t passed = elapsed(l, now);
    uint64_t count = l->left;

    if (!l->left)
        return 0;
    if (passed >= count) {
        if (mode_of(l) == TIMER_ONE_SHOT)
            return 0;
        count += ((passed - count) / l->initial + 1) * l->initial;
    }
    return l->begun + time_scale_up(count, hz(l), l->timers->hz);
}

static void expire(struct lapic *l)
{
    if (mode_of(l) == TIMER_DEADLINE)
        l->deadline = 0;
    else if (mode_of(l) == TIMER_ONE_SHOT)
        l->left = 0;
    if (!masked(l))
        lapic_accept(l, APIC_FIXED, (uint8_t)l->lvt[LVT_TIMER], false);
}

static void arm(struct lapic *l, uint64_t now)
{
    uint64_t at = 0;

    if (mode_of(l) == TIMER_DEADLINE && l->deadline) {
        uint64_t guest = now + l->tsc_offset;
        if (l->deadline <= guest)
            expire(l);
        else if (__builtin_add_overflow(now, l->deadline - guest, &at))
            at = UINT64_MAX;
    } else if (counts(l)) {
        at = expiry(l, now);
    }
    timer_set(l->timers, &l->timer, masked(l) ? 0 : at);
}

void lapic_timer_fire(void *lapic, uint64_t deadline)
{
    struct lapic *l = lapic;

    (void)deadline;
    expire(l);
    arm(l, l->timers->now());
}

/* What is over by now happens now, before a register changes what it means. */
static uint64_t settle(struct lapic *l)
{
    uint64_t now = l->timers->now();

    if (l->timer.deadline && l->timer.deadline <= now)
        lapic_timer_fire(l, l->timer.deadline);
    else if (masked(l) && l->deadline && l->deadline <= now + l->tsc_offset)
        l->deadline = 0;
    return now;
}

void lapic_timer_reset(struct lapic *l)
{
    l->divide = 0;
    l->initial = 0;
    l->left = 0;
    l->deadline = 0;
    timer_set(l->timers, &l->timer, 0);
}

void lapic_timer_entry_set(struct lapic *l, uint32_t entry)
{
    uint64_t now = settle(l);
    uint32_t left = count_at(l, now);
    uint32_t old = mode_of(l);

    l->lvt[LVT_TIMER] = entry;
    if (mode_of(l) != old) {
        l->left = counts(l) ? left : 0;
        l->begun = now;
        l->deadline = 0;
    }
    arm(l, now);
}

void lapic_timer_initial_set(struct lapic *l, uint32_t initial)
{
    if (mode_of(l) == TIMER_DEADLINE)
        return;
    l->begun = settle(l);
    l->initial = initial;
    l->left = initial;
    arm(l, l->begun);
}

void lapic_timer_divide_set(struct lapic *l, uint32_t divide)
{
    uint64_t now = settle(l);

    l->left = count_at(l, now);
    l->begun = now;
    l->divide = divide;
    arm(l, now);
}

uint32_t lapic_timer_count(const struct lapic *l)
{
    return count_at(l, l->timers->now());
}

void lapic_timer_deadline_set(struct lapic *l, uint64_t deadline)
{
    if (mode_of(l) != TIMER_DEADLINE)
        return;
    uint64_t now = settle(l);
    l->deadline = deadline;
    arm(l, now);
}

uint64_t lapic_timer_deadline(struct lapic *l)
{
    settle(l);
    return l->deadline;
}

void lapic_tsc_offset_set(struct lapic *l, uint64_t offset)
{
    uint64_t now = settle(l);

    l->tsc_offset = offset;
    if (mode_of(l) == TIMER_DEADLINE)
        arm(l, now);
}
