/* Buses, timers and guest RAM of the VMM. */
#include <string.h>

#include "bus.h"
#include "guest_memory.h"
#include "tap.h"
#include "timers.h"

/* A device that remembers its last access and answers with the offset in each byte. */
struct probe {
    uint64_t offset, value;
    unsigned size, writes;
};

static uint64_t probe_read(void *device, uint64_t offset, unsigned size)
{
    struct probe *probe = device;

    probe->offset = offset;
    probe->size = size;
    return offset * 0x0101010101010101ull;
}

static void probe_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct probe *probe = device;

    *probe = (struct probe){offset, probe->value << size * 8 | value, size, probe->writes + 1};
}

static const struct bus_operations operations = {probe_read, probe_write};

static void test_bus_ranges(void)
{
    static struct bus bus;
    struct probe one = {0};
    const struct bus_range at_60 = {0x60, 4, &operations, &one, 4};
    struct bus_range other = at_60;

    ok(bus_add(&bus, &at_60), "a range is added");
    ok(!bus_add(&bus, &at_60), "not twice");
    for (other.base = 0x5d; other.base < 0x64; other.base++)
        ok(!bus_add(&bus, &other), "a range at 0x%lx overlaps it", (unsigned long)other.base);
    other.base = 0x5c;
    ok(bus_add(&bus, &other), "one that ends before it does not");
    other.base = 0x64;
    ok(bus_add(&bus, &other), "nor one that begins after it");
    other.base = UINT64_MAX - 2;
    ok(!bus_add(&bus, &other), "a range does not wrap");
    other.size = 0;
    ok(!bus_add(&bus, &other), "an empty one is none");
    is_u64(bus_read(&bus, 0x62, 1), 0x02ull, "found by its address");
    is_u64(bus_read(&bus, 0x66, 1), 0x02ull, "so is the next one");
    is_u64(bus_read(&bus, 0x68, 2), 0xffffull, "where nothing is, all ones");
    is_u64(bus_read(&bus, 0x5f, 4), 0xffffffffull, "an access that leaves a range reads all ones");
    bus_remove(&bus, 0x60);
    bus_remove(&bus, 0x61);
    is_u64(bus.count, 2u, "one is removed, and nothing else by an address within a range");
    is_u64(bus_read(&bus, 0x62, 8), UINT64_MAX, "it is gone");
}

static void test_bus_pieces(void)
{
    static struct bus bus;
    struct probe one = {0};
    const struct bus_range range = {0x1000, 16, &operations, &one, 2};

    ok(bus_add(&bus, &range), "a device that takes 2 bytes");
    bus_write(&bus, 0x1004, 8, 0x1122334455667788ull);
    ok(one.writes == 4 && one.size == 2 && one.offset == 10, "8 bytes are written in four pieces");
    is_u64(one.value, 0x7788556633441122ull, "the lowest address first");
    is_u64(bus_read(&bus, 0x1004, 4), 0x06060404ull, "and read in pieces");
    bus_write(&bus, 0x1004, 1, 0xfff);
    is_u64(one.value & 0xffff, 0x22ffull, "a value has no more bits than its size");
}

static void test_bus_full(void)
{
    static struct bus bus;
    struct probe one = {0};
    struct bus_range range = {0, 1, &operations, &one, 1};
    bool added = true;

    for (; range.base < BUS_RANGES; range.base++)
        added = added && bus_add(&bus, &range);
    ok(added && !bus_add(&bus, &range), "there is room for %u", BUS_RANGES);
}

static uint64_t clock_now;

static uint64_t clock_read(void)
{
    return clock_now;
}

struct alarm {
    struct timer timer;
    struct timers *timers;
    char name;
    uint64_t again; /* to be set to when it fires */
    struct alarm *cancels;
};

static char fired[64];

static void alarm_fire(void *device, uint64_t deadline)
{
    struct alarm *alarm = device;

    (void)deadline;
    strncat(fired, &alarm->name, 1);
    if (alarm->again)
        timer_set(alarm->timers, &alarm->timer, alarm->again);
    if (alarm->cancels)
        timer_set(alarm->timers, &alarm->cancels->timer, 0);
}

static const char *run_at(struct timers *timers, uint64_t now)
{
    fired[0] = 0;
    clock_now = now;
    timers_run(timers);
    return fired;
}

static void test_timers(void)
{
    struct timers timers = {.hz = 1000, .now = clock_read};
    struct alarm a[3];

    for (unsigned i = 0; i < 3; i++)
        a[i] = (struct alarm){{0, alarm_fire, &a[i], NULL, 0}, &timers, (char)('a' + i), 0, NULL};
    is_u64(timers_next(&timers), 0ull, "no deadline");
    timer_set(&timers, &a[0].timer, 30);
    timer_set(&timers, &a[1].timer, 10);
    timer_set(&timers, &a[2].timer, 20);
    is_u64(timers_next(&timers), 10ull, "the first one");
    ok(!strcmp(run_at(&timers, 9), ""), "nothing fires early");
    ok(!strcmp(run_at(&timers, 25), "bc"), "what is due fires, in order");
    timer_set(&timers, &a[0].timer, 40);
    ok(!strcmp(run_at(&timers, 39), ""), "set again, the old deadline does not count");
    a[0].again = 35;
    ok(!strcmp(run_at(&timers, 40), "a"), "one that sets itself to the past fires once");
    a[0].again = 0;
    ok(!strcmp(run_at(&timers, 40), "a"), "and again at the next call");
    timer_set(&timers, &a[0].timer, 50);
    timer_set(&timers, &a[1].timer, 51);
    a[0].cancels = &a[1];
    ok(!strcmp(run_at(&timers, 60), "a"), "one that another one switches off does not fire");
    is_u64(timers_next(&timers), 0ull, "none is left");
    is_u64(time_scale(3, 2, 1000), 1500ull, "scaled");
    is_u64(time_scale(UINT64_MAX, 1000000007, 1000000007), UINT64_MAX, "without overflow");
    is_u64(time_scale(1, 3, 1), 0ull, "rounded down");
    is_u64(time_scale_up(1, 3, 1), 1ull, "or up");
}

#define MIB (1ull << 20)

static void test_memory(void)
{
    static uint8_t ram[4 * MIB];
    struct guest_memory memory;
    uint32_t word = 0x12345678;

    guest_memory_lay(&memory, ram, sizeof(ram));
    is_u64(memory.count, 2u, "little RAM is two pieces");
    ok(guest_at(&memory, 0, GUEST_VGA) == ram, "below the VGA's window");
    ok(!guest_at(&memory, 0, GUEST_VGA + 1), "not into it");
    ok(!guest_at(&memory, GUEST_VGA_END - 1, 1), "nor within it");
    ok(guest_at(&memory, 4 * MIB - 4, 4) == ram + 4 * MIB - 4, "up to the end");
    ok(!guest_at(&memory, 4 * MIB - 4, 5) && !guest_at(&memory, 4 * MIB, 1), "not over it");
    ok(!guest_at(&memory, UINT64_MAX, 2) && !guest_at(&memory, 0x1000, UINT64_MAX),
       "sizes do not wrap");
    ok(guest_write(&memory, MIB, &word, 4) && ram[MIB] == 0x78, "written");
    word = 0;
    ok(guest_read(&memory, MIB, &word, 4) && word == 0x12345678, "and read");
    ok(!guest_write(&memory, GUEST_VGA, &word, 4) && !guest_read(&memory, GUEST_VGA, &word, 4),
       "where there is none, neither");
    guest_memory_lay(&memory, ram, 5ull << 30);
    is_u64(memory.count, 3u, "more than 3 GiB are three");
    is_u64((uintptr_t)guest_at(&memory, GUEST_HIGH, 2ull << 30), (uintptr_t)ram + GUEST_LOW_END,
           "which goes on at 4 GiB");
    ok(!guest_at(&memory, GUEST_LOW_END - 1, 2), "the hole is none");
}

int main(void)
{
    test_bus_ranges();
    test_bus_pieces();
    test_bus_full();
    test_timers();
    test_memory();
    return done_testing();
}
