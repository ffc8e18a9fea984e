/*
 * What somebody wants the registers of an EC to be, before they are used.
 */
#ifndef CAIRN_EC_STATE_H
#define CAIRN_EC_STATE_H

#include "types.h"
#include "utcb.h"

/*
 * Makes RFLAGS what a program could have: its own flags as given, interrupts on, no right to I/O.
 * False: RIP is no program's, or a segment base is not canonical; loading those would fault in the
 * kernel. All else a program can load itself.
 */
bool state_constrain(struct utcb_state *state) __attribute__((warn_unused_result));

#endif
