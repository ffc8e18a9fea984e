/* The VMM's 8254 and port 0x61: Intel 8254 data sheet; ICH9, 13.7. */
#include "pit.h"

#include "vmm_machine.h"

static struct pit pit;
static const struct line output = {wire_set, NULL, 0};

static uint64_t base; /* the PIT period in which a test began */

/* It is the first tick of the n-th period after that; what is due fires. */
static void at(uint64_t n)
{
    machine_run(time_scale_up(base + n, PIT_HZ, MACHINE_HZ));
}

static void start(void)
{
    machine_start();
    memset(&wire, 0, sizeof(wire));
    ok(pit_open(&pit, &machine, output), "it is there");
    base = time_scale(machine_now, MACHINE_HZ, PIT_HZ) + 1;
    at(0);
}

/* A control word, and a count of two bytes, for a channel. */
static void program(uint32_t channel, uint32_t mode, uint32_t count)
{
    out(0x43, (uint8_t)(channel << 6 | 0x30 | mode << 1));
    out((uint16_t)(0x40 + channel), (uint8_t)count);
    out((uint16_t)(0x40 + channel), (uint8_t)(count >> 8));
}

static uint32_t count(uint32_t channel)
{
    uint32_t low = in((uint16_t)(0x40 + channel));

    return low | (uint32_t)in((uint16_t)(0x40 + channel)) << 8;
}

static uint8_t status(uint32_t channel)
{
    out(0x43, (uint8_t)(0xe0 | 2u << channel));
    return in((uint16_t)(0x40 + channel));
}

static bool out_of(uint32_t channel)
{
    return status(channel) >> 7;
}

/* The tick of channel 0's next edge, as a period after base; 0: there is none. */
static uint64_t edge(void)
{
    uint64_t next = timers_next(&machine.timers);

    return next ? time_scale(next, MACHINE_HZ, PIT_HZ) - base : 0;
}

static void test_reset(void)
{
    start();
    ok(!edge() && !wire.level, "nothing counts");
    ok(count(0) == 0 && count(1) == 0 && count(2) == 0, "counters are 0");
    is_u64(in(0x61) & 0x2f, 0, "gate, speaker and output are off");
    is_u64(in(0x43), 0xff, "the control word cannot be read");
    ok(!pit_open(&pit, &machine, output), "there is one");
    program(0, 2, 100);
    pit_reset(&pit);
    ok(!edge() && !wire.level, "RESET stops it");
}

static void test_mode0(void)
{
    start();
    program(0, 0, 10);
    ok(status(0) == 0x70 && !wire.level, "low; the count is not loaded yet");
    is_u64(edge(), 11, "it ends a period after its count");
    at(1);
    ok(status(0) == 0x30 && count(0) == 10, "loaded in the next period");
    at(10);
    ok(count(0) == 1 && !out_of(0), "it counts down");
    machine_run(time_scale_up(base + 11, PIT_HZ, MACHINE_HZ) - 1);
    ok(!out_of(0) && !wire.level, "a tick before its end");
    at(11);
    ok(count(0) == 0 && out_of(0) && wire.level && wire.rises[0] == 1, "on it");
    ok(!edge(), "then nothing is armed");
    at(12);
    ok(count(0) == 0xffff && out_of(0), "it counts on, high");
    at(11 + 65536ull * 3);
    ok(count(0) == 0 && out_of(0) && wire.rises[0] == 1, "round and round");
    out(0x40, 5);
    ok(!out_of(0) && !wire.level && !edge(), "the first byte of another count stops it");
    out(0x40, 0);
    is_u64(edge(), 11 + 65536ull * 3 + 6, "the second one starts it");
    at(20 + 65536ull * 3);
    is_u64(wire.rises[0], 2, "it ends");
    out(0x43, 0x30);
    ok(!wire.level, "a control word brings it low");
}

static void test_gate(void)
{
    start();
    program(2, 0, 10);
    at(5);
    ok(count(2) == 10 && !(in(0x61) & 0x20), "without its gate it is loaded and stands");
    out(0x61, 1);
    at(8);
    is_u64(count(2), 7, "with it it counts");
    out(0x61, 0);
    at(100);
    is_u64(count(2), 7, "it stands");
    out(0x61, 1);
    at(106);
    ok(count(2) == 1 && !(in(0x61) & 0x20), "and goes on");
    at(107);
    ok(in(0x61) & 0x20, "its output is in port 0x61");
    out(0x61, 0xfe);
    is_u64(in(0x61) & 0xef, 0x2e, "of which four bits are kept");
    at(18ull * 1000 - base % 18 + 18);
    uint8_t before = in(0x61) & 0x10;
    at(18ull * 1000 - base % 18 + 18 + 17);
    is_u64(in(0x61) & 0x10, before, "the refresh bit");
    at(18ull * 1000 - base % 18 + 18 + 18);
    is_u64(in(0x61) & 0x10, before ^ 0x10, "toggles each 18 periods");
    ok(!wire.rises[0] && !edge(), "none of that is channel 0's");
}

static void test_mode1(void)
{
    start();
    program(2, 1, 10);
    at(5);
    ok(out_of(2) && status(2) >> 6 & 1, "waits for its trigger, not loaded");
    out(0x61, 1);
    at(6);
    ok(!out_of(2) && count(2) == 10, "a period later it is low");
    at(10);
    out(0x61, 0);
    ok(!out_of(2) && count(2) == 6, "the gate may fall");
    out(0x61, 1);
    at(20);
    ok(!out_of(2) && count(2) == 1, "triggered again, from the start");
    at(21);
    ok(out_of(2) && count(2) == 0, "its end");
    out(0x42, 4);
    out(0x42, 0);
    at(22);
    ok(count(2) == 0xffff && status(2) >> 6 & 1, "another count waits for the trigger");
    out(0x61, 0);
    out(0x61, 1);
    at(23);
    ok(count(2) == 4 && !out_of(2), "which loads it");
    start();
    out(0x43, 0xb2);
    out(0x61, 1);
    at(2);
    ok(out_of(2) && !count(2), "no count, no trigger");
    start();
    program(0, 1, 10);
    at(100);
    ok(!edge() && wire.level, "channel 0 has no trigger");
}

static void test_mode2(void)
{
    bool exact = true;

    start();
    program(0, 2, 10);
    ok(wire.level && out_of(0), "high");
    memset(&wire, 0, sizeof(wire));
    wire.level = 1;
    is_u64(edge(), 11, "the first edge");
    at(1);
    is_u64(count(0), 10, "the count");
    at(9);
    ok(count(0) == 2 && out_of(0), "near its end");
    at(10);
    ok(count(0) == 1 && !out_of(0), "low for its last period");
    for (uint64_t i = 1; i <= 1000; i++) {
        exact = exact && edge() == 1 + 10 * i;
        at(10 * i);
        exact = exact && wire.rises[0] == i - 1;
        at(10 * i + 1);
        exact = exact && wire.rises[0] == i && wire.falls[0] == i && count(0) == 10;
    }
    ok(exact, "1000 edges, each on its tick");
    at(10ull * 1005 + 3);
    ok(wire.rises[0] == 1001 && wire.level, "five periods late it is one edge");
    is_u64(edge(), 10ull * 1006 + 1, "and the phase is kept");
    is_u64(count(0), 8, "the count too");
    out(0x40, 20);
    out(0x40, 0);
    ok(edge() == 10ull * 1006 + 1 && status(0) >> 6 & 1, "another count waits for the end");
    at(10ull * 1006);
    is_u64(count(0), 1, "of the period");
    at(10ull * 1006 + 1);
    ok(count(0) == 20 && edge() == 10ull * 1006 + 21 && !(status(0) >> 6 & 1), "then it counts");
    program(0, 2, 1);
    at(11000);
    ok(!edge() && out_of(0), "a count of 1 is none");
    program(0, 2, 0);
    is_u64(edge(), 11001 + 65536, "0 is 65536");
    machine_now = time_scale_up(base + 11001 + 65536, PIT_HZ, MACHINE_HZ);
    uint32_t rises = wire.rises[0];
    in(0x40);
    is_u64(wire.rises[0], rises + 1, "an edge that is due comes before its counter is read");
    start();
    out(0x61, 1);
    program(2, 2, 10);
    at(5);
    out(0x61, 0);
    at(10);
    ok(count(2) == 6 && out_of(2), "without its gate it stands, high");
    out(0x61, 1);
    at(11);
    is_u64(count(2), 10, "the gate loads it");
}

static void test_mode3(void)
{
    static const uint32_t values[] = {10, 8, 6, 4, 2, 10, 8, 6, 4, 2};
    static const uint32_t odd[] = {8, 6, 4, 2, 0, 8, 6, 4, 2};
    bool right = true;

    start();
    program(0, 3, 10);
    is_u64(edge(), 11, "the first edge");
    for (uint64_t i = 0; i < 40; i++) {
        at(1 + i);
        right = right && count(0) == values[i % 10] && out_of(0) == (i % 10 < 5);
    }
    ok(right, "an even count, by twos");
    is_u64(wire.rises[0], 4, "its edges, and the first high");
    right = true;
    start();
    program(0, 3, 9);
    for (uint64_t i = 0; i < 36; i++) {
        at(1 + i);
        right = right && count(0) == odd[i % 9] && out_of(0) == (i % 9 < 5);
    }
    ok(right, "an odd one is high for one period more");
    start();
    program(0, 3, 10);
    at(3);
    out(0x40, 20);
    out(0x40, 0);
    at(5);
    ok(count(0) == 2 && out_of(0), "another count waits for the half's end");
    at(6);
    ok(count(0) == 20 && !out_of(0) && edge() == 16, "then it is the low half's");
    at(16);
    ok(out_of(0) && count(0) == 20 && edge() == 36, "and so on");
    at(30);
    out(0x40, 10);
    out(0x40, 0);
    at(36);
    ok(out_of(0) && count(0) == 10 && edge() == 46, "in the low half for the high one");
    start();
    out(0x61, 1);
    program(2, 3, 10);
    at(8);
    ok(!out_of(2), "low");
    out(0x61, 0);
    ok(out_of(2), "without its gate high");
    out(0x61, 1);
    at(9);
    ok(out_of(2) && count(2) == 10, "the gate loads it");
}

static void test_mode4(void)
{
    start();
    program(0, 4, 10);
    ok(out_of(0) && edge() == 12, "a strobe");
    at(10);
    ok(out_of(0) && count(0) == 1, "high");
    at(11);
    ok(!out_of(0) && count(0) == 0, "low at 0");
    at(12);
    ok(out_of(0) && count(0) == 0xffff && wire.falls[0] == 1 && !edge(), "for one period");
    out(0x40, 3);
    out(0x40, 0);
    is_u64(edge(), 17, "another count starts it again");
    start();
    program(2, 5, 10);
    at(20);
    ok(out_of(2), "mode 5 waits for its trigger");
    out(0x61, 1);
    at(31);
    ok(!out_of(2) && count(2) == 0, "and is low at 0");
    at(32);
    ok(out_of(2), "for one period");
}

static void test_access(void)
{
    start();
    out(0x43, 0x14);
    out(0x40, 0x34);
    at(1);
    ok(in(0x40) == 0x34 && in(0x40) == 0x34, "the low byte");
    out(0x43, 0x24);
    out(0x40, 0x12);
    at(2);
    ok(in(0x40) == 0x12 && edge() == 2 + 0x1200, "the high one");
    at(4);
    out(0x43, 0x14);
    bus_write(&machine.ports, 0x40, 2, 0x1234);
    is_u64(edge(), 4 + 1 + 0x34, "two ports at once are two channels");
    is_u64(bus_read(&machine.ports, 0x60, 4), UINT32_MAX, "port 0x61 is one byte");
    program(0, 2, 0x1203);
    at(5);
    out(0x43, 0x00);
    at(11);
    is_u64(count(0), 0x1203, "both bytes are of what was latched");
    is_u64(count(0), 0x11fd, "then of what there is");
    program(0, 2, 0x1234);
    base += 9;
    at(3);
    out(0x43, 0x00);
    at(9);
    out(0x43, 0x00);
    is_u64(count(0), 0x1234, "latched once");
    is_u64(count(0), 0x1234 - 6, "read, it is latched no more");
    out(0x43, 0xd2);
    at(10);
    is_u64(count(0), 0x1234 - 6, "the read-back command latches too");
    out(0x43, 0xc2);
    at(11);
    ok(in(0x40) == 0xb4 && count(0) == 0x1234 - 7, "status first, then the count");
    out(0x43, 0xce);
    ok(in(0x40) == 0xb4 && in(0x41) == 0x70 && in(0x42) == 0x70, "of all channels");
    out(0x43, 0xf2);
    is_u64(count(0), 0x1234 - 8, "of nothing");
    in(0x40);
    out(0x43, 0x34);
    out(0x40, 0x11);
    is_u64(status(0) & 0x3f, 0x34, "a control word forgets half a read");
    out(0x43, 0x34);
    out(0x40, 0x22);
    out(0x40, 0x01);
    at(12);
    is_u64(count(0), 0x122, "and half a write");
    for (uint32_t mode = 0; mode < 8; mode++) {
        out(0x43, (uint8_t)(0x30 | mode << 1));
        is_u64(status(0) >> 1 & 7, mode > 5 ? mode - 4 : mode, "mode %u", mode);
    }
}

static void test_bcd(void)
{
    start();
    out(0x43, 0x31);
    out(0x40, 0x00);
    out(0x40, 0x10);
    at(2);
    is_u64(count(0), 0x0999, "decimal");
    at(1002);
    is_u64(count(0), 0x9999, "round 10000");
    out(0x43, 0x35);
    out(0x40, 0);
    out(0x40, 0);
    is_u64(edge(), 1003 + 10000, "0 is 10000");
    at(1004);
    is_u64(count(0), 0x9999, "after one period");
    out(0x43, 0x35);
    out(0x40, 0x34);
    out(0x40, 0x12);
    is_u64(edge(), 1004 + 1 + 1234, "all four digits");
    out(0x43, 0x35);
    out(0x40, 0xff);
    out(0x40, 0xff);
    at(1006);
    is_u64(count(0), 0x6664, "digits that are none are their values");
}

int main(void)
{
    test_reset();
    test_mode0();
    test_gate();
    test_mode1();
    test_mode2();
    test_mode3();
    test_mode4();
    test_access();
    test_bcd();
    return done_testing();
}
