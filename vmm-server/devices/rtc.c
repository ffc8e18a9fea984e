#include "rtc.h"

#define DAY        86400
#define WEEKS      770000 /* days, a multiple of 7: makes any day count from 0 on */
#define CRYSTAL_HZ 32768u
#define UPDATE_HZ  4096u /* UIP is set for 1/4096 s, 244 us, before the time changes */

/* Indices into CMOS (data sheet, figure 15). */
enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM };
enum { WEEKDAY = 6, DAY_OF_MONTH, MONTH, YEAR, REGISTER_A, REGISTER_B, REGISTER_C, REGISTER_D };
/* Indices that PC firmware fills. */
enum { EQUIPMENT = 0x14, BASE_KIB, EXTENDED_KIB = 0x17, CHECKSUM = 0x2e, EXTENDED_KIB_2 = 0x30 };
enum { ABOVE_16_MIB = 0x34, ABOVE_4_GIB = 0x5b };

enum { A_UIP = 0x80, A_DIVIDER = 0x70, A_RATE = 0x0f, A_32_KHZ = 0x20 };
enum { B_SET = 0x80, B_PERIODIC = 0x40, B_ALARM = 0x20, B_UPDATE = 0x10, B_WAVE = 8 };
enum { B_BINARY = 4, B_24_HOURS = 2 };
enum { C_IRQ = 0x80, ENABLES = B_PERIODIC | B_ALARM | B_UPDATE, D_VALID = 0x80 };
enum { ALARM_ANY = 0xc0, PM = 0x80, NMI_OFF = 0x80 };

static bool divider_runs(const struct rtc *rtc)
{
    return (rtc->cmos[REGISTER_A] & A_DIVIDER) <= A_32_KHZ;
}

/* Not while the guest sets the time: then the ten bytes are in CMOS as it wrote them. */
static bool time_runs(const struct rtc *rtc)
{
    return divider_runs(rtc) && !(rtc->cmos[REGISTER_B] & B_SET);
}

static uint64_t ticks(const struct rtc *rtc)
{
    return divider_runs(rtc) ? rtc->machine->timers.now() - rtc->start : 0;
}

static uint64_t updates_now(const struct rtc *rtc)
{
    return ticks(rtc) / rtc->machine->timers.hz;
}

/* Hz of the periodic interrupt; 0: none (data sheet, table 5). */
static uint32_t periodic_hz(const struct rtc *rtc)
{
    uint8_t rate = rtc->cmos[REGISTER_A] & A_RATE;

    return rate ? CRYSTAL_HZ >> ((rate < 3 ? rate + 7 : rate) - 1) : 0;
}

static uint64_t periods_now(const struct rtc *rtc)
{
    return time_scale(ticks(rtc), rtc->machine->timers.hz, periodic_hz(rtc));
}

/* --- the calendar --- */

static uint8_t encode(const struct rtc *rtc, uint32_t value)
{
    return (uint8_t)(rtc->cmos[REGISTER_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint32_t decode(const struct rtc *rtc, uint8_t byte)
{
    return rtc->cmos[REGISTER_B] & B_BINARY ? byte : (byte >> 4) * 10u + (byte & 15);
}

static uint8_t hour_encode(const struct rtc *rtc, uint32_t hour)
{
    if (rtc->cmos[REGISTER_B] & B_24_HOURS)
        return encode(rtc, hour);
    return encode(rtc, (hour + 11) % 12 + 1) | (hour < 12 ? 0 : PM);
}

static uint32_t hour_decode(const struct rtc *rtc, uint8_t byte)
{
    if (rtc->cmos[REGISTER_B] & B_24_HOURS)
        return decode(rtc, byte);
    return decode(rtc, byte & 0x7f) % 12 + (byte & PM ? 12 : 0);
}

/* Days from 1970 to the first of March of a year of the Gregorian calendar. */
static int64_t days_to_march(int64_t year)
{
    return year * 365 + year / 4 - year / 100 + year / 400 - 719468;
}

/* A year as used here begins in March: the odd day is its last. Months from 0 on, of any number. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    month += 10;
    return days_to_march(year - 1 + month / 12) + (month % 12 * 153 + 2) / 5 + day - 1;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* What the ten bytes say, in whatever shape they are. */
static int64_t time_parse(struct rtc *rtc)
{
    const uint8_t *cmos = rtc->cmos;
    int64_t year = decode(rtc, cmos[RTC_CENTURY]) * 100 + decode(rtc, cmos[YEAR]);
    uint32_t month = decode(rtc, cmos[MONTH]);
    int64_t days = days_of(year, month ? month - 1 : 0, decode(rtc, cmos[DAY_OF_MONTH]));

    rtc->weekday = (uint8_t)((decode(rtc, cmos[WEEKDAY]) + 6 + 7 - (days + 4 + WEEKS) % 7) % 7);
    int64_t minutes = (days * 24 + hour_decode(rtc, cmos[HOURS])) * 60 + decode(rtc, cmos[MINUTES]);
    return minutes * 60 + decode(rtc, cmos[SECONDS]);
}

static void time_write(struct rtc *rtc, int64_t seconds)
{
    uint8_t *cmos = rtc->cmos;
    int64_t days = floor_divide(seconds, DAY);
    uint32_t of_day = (uint32_t)(seconds - days * DAY);
    int64_t year = (days + 719468) * 400 / 146097 + 1;

    while (days_to_march(year) > days)
        year--;
    uint32_t of_year = (uint32_t)(days - days_to_march(year));
    uint32_t month = (of_year * 5 + 2) / 153;
    uint32_t day = of_year - (month * 153 + 2) / 5 + 1;
    year += month >= 10;
    cmos[SECONDS] = encode(rtc, of_day % 60);
    cmos[MINUTES] = encode(rtc, of_day / 60 % 60);
    cmos[HOURS] = hour_encode(rtc, of_day / 3600);
    cmos[WEEKDAY] = encode(rtc, (uint32_t)((days + 4 + WEEKS + rtc->weekday) % 7 + 1));
    cmos[DAY_OF_MONTH] = encode(rtc, day);
    cmos[MONTH] = encode(rtc, (month + 2) % 12 + 1);
    cmos[YEAR] = encode(rtc, (uint32_t)(year % 100));
    cmos[RTC_CENTURY] = encode(rtc, (uint32_t)(year / 100 % 100));
}

/* --- flags, interrupts --- */

static bool alarm_matches(uint8_t alarm, uint8_t now)
{
    return alarm >= ALARM_ANY || alarm == now;
}

/* The first update after so many at which the time is the alarm's; UINT64_MAX: there is none. */
static uint64_t alarm_after(const struct rtc *rtc, uint64_t updates)
{
    uint8_t alarm = rtc->cmos[SECONDS_ALARM];
    uint32_t wanted = decode(rtc, alarm);
    uint64_t at = updates + 1;

    if (alarm < ALARM_ANY && (wanted >= 60 || encode(rtc, wanted) != alarm))
        return UINT64_MAX;
    while (at <= updates + DAY) {
        int64_t time = rtc->seconds + (int64_t)at;
        uint32_t of_day = (uint32_t)(time - floor_divide(time, DAY) * DAY);
        uint32_t second = of_day % 60;
        if (!alarm_matches(rtc->cmos[HOURS_ALARM], hour_encode(rtc, of_day / 3600)))
            at += 3600 - of_day % 3600;
        else if (!alarm_matches(rtc->cmos[MINUTES_ALARM], encode(rtc, of_day / 60 % 60)))
            at += 60 - second;
        else if (alarm < ALARM_ANY && second != wanted)
            at += (wanted + 60 - second) % 60;
        else
            return at;
    }
    return UINT64_MAX;
}

/* Sets the timer to the first event whose interrupt is on and which has not happened already: who
 * has not taken note of the last one needs no other. */
static void timer_update(struct rtc *rtc)
{
    uint64_t hz = rtc->machine->timers.hz;
    uint8_t waits = rtc->cmos[REGISTER_B] & (uint8_t)~rtc->cmos[REGISTER_C] & ENABLES;
    uint64_t first = UINT64_MAX; /* ticks from start on */

    if (time_runs(rtc) && waits & (B_UPDATE | B_ALARM)) {
        uint64_t at = waits & B_UPDATE ? rtc->updates + 1 : alarm_after(rtc, rtc->updates);
        if (at != UINT64_MAX)
            first = at * hz;
    }
    if (divider_runs(rtc) && waits & B_PERIODIC && periodic_hz(rtc)) {
        uint64_t at = time_scale_up(rtc->periods + 1, periodic_hz(rtc), hz);
        first = at < first ? at : first;
    }
    timer_set(&rtc->machine->timers, &rtc->timer, first == UINT64_MAX ? 0 : rtc->start + first);
}

static void irq_update(struct rtc *rtc)
{
    uint8_t *flags = &rtc->cmos[REGISTER_C];

    *flags &= ENABLES;
    if (*flags & rtc->cmos[REGISTER_B])
        *flags |= C_IRQ;
    line_set(&rtc->irq, *flags & C_IRQ);
    timer_update(rtc);
}

/* Sets the flags of what has happened since they were last brought up to date. */
static void flags_update(struct rtc *rtc)
{
    uint64_t updates = updates_now(rtc);
    uint64_t periods = periods_now(rtc);
    uint8_t *flags = &rtc->cmos[REGISTER_C];

    if (time_runs(rtc) && updates > rtc->updates) {
        *flags |= B_UPDATE;
        if (alarm_after(rtc, rtc->updates) <= updates)
            *flags |= B_ALARM;
    }
    if (periods > rtc->periods)
        *flags |= B_PERIODIC;
    rtc->updates = updates;
    rtc->periods = periods;
    irq_update(rtc);
}

static void timer_fired(void *device, uint64_t deadline)
{
    (void)deadline;
    flags_update(device);
}

/* --- ports --- */

static bool is_time(uint8_t index)
{
    return index == RTC_CENTURY || (index >= WEEKDAY && index <= YEAR) ||
           (index < WEEKDAY && index % 2 == 0);
}

static int64_t time_now(const struct rtc *rtc)
{
    return rtc->seconds + (int64_t)updates_now(rtc);
}

/* The time of the ten bytes is the one now. */
static void time_take(struct rtc *rtc)
{
    rtc->seconds = time_parse(rtc) - (int64_t)updates_now(rtc);
    rtc->valid = true;
}

static bool update_near(const struct rtc *rtc)
{
    uint64_t hz = rtc->machine->timers.hz;

    return time_runs(rtc) && ticks(rtc) % hz >= hz - hz / UPDATE_HZ;
}

static uint8_t data_read(struct rtc *rtc)
{
    uint8_t index = rtc->index;

    if (is_time(index) && !(rtc->cmos[REGISTER_B] & B_SET))
        time_write(rtc, time_now(rtc));
    if (index == REGISTER_A)
        return rtc->cmos[index] | (update_near(rtc) ? A_UIP : 0);
    if (index == REGISTER_D)
        return rtc->valid ? D_VALID : 0;
    if (index != REGISTER_C)
        return rtc->cmos[index];
    flags_update(rtc);
    uint8_t flags = rtc->cmos[REGISTER_C];
    rtc->cmos[REGISTER_C] = 0;
    irq_update(rtc);
    return flags;
}

/* A divider that was held begins in the middle of a second (data sheet, "Divider control"). */
static void a_write(struct rtc *rtc, uint8_t value)
{
    bool ran = divider_runs(rtc);
    int64_t now = time_now(rtc);

    rtc->cmos[REGISTER_A] = value & (A_DIVIDER | A_RATE);
    if (ran && !divider_runs(rtc))
        rtc->seconds = now;
    if (!ran)
        rtc->start = rtc->machine->timers.now() - rtc->machine->timers.hz / 2;
    rtc->updates = updates_now(rtc);
    rtc->periods = periods_now(rtc);
}

static void b_write(struct rtc *rtc, uint8_t value)
{
    bool was_set = rtc->cmos[REGISTER_B] & B_SET;

    if (!was_set)
        time_write(rtc, time_now(rtc));
    if (value & B_SET)
        value &= 0xff & ~B_UPDATE;
    rtc->cmos[REGISTER_B] = value;
    if (was_set && !(value & B_SET))
        time_take(rtc);
}

static void data_write(struct rtc *rtc, uint8_t value)
{
    uint8_t index = rtc->index;
    bool set = rtc->cmos[REGISTER_B] & B_SET;

    flags_update(rtc);
    switch (index) {
    case REGISTER_A:
        a_write(rtc, value);
        break;
    case REGISTER_B:
        b_write(rtc, value);
        break;
    case REGISTER_C:
    case REGISTER_D:
        break;
    default:
        if (is_time(index) && !set)
            time_write(rtc, time_now(rtc));
        rtc->cmos[index] = value;
        if (is_time(index) && !set)
            time_take(rtc);
    }
    irq_update(rtc);
}

/* Port 0x70 is for writing. */
static uint64_t rtc_read(void *device, uint64_t offset, unsigned size)
{
    (void)size;
    return offset ? data_read(device) : 0xff;
}

static void rtc_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct rtc *rtc = device;

    (void)size;
    if (offset) {
        data_write(rtc, (uint8_t)value);
    } else {
        rtc->index = value & (RTC_BYTES - 1);
        rtc->nmi_masked = value & NMI_OFF;
    }
}

/* Data sheet, "Reset": the interrupts are off; nothing happens to the time. */
void rtc_reset(struct rtc *rtc)
{
    flags_update(rtc);
    rtc->index = 0;
    rtc->nmi_masked = false;
    rtc->cmos[REGISTER_B] &= 0xff & ~(ENABLES | B_WAVE);
    rtc->cmos[REGISTER_C] = 0;
    irq_update(rtc);
}

/* What of RAM is above a mark, in units of 1 << shift bytes, or as much as the bytes can say. */
static void size_put(uint8_t *cmos, uint32_t bytes, uint64_t ram, uint64_t mark, uint32_t shift)
{
    uint64_t value = (ram > mark ? ram - mark : 0) >> shift;
    uint64_t most = (1ull << bytes * 8) - 1;

    value = value < most ? value : most;
    for (uint32_t i = 0; i < bytes; i++)
        cmos[i] = (uint8_t)(value >> i * 8);
}

/* What PC firmware leaves: no disks, FPU and pointing port, sizes of memory, a checksum. */
static void firmware_fill(uint8_t *cmos, const struct rtc_setup *setup)
{
    uint32_t sum = 0;

    cmos[EQUIPMENT] = 6;
    size_put(cmos + BASE_KIB, 2, 640 << 10, 0, 10);
    size_put(cmos + EXTENDED_KIB, 2, setup->low_ram, 1 << 20, 10);
    size_put(cmos + EXTENDED_KIB_2, 2, setup->low_ram, 1 << 20, 10);
    size_put(cmos + ABOVE_16_MIB, 2, setup->low_ram, 16 << 20, 16);
    size_put(cmos + ABOVE_4_GIB, 3, setup->high_ram, 0, 16);
    for (uint32_t i = 0x10; i < CHECKSUM; i++)
        sum += cmos[i];
    cmos[CHECKSUM] = (uint8_t)(sum >> 8);
    cmos[CHECKSUM + 1] = (uint8_t)sum;
}

bool rtc_open(struct rtc *rtc, struct machine *machine, const struct line *irq,
              const struct rtc_setup *setup)
{
    static const struct bus_operations operations = {rtc_read, rtc_write};
    const struct bus_range range = {RTC_PORT, 2, &operations, rtc, 1};
    uint64_t now = machine->timers.now();

    *rtc = (struct rtc){.machine = machine, .irq = *irq};
    rtc->timer = (struct timer){.fire = timer_fired, .device = rtc};
    rtc->start = setup->tick < now ? setup->tick : now;
    rtc->seconds = (int64_t)(setup->seconds % (1ull << 38)); /* some thousand years */
    rtc->valid = setup->seconds != 0;
    rtc->cmos[REGISTER_A] = A_32_KHZ | 6; /* 1024 Hz */
    rtc->cmos[REGISTER_B] = B_24_HOURS;
    firmware_fill(rtc->cmos, setup);
    rtc_reset(rtc);
    return bus_add(&machine->ports, &range);
}
