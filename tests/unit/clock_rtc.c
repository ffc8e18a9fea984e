/* The real-time clock's registers as seconds, against the C library's calendar. */
#define _DEFAULT_SOURCE
#include "rtc.h"

#include <time.h>

#include "tap.h"

static uint8_t reg[RTC_REGISTERS];

static uint8_t bcd(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

/* The registers at a time, in a format; the century's is kept. */
static void set(time_t when, bool binary, bool hours_24)
{
    struct tm t;

    gmtime_r(&when, &t);
    int hour = hours_24 ? t.tm_hour : (t.tm_hour + 11) % 12 + 1;
    const struct {
        unsigned where;
        int value;
    } fields[] = {{RTC_SECOND, t.tm_sec},
                  {RTC_MINUTE, t.tm_min},
                  {RTC_HOUR, hour},
                  {RTC_DAY, t.tm_mday},
                  {RTC_MONTH, t.tm_mon + 1},
                  {RTC_YEAR, t.tm_year % 100},
                  {RTC_CENTURY, 19 + t.tm_year / 100}};

    memset(reg, 0, sizeof(reg));
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        reg[fields[i].where] = binary ? (uint8_t)fields[i].value : bcd(fields[i].value);
    reg[RTC_HOUR] |= !hours_24 && t.tm_hour >= 12 ? 0x80 : 0;
    reg[RTC_STATUS_B] = (binary ? RTC_B_BINARY : 0) | (hours_24 ? RTC_B_24_HOURS : 0);
    reg[RTC_STATUS_D] = RTC_D_VALID;
}

static bool tells(time_t want)
{
    uint64_t seconds;

    return rtc_seconds(reg, &seconds) && seconds == (uint64_t)want;
}

/* Each format over two centuries, in steps that meet every hour and the ends of months. */
static void test_times(void)
{
    for (unsigned format = 0; format < 4; format++) {
        unsigned wrong = 0;
        for (time_t when = 0; when < 7258118400; when += 86400 * 3 / 2 + 3601) {
            set(when, format & 1, format & 2);
            wrong += !tells(when);
        }
        is_u64(wrong, 0, "1970 to 2199, %s, %s hours", format & 1 ? "binary" : "BCD",
               format & 2 ? "24" : "12");
    }
    set(951782400, false, true); /* 2000-02-29 */
    ok(tells(951782400), "a leap day of a century");
    set(1767225599, false, false); /* 2025-12-31T23:59:59 */
    ok(tells(1767225599), "the last second of a year");
}

static void test_century(void)
{
    set(1767225600, false, true); /* 2026-01-01 */
    reg[RTC_CENTURY] = 0;
    ok(tells(1767225600), "a century that is not kept: 20 for years before 70");
    set(946684799, false, true); /* 1999-12-31T23:59:59 */
    reg[RTC_CENTURY] = 0xff;
    ok(tells(946684799), "and 19 for the others");
}

static void refused(unsigned where, uint8_t value, const char *what)
{
    uint64_t seconds;

    set(1767225600, false, true);
    reg[where] = value;
    ok(!rtc_seconds(reg, &seconds), "refused: %s", what);
}

static void test_refused(void)
{
    uint64_t seconds;

    refused(RTC_STATUS_D, 0, "the battery was empty");
    refused(RTC_SECOND, 0x60, "second 60");
    refused(RTC_SECOND, 0x0a, "a digit that is none");
    refused(RTC_MINUTE, 0xa0, "another one");
    refused(RTC_HOUR, 0x24, "hour 24");
    refused(RTC_DAY, 0, "day 0");
    refused(RTC_DAY, 0x32, "day 32");
    refused(RTC_MONTH, 0, "month 0");
    refused(RTC_MONTH, 0x13, "month 13");
    refused(RTC_YEAR, 0xff, "a year that is no number");
    set(1772236800, false, true); /* 2026-02-28 */
    reg[RTC_DAY] = 0x29;
    ok(!rtc_seconds(reg, &seconds), "refused: a leap day in another year");
    set(0, false, true);
    reg[RTC_YEAR] = 0x69;
    ok(!rtc_seconds(reg, &seconds), "refused: before 1970");
    set(1767225600, false, false);
    reg[RTC_HOUR] = 0;
    ok(!rtc_seconds(reg, &seconds), "refused: hour 0 of a 12-hour clock");
    reg[RTC_HOUR] = 0x13;
    ok(!rtc_seconds(reg, &seconds), "refused: hour 13 of one");
}

int main(void)
{
    test_times();
    test_century();
    test_refused();
    return done_testing();
}
