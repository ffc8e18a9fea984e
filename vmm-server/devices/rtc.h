/*
 * A real-time clock with 128 bytes of CMOS RAM (Motorola MC146818A data sheet; ICH9 data sheet,
 * 13.6), at ports 0x70 and 0x71. Its time is a number of seconds at some tick and is computed when
 * it is asked for; there is a timer only while the guest waits for an interrupt.
 */
#pragma once

#include "devices.h"

#define RTC_PORT    0x70u
#define RTC_CENTURY 0x32u /* its index in CMOS: the FADT tells it */
#define RTC_BYTES   128u

struct rtc_setup {
    uint64_t seconds; /* since 1970, as the guest's clock shall show it; 0: nobody knows */
    uint64_t tick;    /* when that was, not in the future */
    uint64_t low_ram; /* bytes of RAM below 4 GiB, the VGA's window included */
    uint64_t high_ram;
};

struct rtc {
    struct machine *machine;
    struct line irq;
    struct timer timer;
    uint64_t start;   /* the tick from which seconds and periods count */
    int64_t seconds;  /* since 1970, at `start` */
    uint64_t updates; /* seconds since `start` that the flags know of */
    uint64_t periods; /* the same, of periodic interrupts */
    uint8_t weekday;  /* what the guest's days of the week are ahead of the calendar's */
    uint8_t index;
    bool nmi_masked; /* bit 7 of port 0x70 */
    bool valid;      /* the time is known */
    uint8_t cmos[RTC_BYTES];
};

/* False: its ports are taken. */
bool rtc_open(struct rtc *rtc, struct machine *machine, const struct line *irq,
              const struct rtc_setup *setup);
/* The clock goes on, CMOS stays. */
void rtc_reset(struct rtc *rtc);
