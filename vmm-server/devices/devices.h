/*
 * The platform's devices. Each is one file, NAME.c, with one table: its ranges of ports and memory,
 * or its registers. A device knows the buses, lines and timers of machine/ and nothing of VCPUs or
 * of the kernel, so it runs on the host as well, where its tests are.
 *
 * A device is a structure that its owner holds. NAME_open sets it up once: it keeps the lines it
 * was given and registers its ranges; NAME_reset brings it to the state after RESET, which open
 * does too. Whoever calls a device holds the VM's lock: devices have none.
 *
 * A guest writes what it likes: no value of a register leads outside of a device's structure, and
 * no access takes longer than a bounded time.
 */
#pragma once

#include "bus.h"
#include "line.h"
#include "timers.h"

/* What every device may need of the machine. */
struct machine {
    struct bus ports, memory;
    struct timers timers;
};
