/* Fault cases: the program does one forbidden thing and must not come back. */
#pragma once

#include "machine.h"
#include "options.h"

/*
 * Says what is expected, then does what faults.list calls name. Returns only if there is no such
 * case or nothing stopped it; both were said then.
 */
void fault_run(const struct machine *m, struct word name);
