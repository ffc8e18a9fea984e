/* What a person sees who boots the system without asking for tests. */
#ifndef CAIRN_SYSTEM_BANNER_H
#define CAIRN_SYSTEM_BANNER_H

#include "machine.h"

/* Prints the machine's facts; entered is the TSC at the program's first lines. */
void banner_print(const struct machine *m, uint64_t entered);

#endif
