#include "hpet.h"

#include <string.h>

#define PINS 0x00f00000u /* of the I/O APIC that timers can have: 20 to 23 */

#define GENERAL_ENABLE 1u
#define GENERAL_LEGACY 2u

#define TIMER_LEVEL       (1u << 1)
#define TIMER_INTERRUPTS  (1u << 2)
#define TIMER_PERIODIC    (1u << 3)
#define TIMER_VALUE_SET   (1u << 6)
#define TIMER_32          (1u << 8)
#define TIMER_ROUTE_SHIFT 9
#define TIMER_ROUTE       (0x1fu << TIMER_ROUTE_SHIFT)
/* Periodic and 64 bits: all can be, and which pins they can have. */
#define TIMER_CAPABILITIES ((uint64_t)PINS << 32 | 1u << 4 | 1u << 5)

enum { GENERAL_ID = 0, GENERAL_CONFIG = 0x10, GENERAL_STATUS = 0x20, COUNTER = 0xf0 };
enum { TIMERS = 0x100, TIMER_SIZE = 0x20, TIMER_CONFIG = 0, TIMER_COMPARATOR = 8 };

/* A match further away than that (22 years) never comes: no tick of it overflows. */
#define NEVER (1ull << 54)

static uint64_t counter_at(const struct hpet *hpet, uint64_t now)
{
    if (!(hpet->config & GENERAL_ENABLE))
        return hpet->counter;
    return hpet->counter + time_scale(now - hpet->begun, hpet->timers->hz, HPET_HZ);
}

/* Bits that a timer compares. */
static uint64_t width_of(const struct hpet_timer *t)
{
    return t->config & TIMER_32 ? UINT32_MAX : UINT64_MAX;
}

/* --- outputs
 * -------------------------------------------------------------------------------------*/

static void lines_set(const struct line *line, uint32_t old, uint32_t new)
{
    for (uint32_t left = old ^ new; left; left &= left - 1) {
        struct line one = *line;
        one.pin = (uint32_t)__builtin_ctz(left);
        line_set(&one, new >> one.pin & 1);
    }
}

/* Timers with one pin share it. */
static void drive(struct hpet *hpet)
{
    bool legacy = hpet->config & GENERAL_LEGACY;
    uint32_t isa = legacy ? 0 : hpet->passed;
    uint32_t ioapic = 0;

    for (uint32_t i = 0; i < HPET_TIMERS; i++) {
        const struct hpet_timer *t = &hpet->timer[i];
        if (!t->up || !(t->config & TIMER_INTERRUPTS) || !(hpet->config & GENERAL_ENABLE))
            continue;
        if (legacy && i < 2)
            isa |= i ? 1u << 8 : 1u << 0;
        else
            ioapic |= 1u << (t->config >> TIMER_ROUTE_SHIFT & 0x1f) & PINS;
    }
    uint32_t old_isa = hpet->isa_up;
    uint32_t old_ioapic = hpet->ioapic_up;
    hpet->isa_up = isa;
    hpet->ioapic_up = ioapic;
    lines_set(&hpet->isa, old_isa, isa);
    lines_set(&hpet->ioapic, old_ioapic, ioapic);
}

void hpet_pass(void *target, uint32_t pin, bool level)
{
    struct hpet *hpet = target;

    if (pin != 0 && pin != 8)
        return;
    hpet->passed = (hpet->passed & ~(1u << pin)) | (uint32_t)level << pin;
    drive(hpet);
}

/* --- matches
 * -------------------------------------------------------------------------------------*/

/* Computes the next match: now at the earliest, or with `after` in the next period of the counter.
 */
static void arm(struct hpet_timer *t, uint64_t now, bool after)
{
    struct hpet *hpet = t->hpet;
    uint64_t counter = counter_at(hpet, now);
    uint64_t left = (t->comparator - counter) & width_of(t);

    if (after && !left)
        left = t->config & TIMER_32 ? 1ull << 32 : NEVER;
    t->match_at = 0;
    if (hpet->config & GENERAL_ENABLE && left < NEVER && counter - hpet->counter < NEVER) {
        uint64_t ticks = time_scale_up(counter - hpet->counter + left, HPET_HZ, hpet->timers->hz);
        t->match_at = hpet->begun + ticks;
    }
    timer_set(hpet->timers, &t->timer, t->config & TIMER_INTERRUPTS ? t->match_at : 0);
}

/* An edge rises once for all matches that are over; the comparator goes on from where it was. */
static void match(struct hpet_timer *t, uint64_t now)
{
    struct hpet *hpet = t->hpet;
    uint64_t late = (counter_at(hpet, now) - t->comparator) & width_of(t);

    if (t->config & TIMER_PERIODIC && t->period)
        t->comparator = (t->comparator + (late / t->period + 1) * t->period) & width_of(t);
    arm(t, now, true);
    if (t->config & TIMER_LEVEL)
        hpet->status |= 1u << (t - hpet->timer);
    t->up = t->config & TIMER_LEVEL;
    drive(hpet);
    t->up = t->config & (TIMER_LEVEL | TIMER_INTERRUPTS); /* an edge is not kept for later */
    drive(hpet);
}

static void hpet_fire(void *device, uint64_t deadline)
{
    struct hpet_timer *t = device;

    (void)deadline;
    match(t, t->hpet->timers->now());
}

/* Those that interrupt nobody are looked at only here. */
static uint64_t settle(struct hpet *hpet)
{
    uint64_t now = hpet->timers->now();

    for (uint32_t i = 0; i < HPET_TIMERS; i++)
        if (hpet->timer[i].match_at && hpet->timer[i].match_at <= now)
            match(&hpet->timer[i], now);
    return now;
}

/* --- registers (IA-PC HPET 1.0a, 2.3) ----------------------------------------------------------
 */

static uint64_t register_read(const struct hpet *hpet, uint64_t offset, uint64_t now)
{
    switch (offset) {
    case GENERAL_ID:
        return HPET_PERIOD << 32 | HPET_ID;
    case GENERAL_CONFIG:
        return hpet->config;
    case GENERAL_STATUS:
        return hpet->status;
    case COUNTER:
        return counter_at(hpet, now);
    default:
        break;
    }
    uint64_t which = (offset - TIMERS) / TIMER_SIZE;
    if (offset < TIMERS || which >= HPET_TIMERS)
        return 0;
    switch (offset % TIMER_SIZE) {
    case TIMER_CONFIG:
        return hpet->timer[which].config | TIMER_CAPABILITIES;
    case TIMER_COMPARATOR:
        return hpet->timer[which].comparator;
    default:
        return 0;
    }
}

static void config_write(struct hpet *hpet, uint64_t value, uint64_t now)
{
    uint64_t counter = counter_at(hpet, now);
    bool turned = (hpet->config ^ value) & GENERAL_ENABLE;

    hpet->config = value & (GENERAL_ENABLE | GENERAL_LEGACY);
    if (turned) {
        hpet->counter = counter;
        hpet->begun = now;
        for (uint32_t i = 0; i < HPET_TIMERS; i++)
            arm(&hpet->timer[i], now, false);
    }
    drive(hpet);
}

/* Writing 1 ends the interrupt of a level-triggered timer. */
static void status_write(struct hpet *hpet, uint64_t value)
{
    for (uint32_t i = 0; i < HPET_TIMERS; i++)
        if (value & hpet->status & 1u << i) {
            hpet->status &= ~(1ull << i);
            hpet->timer[i].up = false;
        }
    drive(hpet);
}

static void timer_config_write(struct hpet_timer *t, uint64_t value, uint64_t now)
{
    uint64_t writable = TIMER_LEVEL | TIMER_INTERRUPTS | TIMER_PERIODIC | TIMER_32;
    uint64_t old = t->config;

    if (PINS >> ((value & TIMER_ROUTE) >> TIMER_ROUTE_SHIFT) & 1) /* others are not taken */
        writable |= TIMER_ROUTE;
    t->config = (old & ~writable) | (value & writable);
    t->accumulator = value & TIMER_VALUE_SET;
    t->comparator &= width_of(t);
    t->period &= width_of(t);
    if ((old ^ t->config) & (TIMER_LEVEL | TIMER_INTERRUPTS))
        t->up = t->config & TIMER_LEVEL && t->hpet->status & 1u << (t - t->hpet->timer);
    arm(t, now, true);
    drive(t->hpet);
}

/* In periodic mode it is the period, and the first match only where that was asked for. */
static void comparator_write(struct hpet_timer *t, uint64_t value, uint64_t mask, uint64_t now)
{
    bool periodic = t->config & TIMER_PERIODIC;
    bool kept = periodic && !t->accumulator;

    if (!kept)
        t->comparator = ((t->comparator & ~mask) | (value & mask)) & width_of(t);
    if (periodic)
        t->period = ((t->period & ~mask) | (value & mask)) & width_of(t);
    t->accumulator = false;
    arm(t, now, kept);
}

/* mask: the bits that are written, the lower half, the upper one, or both. */
static void register_write(struct hpet *hpet, uint64_t offset, uint64_t value, uint64_t mask)
{
    uint64_t now = settle(hpet);
    uint64_t merged = (register_read(hpet, offset, now) & ~mask) | (value & mask);

    if (offset == GENERAL_CONFIG)
        config_write(hpet, merged, now);
    else if (offset == GENERAL_STATUS)
        status_write(hpet, value & mask);
    else if (offset == COUNTER && !(hpet->config & GENERAL_ENABLE))
        hpet->counter = merged;
    if (offset < TIMERS || offset >= TIMERS + HPET_TIMERS * TIMER_SIZE)
        return;
    struct hpet_timer *t = &hpet->timer[(offset - TIMERS) / TIMER_SIZE];
    if (offset % TIMER_SIZE == TIMER_CONFIG)
        timer_config_write(t, merged, now);
    else if (offset % TIMER_SIZE == TIMER_COMPARATOR)
        comparator_write(t, value, mask, now);
}

/* Other sizes than 4 and 8 bytes, aligned, are undefined: they read, and do not write. */
static uint64_t hpet_read(void *device, uint64_t offset, unsigned size)
{
    struct hpet *hpet = device;
    uint64_t now = settle(hpet);

    (void)size;
    return register_read(hpet, offset & ~7ull, now) >> (offset & 7) * 8;
}

static void hpet_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    uint32_t shift = (offset & 4) * 8;

    if (size == 8 && !(offset & 7))
        register_write(device, offset, value, UINT64_MAX);
    else if (size == 4 && !(offset & 3))
        register_write(device, offset & ~7ull, value << shift, 0xffffffffull << shift);
}

void hpet_reset(struct hpet *hpet)
{
    hpet->config = 0;
    hpet->status = 0;
    hpet->counter = 0;
    hpet->begun = 0;
    for (uint32_t i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *t = &hpet->timer[i];
        t->config = 20u << TIMER_ROUTE_SHIFT;
        t->comparator = UINT64_MAX;
        t->period = 0;
        t->accumulator = false;
        t->up = false;
        t->match_at = 0;
        timer_set(hpet->timers, &t->timer, 0);
    }
    drive(hpet);
}

bool hpet_open(struct hpet *hpet, struct machine *machine, struct line isa, struct line ioapic)
{
    static const struct bus_operations operations = {hpet_read, hpet_write};
    const struct bus_range range = {HPET_BASE, 0x400, &operations, hpet, 8};

    memset(hpet, 0, sizeof(*hpet));
    hpet->isa = isa;
    hpet->ioapic = ioapic;
    hpet->timers = &machine->timers;
    for (uint32_t i = 0; i < HPET_TIMERS; i++) {
        hpet->timer[i].hpet = hpet;
        hpet->timer[i].timer.fire = hpet_fire;
        hpet->timer[i].timer.device = &hpet->timer[i];
    }
    hpet_reset(hpet);
    return bus_add(&machine->memory, &range);
}
