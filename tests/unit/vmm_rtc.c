/* The real-time clock, register by register (MC146818A data sheet). */
#include "rtc.h"

#include <stdlib.h>
#include <time.h>

#include "vmm_legacy.h"

enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR };
enum { A = 10, B, C, D, CENTURY = 0x32 };
enum { IRQ = 8 };

/* Monday 2024-02-26 23:59:58 UTC */
#define WHEN 1708991998ull

static struct rtc rtc;
static uint64_t start; /* the tick of a whole second */

static uint32_t get(uint32_t index)
{
    out(0x70, index);
    return in(0x71);
}

static void put(uint32_t index, uint32_t value)
{
    out(0x70, index);
    out(0x71, value);
}

static void rtc_make(uint64_t seconds)
{
    const struct line irq = wire_line(IRQ);
    const struct rtc_setup setup = {seconds, now, 3ull << 30, 5ull << 30};

    machine_make();
    start = now;
    ok(rtc_open(&rtc, &machine, &irq, &setup), "it opens");
}

/* All of the time as one number: century, year, month, day, hour, minute, second, as digits. */
static uint64_t shown(void)
{
    static const uint8_t order[] = {CENTURY, YEAR, MONTH, DAY, HOUR, MINUTE, SECOND};
    uint64_t digits = 0;

    for (uint32_t i = 0; i < sizeof(order); i++)
        digits = digits << 8 | get(order[i]);
    return digits;
}

static void test_reset_values(void)
{
    const struct line irq = wire_line(IRQ);
    const struct rtc_setup setup = {0};

    rtc_make(WHEN);
    is_u64(get(A), 0x26, "A: 32.768 kHz, 1024 Hz");
    is_u64(get(B), 0x02, "B: 24 hours, BCD");
    is_u64(get(C), 0, "C: nothing has happened");
    is_u64(get(D), 0x80, "D: the time is valid");
    is_u64(in(0x70), 0xff, "the index cannot be read");
    ok(!machine.timers.first && !wires[IRQ].level, "no timer, no interrupt");
    ok(!rtc_open(&rtc, &machine, &irq, &setup), "it does not open where it is already");
}

static void test_bits(void)
{
    rtc_make(WHEN);
    put(A, 0xff);
    is_u64(get(A), 0x7f, "UIP cannot be written");
    put(A, 0x26);
    put(C, 0xff);
    put(D, 0x00);
    ok(get(C) == 0 && get(D) == 0x80, "nor C and D");
    put(B, 0xff);
    is_u64(get(B), 0xef, "B: all bits, but SET switches update interrupts off");
    put(B, 2);
    for (uint32_t i = 0x0e; i < 128; i++)
        put(i, i ^ 0x55);
    uint32_t kept = 0;
    for (uint32_t i = 0x0e; i < 128; i++)
        kept += get(i) == (i ^ 0x55);
    is_u64(kept, 128 - 14, "the rest is memory, a century as well");
    out(0x70, 0x80 | 0x10);
    ok(rtc.nmi_masked && in(0x71) == (0x10 ^ 0x55), "bit 7 of the index is the NMI's");
    out(0x70, 0x10);
    ok(!rtc.nmi_masked, "off again");
    put(B, 0x7a);
    out(0x70, 0xff);
    now += 10 * HZ;
    rtc_reset(&rtc);
    ok(!rtc.nmi_masked && !rtc.index, "RESET: the index is 0");
    is_u64(get(B), 0x02, "interrupts and wave are off");
    is_u64(get(C), 0, "what was before is forgotten");
    is_u64(get(0x7f), 0x7f ^ 0x55, "and leaves memory");
}

static void test_firmware(void)
{
    uint32_t sum = 0;

    rtc_make(WHEN);
    is_u64(get(0x15) | get(0x16) << 8, 640, "KiB of base memory");
    is_u64(get(0x17) | get(0x18) << 8, 65535, "KiB above 1 MiB: as many as can be said");
    is_u64(get(0x30) | get(0x31) << 8, 65535, "again");
    is_u64(get(0x34) | get(0x35) << 8, (3072 - 16) * 16, "64 KiB above 16 MiB");
    is_u64(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 5 * 16384, "64 KiB above 4 GiB");
    for (uint32_t i = 0x10; i < 0x2e; i++)
        sum += get(i);
    is_u64(get(0x2e) << 8 | get(0x2f), sum, "checksum");
    const struct line irq = wire_line(IRQ);
    const struct rtc_setup setup = {WHEN, now, 8 << 20, 0};
    machine_make();
    ok(rtc_open(&rtc, &machine, &irq, &setup), "8 MiB");
    is_u64(get(0x17) | get(0x18) << 8, 7168, "KiB above 1 MiB");
    is_u64(get(0x34) | get(0x35) << 8, 0, "none above 16 MiB");
}

static void test_time(void)
{
    rtc_make(WHEN);
    is_u64(shown(), 0x20240226235958, "the time, BCD");
    is_u64(get(WEEKDAY), 2, "Monday");
    now = start + HZ - 1;
    is_u64(get(SECOND), 0x58, "a tick before the next second");
    now++;
    is_u64(get(SECOND), 0x59, "at it");
    now = start + 2 * HZ;
    is_u64(shown(), 0x20240227000000, "the next day");
    is_u64(get(WEEKDAY), 3, "Tuesday");
    now = start + (2 + 2 * 86400) * HZ;
    is_u64(shown(), 0x20240229000000, "a leap day");
    put(B, 6);
    is_u64(shown(), 0x1418021d000000, "binary");
    put(B, 0);
    is_u64(get(HOUR), 0x12, "12 AM");
    now += HZ * 3600 * 12;
    is_u64(get(HOUR), 0x92, "12 PM");
    now += 3600 * HZ;
    is_u64(get(HOUR), 0x81, "1 PM");
    put(B, 4);
    now += HZ * 3600 * 10;
    is_u64(get(HOUR), 0x8b, "11 PM, binary");
}

/* Random times of a thousand years against the C library's calendar. */
static void test_calendar(void)
{
    uint32_t wrong = 0;

    srandom(1);
    for (uint32_t i = 0; i < 3000; i++) {
        const struct line irq = wire_line(IRQ);
        uint64_t seconds = (uint64_t)random() * 15 + 1;
        const struct rtc_setup setup = {seconds, now, 0, 0};
        time_t when = (time_t)seconds;
        struct tm tm;
        gmtime_r(&when, &tm);
        machine_make();
        rtc_open(&rtc, &machine, &irq, &setup);
        put(B, 0x06);
        put(B, 0x86);
        wrong += get(SECOND) != (uint32_t)tm.tm_sec || get(MINUTE) != (uint32_t)tm.tm_min ||
                 get(HOUR) != (uint32_t)tm.tm_hour || get(WEEKDAY) != (uint32_t)tm.tm_wday + 1 ||
                 get(DAY) != (uint32_t)tm.tm_mday || get(MONTH) != (uint32_t)tm.tm_mon + 1 ||
                 get(CENTURY) * 100 + get(YEAR) != (uint32_t)tm.tm_year + 1900;
        put(B, 0x06);
        wrong += rtc.seconds != (int64_t)seconds || rtc.weekday;
    }
    is_u64(wrong, 0, "3000 times are shown, and taken when set, as the calendar has them");
}

static void test_unknown(void)
{
    rtc_make(0);
    is_u64(get(D), 0, "nobody knows the time");
    is_u64(shown(), 0x19700101000000, "it is some time");
    put(0x40, 1);
    put(HOUR_ALARM, 1);
    is_u64(get(D), 0, "what is written elsewhere is no time");
    put(DAY, 0x02);
    is_u64(get(D), 0x80, "the guest sets it");
    is_u64(shown(), 0x19700102000000, "a part of it, as it goes");
    const struct line irq = wire_line(IRQ);
    const struct rtc_setup setup = {WHEN, now + HZ, 0, 0};
    machine_make();
    ok(rtc_open(&rtc, &machine, &irq, &setup) && get(SECOND) == 0x58,
       "a tick in the future is now");
}

/* As Linux does: SET, divider held, ten bytes, SET off, divider on. */
static void test_set(void)
{
    rtc_make(WHEN);
    now += HZ / 4;
    put(B, 0x82);
    now += 100 * HZ;
    is_u64(shown(), 0x20240226235958, "SET: time stands");
    put(A, 0x76);
    put(CENTURY, 0x20);
    put(YEAR, 0x31);
    put(MONTH, 0x12);
    put(DAY, 0x31);
    put(WEEKDAY, 7);
    put(HOUR, 0x23);
    put(MINUTE, 0x59);
    put(SECOND, 0x59);
    is_u64(shown(), 0x20311231235959, "the bytes as they were written");
    put(B, 0x02);
    now += 100 * HZ;
    is_u64(shown(), 0x20311231235959, "the divider is held");
    put(A, 0x26);
    now += HZ / 2 - 1;
    is_u64(shown(), 0x20311231235959, "let go, it begins half a second before");
    now += 1;
    is_u64(shown(), 0x20320101000000, "the next second");
    is_u64(get(WEEKDAY), 1, "days of the week count as the guest set them");
    put(A, 0x76);
    now += 10 * HZ;
    is_u64(shown(), 0x20320101000000, "held again");
    put(A, 0x26);
    put(B, 0x82);
    put(SECOND, 0x30);
    now += 3 * HZ;
    put(B, 0x02);
    is_u64(get(SECOND), 0x30, "without a held divider the time is the one at SET's end");
    now += HZ / 2;
    is_u64(get(SECOND), 0x31, "and seconds change when they did");
    put(MINUTE, 0x10);
    is_u64(shown(), 0x20320101001031, "a byte without SET");
    now += 30 * HZ;
    put(A, 0x2f);
    is_u64(get(SECOND), 0x01, "another rate does not change the time");
    now += 30 * HZ;
    put(MINUTE, 0x10);
    is_u64(shown(), 0x20320101001031, "a byte when nobody has looked at the others for long");
    put(YEAR, 0x33);
    put(WEEKDAY, 5);
    is_u64(shown(), 0x20330101001031, "the year");
    is_u64(get(WEEKDAY), 5, "the day of the week");
    put(YEAR, 0x32);
    put(B, 0x80);
    put(B, 0x80);
    put(HOUR, 0x91);
    put(MONTH, 0);
    put(B, 0x00);
    put(B, 0x02);
    is_u64(shown(), 0x20320101231031, "11 PM, and no month is the first one");
    put(B, 0x00);
    put(HOUR, 0x12);
    put(B, 0x02);
    is_u64(get(HOUR), 0, "12 AM");
    put(B, 0x82);
    for (uint32_t i = 0; i <= HOUR; i += 2)
        put(i, 0);
    for (uint32_t i = DAY; i <= MONTH; i++)
        put(i, 1);
    put(YEAR, 0);
    put(CENTURY, 0x18);
    put(B, 0x02);
    is_u64(shown(), 0x18000101000000, "midnight before 1970");
    for (uint32_t i = 0; i < 10; i++) {
        put(B, 0x82);
        for (uint32_t j = 0; j <= YEAR; j += j < WEEKDAY ? 2 : 1)
            put(j, i * 0x1c + 3);
        put(CENTURY, i * 0x1c);
        put(B, 0x02);
        uint64_t time = shown();
        ok((time & 15) < 10 && (time >> 8 & 0xff) < 0x60 && (time >> 16 & 0xff) < 0x24 &&
               (time >> 24 & 0xff) - 1 < 0x31 && (time >> 32 & 0xff) - 1 < 0x12,
           "what is no time becomes one: 0x%lx", (unsigned long)time);
    }
}

static void test_uip(void)
{
    rtc_make(WHEN);
    now = start + HZ - HZ / 4096 - 1;
    is_u64(get(A), 0x26, "UIP is off");
    now++;
    is_u64(get(A), 0xa6, "244 us before the next second it is on");
    now = start + HZ - 1;
    is_u64(get(A), 0xa6, "to the last tick");
    put(B, 0x82);
    is_u64(get(A), 0x26, "not with SET");
    put(B, 0x02);
    now++;
    is_u64(get(A), 0x26, "off at the second");
    now = start + 2 * HZ - 1;
    put(A, 0x76);
    is_u64(get(A), 0x76, "nor when the divider is held");
}

static void test_update_interrupt(void)
{
    rtc_make(WHEN);
    put(A, 0x20);
    put(HOUR_ALARM, 1);
    now = start + 3 * HZ / 2;
    is_u64(get(C), 0x10, "UF, although its interrupt is off");
    is_u64(get(C), 0, "to read it clears it");
    put(B, 0x12);
    is_u64(timers_next(&machine.timers), start + 2 * HZ, "on: a timer to the next second");
    run_until(start + 2 * HZ - 1);
    ok(!wires[IRQ].level, "not before");
    run_until(start + 2 * HZ);
    ok(wires[IRQ].level && !machine.timers.first, "at it; no timer until it is taken note of");
    now = start + 10 * HZ + 5;
    is_u64(get(C), 0x90, "IRQF and UF, late");
    ok(!wires[IRQ].level, "gone");
    is_u64(timers_next(&machine.timers), start + 11 * HZ, "the next second");
    put(B, 0x92);
    ok(get(B) == 0x82 && !machine.timers.first, "SET ends it");
    put(B, 0x02);
    now = start + 20 * HZ;
    get(SECOND);
    put(B, 0x12);
    ok(wires[IRQ].level, "switched on with its flag set: at once");
    rtc_reset(&rtc);
    ok(!wires[IRQ].level && get(C) == 0, "RESET clears it");
}

static void test_periodic(void)
{
    static const uint32_t hz[16] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                    256, 128, 64,  32,   16,   8,    4,    2};

    for (uint32_t rate = 0; rate < 16; rate++) {
        rtc_make(WHEN);
        put(A, 0x20 | rate);
        put(B, 0x42);
        uint64_t next = rate ? start + time_scale_up(1, hz[rate], HZ) : 0;
        is_u64(timers_next(&machine.timers), next, "rate %u: %u Hz", rate, hz[rate]);
    }
    rtc_make(WHEN);
    put(B, 0x42);
    uint32_t early = 0;
    for (uint64_t i = 1; i <= 1024; i++) {
        uint64_t due = start + time_scale_up(i, 1024, HZ);
        run_until(due - 1);
        early += wires[IRQ].level;
        run_until(due);
        early += get(C) != 0xc0 + (i == 1024 ? 0x10 : 0);
    }
    ok(!early && wires[IRQ].rises == 1024, "1024 in a second, each at its tick");
    run_until(now + HZ / 10);
    get(C);
    is_u64(timers_next(&machine.timers), start + time_scale_up(1127, 1024, HZ),
           "late: the next one at its time, none bunched");
    put(A, 0x76);
    ok(!machine.timers.first, "the divider is held: none");
    now += HZ;
    put(A, 0x26);
    is_u64(timers_next(&machine.timers), now - HZ / 2 + time_scale_up(513, 1024, HZ),
           "they go on with the divider");
    put(B, 0x02);
    ok(!machine.timers.first, "off");
    put(HOUR_ALARM, 1);
    put(A, 0x70);
    get(C);
    put(A, 0x20);
    now += HZ / 2;
    is_u64(get(C), 0x10, "the first second after it was held is an update");
}

static void alarm(uint32_t hour, uint32_t minute, uint32_t second)
{
    put(HOUR_ALARM, hour);
    put(MINUTE_ALARM, minute);
    put(SECOND_ALARM, second);
}

static void test_alarm(void)
{
    /* now is 23:59:58; what the alarm is, and in how many seconds it comes */
    static const struct {
        uint8_t hour, minute, second;
        uint32_t in;
    } alarms[] = {
        {0x00, 0x00, 0x00, 2},
        {0x23, 0x59, 0x59, 1},
        {0x23, 0x59, 0x58, 86400},
        {0xff, 0xff, 0xff, 1},
        {0xc0, 0xc0, 0xc0, 1},
        {0xc0, 0xc0, 0x30, 32},
        {0xff, 0x05, 0x00, 302},
        {0xff, 0x05, 0xff, 302},
        {0x07, 0xff, 0x10, 2 + 7 * 3600 + 10},
        {0x07, 0xff, 0xff, 2 + 7 * 3600},
        {0x24, 0x00, 0x00, 0},
        {0x00, 0x60, 0x00, 0},
        {0x00, 0x00, 0x60, 0},
        {0xff, 0xff, 0x0a, 0},
        {0xbf, 0xff, 0xff, 0},
    };

    for (uint32_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
        rtc_make(WHEN);
        put(B, 0x22);
        alarm(alarms[i].hour, alarms[i].minute, alarms[i].second);
        uint64_t at = alarms[i].in ? start + alarms[i].in * HZ : 0;
        is_u64(timers_next(&machine.timers), at, "alarm %x:%x:%x in %u s", alarms[i].hour,
               alarms[i].minute, alarms[i].second, alarms[i].in);
        if (at)
            run_until(at);
        is_u64(wires[IRQ].level, at != 0, "it comes if it is a time");
    }
    rtc_make(WHEN);
    put(A, 0x20);
    alarm(0x00, 0x00, 0x00);
    now = start + HZ;
    is_u64(get(C), 0x10, "not yet");
    now = start + 100 * HZ;
    is_u64(get(C), 0x30, "AF, although its interrupt is off, and found late");
    put(B, 0x32);
    run_until(start + 101 * HZ);
    is_u64(get(C), 0x90, "an update before the alarm");
    put(B, 0x20);
    alarm(0x92, 0xff, 0xff);
    is_u64(timers_next(&machine.timers), start + (2 + 12 * 3600) * HZ, "12 PM");
    put(SECOND, 0x59);
    put(HOUR, 0x11);
    is_u64(timers_next(&machine.timers), start + (101 + 3481) * HZ, "set anew with the time");
}

int main(void)
{
    test_reset_values();
    test_bits();
    test_firmware();
    test_time();
    test_calendar();
    test_unknown();
    test_set();
    test_uip();
    test_update_interrupt();
    test_periodic();
    test_alarm();
    return done_testing();
}
