/* Code that others stop, look into and change while it runs (controlled.S). */
#pragma once

#include <stdint.h>

/* Value of general register n (order of struct utcb_state) when controlled_stop stops. */
#define CONTROLLED_VALUE(n) (0x1100ull + (n))

/* What controlled_stop found in the registers when it went on. */
struct controlled_registers {
    uint64_t general[16]; /* order of struct utcb_state; RSP is missing */
    uint64_t flags, fs_base, gs_base;
};

/* Raises #UD at controlled_undefined, of two bytes, with known values in all registers but RSP. */
void controlled_stop(struct controlled_registers *found);
extern const char controlled_undefined[];

/*
 * Raises #UD at controlled_step_stop, of two bytes; then come instructions to be stepped over, two
 * of them system calls, the second of which hands over; the last one is at controlled_step_end.
 */
void controlled_step(uint32_t semaphore);
extern const char controlled_step_stop[], controlled_step_end[];

/* Counts up for ever. */
_Noreturn void controlled_spin(volatile uint64_t *counter);
extern const char controlled_spin_begin[], controlled_spin_end[];
