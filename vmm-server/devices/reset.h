/*
 * Reset of a PC by port 0x92 (PS/2 system control port A: bit 0, when it becomes 1; A20 in bit 1,
 * which is kept and has no effect), and one place for all who can ask for it: the reset control
 * register at 0xcf9 is PCI's, the output port with its pulses the keyboard controller's. Soft
 * resets would begin in firmware; there is none, so each is of the whole machine.
 */
#pragma once

#include "devices.h"

#define RESET_PORT 0x92u

struct reset {
    void (*reset)(void *context);
    void *context;
    uint8_t port;
};

/* The hook may be called within a guest's access. False: port 0x92 is taken. */
bool reset_open(struct reset *reset, struct machine *machine, void (*hook)(void *context),
                void *context);
void reset_reset(struct reset *reset);

/* Resets when the line is high. Is the function of a struct line whose target is a struct reset. */
void reset_set(void *reset, uint32_t pin, bool level);
