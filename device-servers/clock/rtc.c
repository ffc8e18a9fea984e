#include "rtc.h"

/* A register's number; 255: it is none. */
static uint32_t number(uint8_t value, bool binary)
{
    if (binary)
        return value;
    return (value & 15) > 9 || value >> 4 > 9 ? 255 : (uint32_t)(value >> 4) * 10 + (value & 15);
}

/* 0 to 23; 12-hour clocks have 12 where it should be 0, and bit 7 in the afternoon. */
static uint32_t hour(uint8_t value, uint8_t status_b)
{
    bool binary = status_b & RTC_B_BINARY;

    if (status_b & RTC_B_24_HOURS)
        return number(value, binary);
    uint32_t twelve = number(value & 0x7f, binary);
    if (twelve < 1 || twelve > 12)
        return 255;
    return twelve % 12 + (value & 0x80 ? 12 : 0);
}

/* A century that cannot be is taken for one that is not kept. */
static uint32_t year(const uint8_t *reg, bool binary)
{
    uint32_t of_century = number(reg[RTC_YEAR], binary), century = number(reg[RTC_CENTURY], binary);

    if (of_century > 99)
        return 0;
    if (century < 19 || century > 21)
        century = of_century < 70 ? 20 : 19;
    return century * 100 + of_century;
}

static bool is_leap(uint32_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static uint32_t days_of(uint32_t month, uint32_t y)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(y) ? 1u : 0u);
}

bool rtc_seconds(const uint8_t reg[RTC_REGISTERS], uint64_t *seconds)
{
    bool binary = reg[RTC_STATUS_B] & RTC_B_BINARY;
    uint32_t y = year(reg, binary), month = number(reg[RTC_MONTH], binary);
    uint32_t day = number(reg[RTC_DAY], binary), h = hour(reg[RTC_HOUR], reg[RTC_STATUS_B]);
    uint32_t minute = number(reg[RTC_MINUTE], binary), second = number(reg[RTC_SECOND], binary);
    uint64_t days = 0;

    if (!(reg[RTC_STATUS_D] & RTC_D_VALID) || y < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_of(month, y) || h > 23 || minute > 59 || second > 59)
        return false;
    for (uint32_t i = 1970; i < y; i++)
        days += is_leap(i) ? 366 : 365;
    for (uint32_t i = 1; i < month; i++)
        days += days_of(i, y);
    *seconds = ((days + day - 1) * 24 + h) * 3600 + minute * 60ull + second;
    return true;
}
