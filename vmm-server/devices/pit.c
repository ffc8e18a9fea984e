#include "pit.h"

#include <string.h>

#define REFRESH_PERIODS 18u /* 15 us: channel 1's usual count */

enum { CONTROL = 3 };

static uint64_t time_now(const struct pit *pit)
{
    return time_scale(pit->timers->now(), pit->timers->hz, PIT_HZ);
}

/* --- counting (Intel 8254 data sheet, "Mode definitions")
 * ---------------------------------------*/

static bool triggered_by_gate(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static bool repeats(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static uint64_t elapsed(const struct pit_channel *c, uint64_t time)
{
    return c->counting ? time - c->begun : c->held;
}

/* Periods for which a square wave is high. */
static uint32_t high_half(const struct pit_channel *c)
{
    return (c->period + 1) / 2;
}

/* OUT at a time before which nothing is to be loaded. */
static bool out_at(const struct pit_channel *c, uint64_t time)
{
    uint64_t passed = elapsed(c, time);

    if (!c->started)
        return c->mode != 0;
    switch (c->mode) {
    case 0:
    case 1:
        return passed >= c->period;
    case 2: /* a period of 1 is not allowed: there is no wave */
        return !c->counting || c->period == 1 || passed % c->period != c->period - 1;
    case 3:
        return !c->counting || passed % c->period < high_half(c);
    default:
        return passed != c->period;
    }
}

/* The count at load_at. A square wave is loaded in its middle too, and goes on low. */
static void load(struct pit_channel *c)
{
    bool low = c->mode == 3 && c->started && !out_at(c, c->load_at);

    c->period = c->count;
    c->begun = c->load_at - (low ? high_half(c) : 0);
    c->held = 0;
    c->counting = c->gate || triggered_by_gate(c);
    c->started = true;
    c->null = false;
    c->load_at = 0;
}

static void advance(struct pit_channel *c, uint64_t time)
{
    if (c->load_at && c->load_at <= time)
        load(c);
}

/* When OUT rises first after a time, without another load; 0: never. */
static uint64_t rise_after(const struct pit_channel *c, uint64_t time)
{
    uint64_t passed = elapsed(c, time);
    uint64_t end = c->period + (c->mode >= 4 ? 1u : 0u);

    if (!c->started || !c->counting)
        return 0;
    if (repeats(c))
        return c->period == 1 ? 0 : c->begun + (passed / c->period + 1) * c->period;
    return passed < end ? c->begun + end : 0;
}

static uint64_t rise_next(const struct pit_channel *c, uint64_t time)
{
    struct pit_channel after = *c;
    uint64_t rise = rise_after(c, time);

    if (!c->load_at || (rise && rise <= c->load_at))
        return rise;
    load(&after);
    return rise_after(&after, c->load_at);
}

static uint32_t value_at(const struct pit_channel *c, uint64_t time)
{
    uint32_t range = c->bcd ? 10000 : 0x10000;
    uint64_t passed = elapsed(c, time);
    uint64_t left = c->period;

    if (!c->started)
        return 0;
    if (c->mode == 2) {
        left -= passed % c->period;
    } else if (c->mode == 3) { /* by twos, an odd count from one less */
        uint64_t in_half = passed % c->period;
        if (in_half >= high_half(c))
            in_half -= high_half(c);
        left = (left & ~1ull) - 2 * in_half;
    } else {
        left += range - passed % range;
    }
    left %= range;
    if (!c->bcd)
        return (uint32_t)left;
    return (uint32_t)(left % 10 | left / 10 % 10 << 4 | left / 100 % 10 << 8 | left / 1000 << 12);
}

/* --- channel 0's line
 * ----------------------------------------------------------------------------*/

static void arm(struct pit *pit, uint64_t time)
{
    uint64_t rise = rise_next(&pit->channel[0], time);

    timer_set(pit->timers, &pit->timer, rise ? time_scale_up(rise, PIT_HZ, pit->timers->hz) : 0);
}

static void pit_fire(void *device, uint64_t deadline)
{
    struct pit *pit = device;
    uint64_t time = time_now(pit);

    (void)deadline;
    line_set(&pit->line, false);
    line_set(&pit->line, true);
    advance(&pit->channel[0], time);
    arm(pit, time);
}

/* Brings all up to now, before a register is looked at or changed. */
static uint64_t settle(struct pit *pit)
{
    uint64_t time = time_now(pit);

    if (pit->timer.deadline && pit->timer.deadline <= pit->timers->now())
        pit_fire(pit, pit->timer.deadline);
    for (uint32_t i = 0; i < 3; i++)
        advance(&pit->channel[i], time);
    return time;
}

/* --- registers
 * -----------------------------------------------------------------------------------*/

static uint32_t count_of(const struct pit_channel *c, uint32_t value)
{
    if (!c->bcd)
        return value ? value : 0x10000;
    uint32_t count =
        (value & 0xf) + (value >> 4 & 0xf) * 10 + (value >> 8 & 0xf) * 100 + (value >> 12) * 1000;
    return count ? count : 10000;
}

/* When the count that was just written is loaded: at once or, where a wave runs, at its end. */
static void count_set(struct pit_channel *c, uint32_t value, uint64_t time)
{
    uint64_t passed = elapsed(c, time);
    uint64_t end = c->period;

    c->count = count_of(c, value);
    c->null = true;
    if (triggered_by_gate(c))
        return;
    c->load_at = time + 1;
    if (!repeats(c) || !c->started || !c->counting)
        return;
    passed %= c->period;
    if (c->mode == 3 && passed < high_half(c))
        end = high_half(c);
    c->load_at = time + (end - passed);
}

static void count_write(struct pit_channel *c, uint8_t byte, uint64_t time)
{
    if (c->access == 3 && !c->second_write) {
        c->low = byte;
        c->second_write = true;
        if (c->mode == 0) { /* stops, and OUT is low */
            c->started = false;
            c->load_at = 0;
        }
        return;
    }
    if (c->mode == 0)
        c->started = false;
    if (c->access == 3)
        count_set(c, (uint32_t)byte << 8 | c->low, time);
    else
        count_set(c, c->access == 1 ? byte : (uint32_t)byte << 8, time);
    c->second_write = false;
}

static uint8_t count_read(struct pit_channel *c, uint64_t time)
{
    uint16_t value = c->count_latched ? c->latch : (uint16_t)value_at(c, time);
    bool high = c->access == 2 || c->second_read;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    c->second_read = c->access == 3 && !c->second_read;
    if (!c->second_read)
        c->count_latched = false;
    return (uint8_t)(high ? value >> 8 : value);
}

/* What is latched stays until it is read. */
static void count_latch(struct pit_channel *c, uint64_t time)
{
    if (!c->count_latched)
        c->latch = (uint16_t)value_at(c, time);
    c->count_latched = true;
}

static void status_latch(struct pit_channel *c, uint64_t time)
{
    if (!c->status_latched)
        c->status = (uint8_t)((uint32_t)out_at(c, time) << 7 | (uint32_t)c->null << 6 |
                              (uint32_t)c->access << 4 | (uint32_t)c->mode << 1 | c->bcd);
    c->status_latched = true;
}

static void mode_write(struct pit *pit, struct pit_channel *c, uint8_t value)
{
    *c = (struct pit_channel){
        .mode = value & 4 ? value >> 1 & 3 : value >> 1 & 7, /* 6 and 7 are 2 and 3 */
        .access = value >> 4 & 3,
        .bcd = value & 1,
        .gate = c->gate,
        .null = true,
        .period = 1,
    };
    if (c == &pit->channel[0])
        line_set(&pit->line, c->mode != 0);
}

static void control_write(struct pit *pit, uint8_t value, uint64_t time)
{
    uint32_t which = value >> 6;

    if (which < 3) {
        if (value >> 4 & 3)
            mode_write(pit, &pit->channel[which], value);
        else
            count_latch(&pit->channel[which], time);
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (!(value >> (i + 1) & 1))
            continue;
        if (!(value >> 5 & 1))
            count_latch(&pit->channel[i], time);
        if (!(value >> 4 & 1))
            status_latch(&pit->channel[i], time);
    }
}

static uint64_t pit_read(void *device, uint64_t offset, unsigned size)
{
    struct pit *pit = device;
    uint64_t time = settle(pit);

    (void)size;
    return offset == CONTROL ? 0xff : count_read(&pit->channel[offset & 3], time);
}

static void pit_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pit *pit = device;
    uint64_t time = settle(pit);

    (void)size;
    if (offset == CONTROL) {
        control_write(pit, (uint8_t)value, time);
    } else {
        count_write(&pit->channel[offset & 3], (uint8_t)value, time);
        if (!offset && pit->channel[0].mode == 0)
            line_set(&pit->line, out_at(&pit->channel[0], time));
    }
    arm(pit, time);
}

static void gate_set(struct pit_channel *c, bool gate, uint64_t time)
{
    if (c->gate == gate)
        return;
    c->gate = gate;
    if (gate && (triggered_by_gate(c) || (repeats(c) && c->started))) {
        c->load_at = c->count ? time + 1 : 0;
    } else if (gate && !triggered_by_gate(c)) {
        c->begun = time - c->held;
        c->counting = c->started;
    } else if (!triggered_by_gate(c) && c->counting) {
        c->held = time - c->begun;
        c->counting = false;
    }
}

static uint64_t port61_read(void *device, uint64_t offset, unsigned size)
{
    struct pit *pit = device;
    uint64_t time = settle(pit);

    (void)offset;
    (void)size;
    return pit->port61 | (uint64_t)(time / REFRESH_PERIODS & 1) << 4 |
           (uint64_t)out_at(&pit->channel[2], time) << 5;
}

static void port61_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pit *pit = device;
    uint64_t time = settle(pit);

    (void)offset;
    (void)size;
    pit->port61 = value & 0xf;
    gate_set(&pit->channel[2], value & 1, time);
}

void pit_reset(struct pit *pit)
{
    for (uint32_t i = 0; i < 3; i++)
        pit->channel[i] = (struct pit_channel){.access = 3, .gate = i < 2, .null = true};
    pit->port61 = 0;
    timer_set(pit->timers, &pit->timer, 0);
    line_set(&pit->line, false);
}

bool pit_open(struct pit *pit, struct machine *machine, struct line line)
{
    static const struct bus_operations counters = {pit_read, pit_write};
    static const struct bus_operations port61 = {port61_read, port61_write};
    const struct bus_range ranges[] = {{0x40, 4, &counters, pit, 1}, {0x61, 1, &port61, pit, 1}};

    memset(pit, 0, sizeof(*pit));
    pit->line = line;
    pit->timers = &machine->timers;
    pit->timer.fire = pit_fire;
    pit->timer.device = pit;
    pit_reset(pit);
    return bus_add(&machine->ports, &ranges[0]) && bus_add(&machine->ports, &ranges[1]);
}
