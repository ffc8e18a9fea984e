/*
 * High precision event timers (IA-PC HPET 1.0a): a 64-bit counter and three comparators, all of
 * which can be periodic. No FSB messages. They reach pins 20 to 23 of the I/O APIC, or with legacy
 * replacement the ISA lines 0 and 8, from which it then cuts off PIT and RTC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devices.h"

#define HPET_BASE   0xfed00000ull
#define HPET_HZ     25000000ull
#define HPET_PERIOD 40000000ull /* femtoseconds; ACPI table and capability register */
#define HPET_ID     0x8086a201u /* low half of the capability register; the ACPI table has it too */
#define HPET_TIMERS 3u

struct hpet_timer {
    uint64_t config; /* writable bits */
    uint64_t comparator;
    uint64_t period;   /* what was written last, for periodic mode */
    bool accumulator;  /* the next write sets the comparator too (TN_VAL_SET_CNF) */
    bool up;           /* its output, if it were enabled */
    uint64_t match_at; /* tick of the next match; 0: none */
    struct timer timer;
    struct hpet *hpet;
};

struct hpet {
    struct hpet_timer timer[HPET_TIMERS];
    uint64_t config, status;
    uint64_t counter; /* value at tick `begun` if enabled, else its value */
    uint64_t begun;
    uint32_t ioapic_up, isa_up; /* pins and lines that are up */
    uint32_t passed;            /* ISA lines that PIT and RTC have up */
    struct line isa, ioapic;    /* their pins are chosen here */
    struct timers *timers;
};

/* isa and ioapic: set functions and targets; pin is ignored. False: no room on the memory bus. */
bool hpet_open(struct hpet *hpet, struct machine *machine, struct line isa, struct line ioapic);
void hpet_reset(struct hpet *hpet);
/* ISA lines 0 (PIT) and 8 (RTC) lead through here. Is the function of a struct line. */
void hpet_pass(void *hpet, uint32_t pin, bool level);
