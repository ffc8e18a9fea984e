/* Boot images: the files that root gives, put into the guest's RAM. */
#pragma once

#include "vm.h"

/* The VM file: parsed into vm->config. An error in it ends the program, with status 2. */
void images_config(struct vm *vm);

/* Loads what the VM file says, and sets the state of the first VCPU. An error ends the program. */
void images_boot(struct vm *vm, struct vcpu *v);
