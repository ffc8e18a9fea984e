/* Services that the platform needs besides the console: wall time and random bytes. */
#pragma once

#include "vm.h"

/* Seconds since 1970, by the service `clock`; 0: it does not say. Sets vm->wall_clock too. */
uint64_t wall_clock_seconds(struct vm *vm);

/* By the service `random`; false: it gives none now. */
bool random_fill(uint8_t *bytes, uint32_t size);
