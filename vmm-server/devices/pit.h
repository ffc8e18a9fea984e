/*
 * Programmable interval timer (Intel 8254) at ports 0x40 to 0x43, and port 0x61, where channel 2
 * has its gate and its output (ICH9, 13.7.1). Nothing counts: what a counter holds is computed from
 * the tick at which it was loaded, and a timer runs only for channel 0's next rising edge. Its line
 * falls just before it rises: who is late to see an edge sees it, and no tick is needed for falls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devices.h"

#define PIT_HZ 1193182ull

/* Times are PIT periods since tick 0. */
struct pit_channel {
    uint8_t mode;   /* 0 to 5 */
    uint8_t access; /* 1: low byte, 2: high byte, 3: both */
    bool bcd, gate;
    bool second_write, second_read; /* the other one of two bytes comes next */
    bool status_latched, count_latched;
    uint8_t status, low; /* latched status; low byte that was written */
    uint16_t latch;
    bool null;       /* the count that was written last was not loaded yet */
    bool started;    /* there was a load since the mode was written */
    bool counting;   /* from begun; else it stands, `held` periods after its load */
    uint32_t count;  /* 1 to 65536 (BCD: 10000): what was written last; 0: nothing */
    uint32_t period; /* what was loaded last */
    uint64_t begun;  /* when it was */
    uint64_t held;
    uint64_t load_at; /* when count is loaded; 0: it is not to be */
};

struct pit {
    struct pit_channel channel[3];
    uint8_t port61;   /* bits 0 (gate 2), 1 (speaker), 2 and 3 (kept) */
    struct line line; /* channel 0's output */
    struct timer timer;
    struct timers *timers;
};

/* line: channel 0's output. False: no room on the bus of ports. */
bool pit_open(struct pit *pit, struct machine *machine, struct line line);
void pit_reset(struct pit *pit);
