/*
 * The first program: the protection domain that owns everything at first.
 */
#ifndef CAIRN_FIRST_H
#define CAIRN_FIRST_H

#include "address_space.h"

#define FIRST_POOL_FRAMES 256u /* of the kernel's reserve; MEM and pool are the program's own */

/* Takes the frames of its pool from the reserve; before the kernel's half is built. */
void first_reserve(void);

/* Is this the thread that the kernel made? */
struct ec;
bool first_is(const struct ec *ec);

/* Makes it, with its capabilities (ipc/abi/syscall.h), ready to run on this CPU. */
void first_make(void);

#endif
