/*
 * An 8042 keyboard controller (IBM PS/2 Hardware Interface Technical Reference: keyboard and
 * auxiliary device controller) at ports 0x60 and 0x64 with a keyboard (the same, 101-key keyboard)
 * on it; into its second port nothing is plugged. Commands are carried out when they are written.
 * A20 is a bit that can be set and read: the guest's addresses are always whole.
 */
#pragma once

#include "devices.h"

#define PS2_DATA    0x60u
#define PS2_COMMAND 0x64u
#define PS2_QUEUE   32u

struct ps2_lines {
    struct line keyboard, auxiliary; /* IRQ 1 and 12 */
    struct line reset;               /* goes up when the output port's bit 0 goes low */
};

struct ps2 {
    struct machine *machine;
    struct ps2_lines lines;
    uint8_t ram[32]; /* of the controller; the first is its command byte */
    uint8_t status, output, port;
    uint8_t command;  /* of the controller, waits for its parameter; 0: none */
    uint16_t answer;  /* to go out next: a byte, above it bits of status; 0: none */
    uint8_t keyboard; /* its command that waits for a parameter; 0: none */
    uint8_t set;      /* of scan codes: 1 or 2 */
    uint8_t last;     /* what the keyboard sent last */
    bool scanning;    /* keys are reported */
    bool broken;      /* a break prefix is being translated */
    uint8_t head, count;
    uint8_t queue[PS2_QUEUE]; /* from the keyboard */
};

/* False: its ports are taken. */
bool ps2_open(struct ps2 *ps2, struct machine *machine, const struct ps2_lines *lines);
void ps2_reset(struct ps2 *ps2);

/*
 * A key's press or release: its code in set 2, whole (as e0 f0 75 for the release of Up). The
 * device gives it in the set that the guest has chosen. False: no room, or the keyboard is off, and
 * nothing was taken.
 */
bool ps2_key(struct ps2 *ps2, const uint8_t *code, uint32_t size);
