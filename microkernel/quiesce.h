/*
 * When may an object's memory be used for something else? Lookups take no lock and no reference: a
 * pointer is good until the CPU that looked it up leaves the kernel or opens interrupts. So memory
 * is given back once every other CPU has done that after the last slot was emptied.
 */
#ifndef CAIRN_QUIESCE_H
#define CAIRN_QUIESCE_H

#include "types.h"

/*
 * Waits for that, opening interrupts between looks. The caller itself counts as having no pointers:
 * it may go on using only what is its own to destroy.
 */
void quiesce(void);

/* This CPU holds no pointers now: in the wake-up interrupt, which comes only where that is so. */
void quiesce_note(void);

#endif
