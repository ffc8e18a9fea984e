/* The guest's RAM: in the monitor, where it is written, and in the VM. */
#pragma once

#include "vm.h"

/* Finds what root gave and maps it, in the largest pages that there are; ends the program if that
 * cannot be. */
void ram_open(struct vm *vm);
