/* What the real-time clock's registers say (MC146818A data sheet), as seconds. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum rtc_register {
    RTC_SECOND = 0,
    RTC_MINUTE = 2,
    RTC_HOUR = 4,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_STATUS_A = 10,
    RTC_STATUS_B = 11,
    RTC_STATUS_D = 13,
    RTC_CENTURY = 0x32, /* where PCs keep it; not always */
    RTC_REGISTERS = 0x33,
};

#define RTC_A_UPDATING 0x80u
#define RTC_B_24_HOURS 0x02u
#define RTC_B_BINARY   0x04u
#define RTC_D_VALID    0x80u

/*
 * Seconds since 1970-01-01T00:00:00Z, if the registers tell a time of UTC from 1970 to 2199. False:
 * they do not: a digit that is none, a month 13, a battery that was empty.
 */
__attribute__((warn_unused_result)) bool rtc_seconds(const uint8_t reg[RTC_REGISTERS],
                                                     uint64_t *seconds);
