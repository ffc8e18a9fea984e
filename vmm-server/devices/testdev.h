/*
 * A device for tests, with the registers of QEMU's pc-testdev:
 *
 *   ports 0xe0 to 0xe3       a scratch register of 32 bits, read and written in any size;
 *   ports 0xe8 to 0xeb       the same register, a byte at a time;
 *   ports 0x2000 to 0x2017   write-only, bytes: not 0 raises interrupt line n, 0 lowers it;
 *   memory at 0xff000000     64 KiB that just keep what is written.
 *
 * QEMU's 0xe4 (unmap a page on the host for a moment) does nothing that a guest could see; here
 * it is no port at all.
 */
#pragma once

#include "devices.h"

#define TESTDEV_SCRATCH     0xe0u
#define TESTDEV_BYTES       0xe8u
#define TESTDEV_IRQ         0x2000u
#define TESTDEV_LINES       24u
#define TESTDEV_MEMORY      0xff000000u
#define TESTDEV_MEMORY_SIZE 0x10000u

struct testdev {
    uint32_t scratch;
    struct line lines[TESTDEV_LINES];
    uint8_t *memory;
};

/* memory: TESTDEV_MEMORY_SIZE bytes; lines: TESTDEV_LINES. False: something of it is taken. */
bool testdev_open(struct testdev *device, struct machine *machine, const struct line *lines,
                  uint8_t *memory);
void testdev_reset(struct testdev *device);
