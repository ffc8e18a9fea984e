/*
 * The tally: counts of instructions and events by level, and the longest uninterruptible stretch.
 *
 * One CPU, one thread. Whoever runs the machine adds to tally_raw(); the tally moves those counts
 * to the level that was running at each change of level and before each line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "classify.h"

struct counts {
    uint64_t instructions;
    uint64_t events[EVENTS];
};

/* Where to count an instruction at this virtual address; the place never moves. */
struct counts *tally_raw(uint64_t address);

/* Instructions counted so far, at all levels. */
uint64_t tally_now(void);

/* Between VMRUN and #VMEXIT all counts are the guest's. Each call must change the level. */
void tally_enter_guest(void);
void tally_leave_guest(void);
bool tally_in_guest(void);

/* Appends one line of JSON with all counts. name must hold only characters that JSON takes as they
 * are. pass: how often the point was passed, this time included. */
void tally_write(FILE *out, const char *name, uint64_t pass);

/* Stretches count after stretch_arm() and an end. A block that begins in a stretch belongs to it;
 * ending outside of one does nothing. Each line tells the longest that ended since the one before.
 */
void stretch_arm(void);
void stretch_begin(uint64_t address);
void stretch_end(uint64_t more); /* more: instructions that belong to it still */
