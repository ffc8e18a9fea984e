/*
 * The clock server: reads the real-time clock once, as its second begins, and counts on by the TSC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock_protocol.h"
#include "rtc.h"
#include "service.h"
#include "tsc.h"

#define TRIES 16u

static uint16_t port; /* index; data is the next one */

static uint8_t rtc_read(uint8_t index)
{
    uint8_t value;

    __asm__ volatile("outb %b0, %w1" : : "a"(index), "Nd"(port));
    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"((uint16_t)(port + 1)));
    return value;
}

/* While the clock updates itself its registers mean nothing: at most 2 ms, every second. */
static void update_await(void)
{
    uint64_t end = tsc_now() + ENVIRONMENT->tsc_hz / 100;

    while (rtc_read(RTC_STATUS_A) & RTC_A_UPDATING && tsc_now() < end) {
    }
}

static void registers_read(uint8_t reg[RTC_REGISTERS])
{
    update_await();
    for (unsigned i = 0; i < RTC_REGISTERS; i++)
        reg[i] = rtc_read((uint8_t)i);
}

/* Two readings that agree. */
static bool rtc_now(uint64_t *seconds)
{
    uint8_t first[RTC_REGISTERS], second[RTC_REGISTERS];

    for (unsigned i = 0; i < TRIES; i++) {
        registers_read(first);
        registers_read(second);
        uint64_t a, b;
        if (!rtc_seconds(first, &a) || !rtc_seconds(second, &b))
            return false;
        *seconds = b;
        if (a == b)
            return true;
    }
    return false;
}

#define PAUSE_MS 1  /* between looks at the clock: so much the time may be behind */
#define TURN_S   2u /* within which its second has ended, if it does not stand still */

/*
 * The time as a second begins. Without that a server that is started again could be behind what it
 * has told before.
 */
static bool second_await(uint64_t *seconds)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000l};
    uint64_t end = tsc_now() + TURN_S * ENVIRONMENT->tsc_hz, first;
    bool late = false;

    if (!rtc_now(&first))
        return false;
    do {
        nanosleep(&pause, NULL);
        late = tsc_now() >= end;
        if (!rtc_now(seconds))
            return false;
    } while (*seconds == first && !late);
    return *seconds != first;
}

static void port_find(void)
{
    const struct environment_resource *r = environment_entries(&ENVIRONMENT->resources);

    for (uint32_t i = 0; i < ENVIRONMENT->resources.count; i++)
        if (r[i].kind == RESOURCE_PORTS && r[i].count >= 2)
            port = (uint16_t)r[i].base;
    if (port)
        return;
    fprintf(stderr, "error: the configuration gives no ports, as 0x70 2\n");
    exit(1);
}

int main(void)
{
    static struct service service;
    struct session_entry entry;
    uint64_t seconds = 0;
    uint32_t client;

    port_find();
    bool set = second_await(&seconds);
    uint64_t start = tsc_now();
    if (!set)
        fprintf(stderr, "error: the real-time clock does not tell the time\n");
    service_open(&service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, CLOCK_VERSION);
    for (;;) {
        if (service_wait(&service, &client, &entry, 0) != SERVICE_REQUEST)
            continue;
        uint64_t now = tsc_now();
        unsigned __int128 passed =
            (unsigned __int128)(now - start) * 1000000000u / ENVIRONMENT->tsc_hz;
        entry.word[0] = seconds * 1000000000u + (uint64_t)passed;
        entry.word[1] = now;
        bool wall = entry.operation == CLOCK_WALL;
        entry.operation = !wall ? CLOCK_BAD_REQUEST : set ? CLOCK_DONE : CLOCK_UNSET;
        (void)service_reply(&service, client, &entry);
    }
}
