/* The VMM's HPET: IA-PC HPET specification 1.0a. */
#include "hpet.h"

#include "vmm_machine.h"

static struct hpet hpet;
static uint64_t base; /* when a test enabled the counter */

/* ISA lines are wires 0 to 15, pins of the I/O APIC from 20 on the others. */
static const struct line isa = {wire_set, NULL, 0};

static uint64_t get(uint32_t offset)
{
    return bus_read(&machine.memory, HPET_BASE + offset, 8);
}

static void set(uint32_t offset, uint64_t value)
{
    bus_write(&machine.memory, HPET_BASE + offset, 8, value);
}

static void at(uint64_t count)
{
    machine_run(base + time_scale_up(count, HPET_HZ, MACHINE_HZ));
}

/* The count of the next match that somebody waits for; 0: there is none. */
static uint64_t next(void)
{
    uint64_t tick = timers_next(&machine.timers);

    return tick ? time_scale(tick - base, MACHINE_HZ, HPET_HZ) : 0;
}

static void start(uint64_t config)
{
    machine_start();
    memset(&wire, 0, sizeof(wire));
    ok(hpet_open(&hpet, &machine, isa, isa), "it is there");
    base = machine_now;
    set(0x10, config);
}

static void test_reset(void)
{
    start(0);
    is_u64(get(0), 0x02625a008086a201ull, "40 ns, three timers of 64 bits, legacy routes");
    ok(!get(0x10) && !get(0x20) && !get(0xf0), "off, nothing asks, the counter is 0");
    for (uint32_t i = 0; i < 3; i++)
        ok(get(0x100 + i * 0x20) == 0x00f0000000002830ull && get(0x108 + i * 0x20) == UINT64_MAX &&
               !get(0x110 + i * 0x20),
           "timer %u: pin 20, comparator all ones, no FSB", i);
    for (uint32_t offset = 0; offset < 0x400; offset += 8)
        if (offset != 0 && offset != 0x10 && offset != 0x20 && offset != 0xf0 &&
            (offset < 0x100 || offset >= 0x160 || offset % 0x20 > 8)) {
            set(offset, UINT64_MAX);
            if (get(offset))
                ok(false, "register %#x", offset);
        }
    set(0, UINT64_MAX);
    is_u64(get(0), 0x02625a008086a201ull, "capabilities are read-only");
    ok(!hpet_open(&hpet, &machine, isa, isa), "there is one");
}

static void test_writable(void)
{
    bool right = true;

    start(0);
    for (uint32_t bit = 0; bit < 64; bit++) {
        set(0x10, 1ull << bit);
        right = right && get(0x10) == (1ull << bit & 3);
        set(0x10, 0);
        set(0x20, 1ull << bit);
        right = right && !get(0x20);
        set(0xf0, 1ull << bit);
        right = right && get(0xf0) == 1ull << bit;
        for (uint32_t i = 0; i < 3; i++) {
            set(0x100 + i * 0x20, 1ull << bit | 20 << 9);
            right = right && get(0x100 + i * 0x20) ==
                                 (0x00f0000000002830ull |
                                  (1ull << bit & (bit == 9 || bit == 10 ? 0x600 : 0x10e)));
            set(0x100 + i * 0x20, 20 << 9);
            set(0x108 + i * 0x20, 1ull << bit);
            right = right && get(0x108 + i * 0x20) == 1ull << bit;
        }
    }
    ok(right, "each bit that can be written, and no other one");
    for (uint32_t pin = 0; pin < 32; pin++) {
        set(0x100, 23 << 9);
        set(0x100, pin << 9);
        uint32_t want = pin >= 20 && pin < 24 ? pin : 23;
        right = right && (get(0x100) >> 9 & 31) == want;
    }
    ok(right, "a pin that there is not is not taken");
    set(0x108, UINT64_MAX);
    set(0x100, 0x100);
    is_u64(get(0x108), UINT32_MAX, "32 bits cut the comparator");
    set(0x108, UINT64_MAX);
    is_u64(get(0x108), UINT32_MAX, "for as long");
}

static void test_sizes(void)
{
    start(0);
    bus_write(&machine.memory, HPET_BASE + 0xf4, 4, 0x12345678);
    bus_write(&machine.memory, HPET_BASE + 0xf0, 4, 0x9abcdef0);
    is_u64(get(0xf0), 0x123456789abcdef0ull, "halves");
    is_u64(bus_read(&machine.memory, HPET_BASE + 0xf4, 4), 0x12345678, "are read");
    is_u64(bus_read(&machine.memory, HPET_BASE + 0xf3, 2), 0x789a, "as is any byte");
    bus_write(&machine.memory, HPET_BASE + 0xf0, 2, 0);
    bus_write(&machine.memory, HPET_BASE + 0xf2, 4, 0);
    bus_write(&machine.memory, HPET_BASE + 0xf4, 8, 0);
    is_u64(get(0xf0), 0x123456789abcdef0ull, "other sizes do not write");
}

static void test_counter(void)
{
    start(0);
    set(0xf0, 1000);
    at(50);
    is_u64(get(0xf0), 1000, "it stands");
    base = machine_now;
    set(0x10, 1);
    at(7);
    is_u64(get(0xf0), 1007, "it counts");
    machine_now--;
    is_u64(get(0xf0), 1006, "not a tick early");
    set(0xf0, 5);
    at(10);
    set(0x10, 3);
    is_u64(get(0xf0), 1010, "it cannot be written while it counts");
    at(20);
    set(0x10, 0);
    at(1000000);
    is_u64(get(0xf0), 1020, "it stands again");
    set(0xf0, UINT64_MAX);
    base = machine_now;
    set(0x10, 1);
    at(1);
    is_u64(get(0xf0), 0, "and wraps");
    at(1ull << 40);
    is_u64(get(0xf0), (1ull << 40) - 1, "12 hours later");
}

static void test_one_shot(void)
{
    start(1);
    set(0x108, 100);
    ok(!next(), "who does not interrupt needs no timer");
    set(0x100, 20 << 9 | 4);
    is_u64(next(), 100, "armed");
    at(99);
    ok(!wire.level, "not early");
    at(100);
    ok(wire.rises[20] == 1 && !get(0x20), "an edge on its pin, with no status");
    ok(!next() && get(0x108) == 100, "once");
    set(0x108, 50);
    ok(!next(), "a count that is over does not come in 64 bits");
    set(0x108, 100);
    at(100);
    is_u64(wire.rises[20], 2, "the count that is now comes now");
    set(0x108, 200);
    at(250);
    ok(wire.rises[20] == 3 && wire.falls[20] == 2, "late");
    set(0x100, 20 << 9);
    ok(!wire.level, "disabled its line falls");
    set(0x108, 300);
    at(350);
    set(0x100, 20 << 9 | 4);
    ok(!wire.level && !next(), "a match with no interrupt is none");
    set(0x100, 21 << 9 | 0x104);
    set(0x108, 100);
    is_u64(next(), (1ull << 32) + 100, "in 32 bits a count that is over comes after a wrap");
    at((1ull << 32) + 100);
    ok(wire.rises[21] == 1 && next() == (2ull << 32) + 100, "and after each one");
    set(0x108, UINT64_MAX);
    is_u64(next(), (2ull << 32) - 1, "the last one");
    set(0x100, 21 << 9 | 4);
    set(0x108, 1ull << 62);
    ok(!next(), "a match in centuries is none");
    set(0x108, 1ull << 50);
    is_u64(next(), 1ull << 50, "one in a year is");
    set(0x10, 0);
    ok(!next(), "a counter that stands needs no timer");
    set(0x108, get(0xf0));
    base = machine_now;
    set(0x10, 1);
    is_u64(timers_next(&machine.timers), machine_now, "it begins with a match");
}

static void test_periodic(void)
{
    bool exact = true;

    start(1);
    set(0x120, 22 << 9 | 0x4c);
    set(0x128, 1000);
    set(0x128, 70);
    ok(get(0x128) == 1000 && next() == 1000, "the first match, then the period");
    for (uint64_t i = 0; i < 500; i++) {
        exact = exact && next() == 1000 + 70 * i;
        at(999 + 70 * i);
        exact = exact && wire.rises[22] == i;
        at(1000 + 70 * i);
        exact = exact && wire.rises[22] == i + 1 && get(0x128) == 1000 + 70 * (i + 1);
    }
    ok(exact, "500 matches, each on its tick");
    at(1000 + 70ull * 505 + 3);
    is_u64(wire.rises[22], 501, "late by some periods it is one edge");
    ok(next() == 1000 + 70ull * 506 && get(0x128) == 1000 + 70ull * 506, "and the phase is kept");
    set(0x120, 22 << 9 | 0x8);
    ok(!next(), "without interrupts nobody waits");
    at(1000 + 70ull * 600 + 1);
    is_u64(get(0x128), 1000 + 70ull * 601, "but it goes on");
    set(0x120, 22 << 9 | 0xc);
    is_u64(next(), 1000 + 70ull * 601, "in its phase");
    set(0x128, 35);
    ok(next() == 1000 + 70ull * 601, "another period changes no match");
    at(1000 + 70ull * 601);
    is_u64(next(), 1000 + 70ull * 601 + 35, "but the ones after it");
    set(0x120, 22 << 9 | 0x4c);
    set(0x128, 50000);
    is_u64(next(), 50000, "one value for both");
    at(50000);
    is_u64(next(), 100000, "is the period too");
    set(0x120, 22 << 9 | 0x14c);
    set(0x128, 0xfffffff0);
    set(0x128, 0x20);
    at(0xfffffff0);
    ok(get(0x128) == 0x10 && next() == 0x100000010ull, "32 bits wrap");
    set(0x120, 22 << 9 | 0xc);
    set(0x128, 5ull << 32 | 0x20);
    set(0x120, 22 << 9 | 0x10c);
    at(0x100000010ull);
    is_u64(next(), 0x100000030ull, "the period is cut to them too");
    set(0x120, 22 << 9 | 0x14c);
    set(0x128, 8);
    set(0x128, 0);
    at(0x200000010ull);
    is_u64(next(), 0x300000008ull, "a period of 0 is that of the counter");
}

static void test_level(void)
{
    start(1);
    set(0x140, 23 << 9 | 6);
    set(0x148, 10);
    at(10);
    ok(wire.level == 1u << 23 && get(0x20) == 4, "a level, with its status");
    set(0x20, 3);
    ok(wire.level && get(0x20) == 4, "others' status");
    set(0x148, 20);
    at(20);
    ok(wire.rises[23] == 1, "up it stays");
    set(0x20, 4);
    ok(!wire.level && !get(0x20), "until it is ended");
    set(0x140, 23 << 9 | 2);
    set(0x148, 30);
    at(40);
    ok(get(0x20) == 4 && !wire.level, "without interrupts there is a status");
    set(0x140, 23 << 9 | 6);
    ok(wire.level, "with them it asks");
    set(0x100, 23 << 9 | 6);
    set(0x108, 50);
    at(50);
    set(0x20, 4);
    ok(wire.level && get(0x20) == 1, "a pin of two is up for the other one");
    set(0x10, 0);
    ok(!wire.level, "off, nothing is up");
    set(0x10, 1);
    ok(wire.level, "on, it is again");
    hpet_reset(&hpet);
    ok(!wire.level && !get(0x20), "RESET");
}

static void test_legacy(void)
{
    struct line pit = {hpet_pass, &hpet, 0};
    struct line rtc = {hpet_pass, &hpet, 8};

    start(1);
    line_set(&pit, true);
    line_set(&rtc, true);
    ok(wire.level == 0x101, "PIT and RTC pass");
    hpet_pass(&hpet, 1, true);
    hpet_pass(&hpet, UINT32_MAX, true);
    ok(wire.level == 0x101, "nobody else");
    set(0x10, 3);
    is_u64(wire.level, 0, "with legacy routes they do not");
    line_set(&pit, false);
    line_set(&pit, true);
    ok(wire.rises[0] == 1, "their edges are lost");
    for (uint32_t i = 0; i < 3; i++) {
        set(0x100 + i * 0x20, 21 << 9 | 4);
        set(0x108 + i * 0x20, 10);
    }
    at(10);
    is_u64(wire.level, 1 << 21 | 0x101, "timer 0 is line 0, 1 is 8, 2 has its pin");
    for (uint32_t i = 0; i < 3; i++)
        set(0x100 + i * 0x20, 21 << 9);
    is_u64(wire.level, 0, "they are down");
    set(0x10, 1);
    is_u64(wire.level, 0x101, "without legacy routes PIT and RTC are back");
}

int main(void)
{
    test_reset();
    test_writable();
    test_sizes();
    test_counter();
    test_one_shot();
    test_periodic();
    test_level();
    test_legacy();
    return done_testing();
}
