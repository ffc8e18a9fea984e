/*
 * Four ports at 0xf4: what a guest writes there, 1, 2 or 4 bytes at once, ends its VM with that
 * value. Reads give 0. (As QEMU's isa-debug-exit, whose exit status is value * 2 + 1.)
 */
#pragma once

#include "devices.h"

#define DEBUG_EXIT_PORT  0xf4u
#define DEBUG_EXIT_PORTS 4u

struct debug_exit {
    void (*exit)(void *context, uint32_t value);
    void *context;
};

/* False: its ports are taken. */
bool debug_exit_open(struct debug_exit *device, struct machine *machine,
                     void (*hook)(void *context, uint32_t value), void *context);
