/* How a VM ends or begins anew. The VM's lock is held. */
#pragma once

#include "vm.h"

void end_off(struct vm *vm);
/* The guest wrote a value to its debug-exit port. */
void end_exit(struct vm *vm, uint32_t value);
/* The guest did what cannot be carried out: says so, with its registers and its last lines. */
__attribute__((format(printf, 2, 3))) void end_crash(struct vcpu *v, const char *format, ...);
/* The guest is reset, or its VM ends by that: as the VM file says. */
void end_reset(struct vm *vm);
