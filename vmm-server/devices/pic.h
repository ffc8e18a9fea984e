/*
 * Two cascaded 8259A (Intel 8259A data sheet) at ports 0x20 and 0xa0, with the edge/level registers
 * ELCR at 0x4d0 and 0x4d1 (ICH9, 13.8). The second one is on line 2 of the first.
 *
 * As in the data sheet a line must stay up until its interrupt is taken, edge-triggered or not: a
 * request that falls before is gone. After RESET it is as a PC's firmware leaves it: vectors 8 and
 * 0x70, but all lines masked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devices.h"

struct pic_chip {
    uint8_t irr, isr, imr, lines; /* lines: their levels */
    uint8_t elcr;                 /* lines that are level-triggered */
    uint8_t vector;               /* ICW2 */
    uint8_t lowest;               /* line of lowest priority */
    uint8_t next;                 /* the ICW that comes next; 0: initialised */
    bool single, with_icw4;       /* ICW1 */
    bool nested, automatic;       /* ICW4: special fully nested, automatic EOI */
    bool rotate;                  /* at an automatic EOI */
    bool read_isr, poll, special_mask;
    bool asks; /* level of its output */
    struct pic *pic;
};

struct pic {
    struct pic_chip chip[2];
    struct line output;
};

/* output is LINT0 of the bootstrap processor's LAPIC. False: no room on the bus of ports. */
bool pic_open(struct pic *pic, struct machine *machine, struct line output);
void pic_reset(struct pic *pic);

/* The level of line 0 to 15, but 2. Is the function of a struct line. */
void pic_set(void *pic, uint32_t pin, bool level);
/* Interrupt acknowledge: the vector, also if none asks any more (line 7, "spurious"). */
uint8_t pic_take(struct pic *pic);
