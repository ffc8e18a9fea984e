/* VCPUs: the kernel's objects, and what every exit has in common. */
#pragma once

#include "vm.h"

/* Makes it, with its handler and portals; it does not run yet. Ends the program if it cannot. */
void vcpu_open(struct vm *vm, uint32_t id);
/* It has time from now on: its first exit is EXIT_STARTUP. */
void vcpu_start(struct vcpu *v);

/* It is gone, whatever it was doing. Not from one of its exits. */
void vcpu_close(const struct vcpu *v);

/* The page has these groups from now on, whatever came with the exit. */
void vcpu_need(struct vcpu *v, uint32_t groups);
/* The reply names these groups: what the page has of them counts. */
static inline void vcpu_change(struct vcpu *v, uint32_t groups)
{
    v->changed |= groups;
}

/* It does not run any more: the reply leaves it waiting for what never comes. */
void vcpu_stop(struct vcpu *v);

/* An exit of it soon, if it is not in one: for other threads, with the VM's lock or without. */
void vcpu_wake(struct vcpu *v);

/* An exception, instead of the instruction that exited. */
void vcpu_raise(struct vcpu *v, uint8_t vector, bool has_error, uint32_t error);
#define VECTOR_UD 6u
#define VECTOR_GP 13u
#define VECTOR_PF 14u

/* state.c: all of its state as after INIT (ipc/abi/README.md), with all groups named. */
void vcpu_state_reset(struct vcpu *v);
