/* What a person sees who boots the system without asking for tests. */
#pragma once

#include "machine.h"

/* Prints the machine's facts; entered is the TSC at the program's first lines. */
void banner_print(const struct machine *m, uint64_t entered);
