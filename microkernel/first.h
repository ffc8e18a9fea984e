/*
 * The first program: the protection domain that owns everything at first.
 */
#ifndef CAIRN_FIRST_H
#define CAIRN_FIRST_H

/* Makes it, with its capabilities (ipc/abi/syscall.h), ready to run on this CPU. */
void first_make(void);

#endif
