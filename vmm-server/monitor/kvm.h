/*
 * What Linux knows of KVM (Documentation/virt/kvm/x86/msr.rst): a clock that is read from memory,
 * and an end of interrupt without an exit.
 */
#pragma once

#include "vm.h"

/* For struct msr_hooks; the owner is a struct vcpu. */
void kvm_wall_clock(void *vcpu, uint64_t gpa);
bool kvm_system_time(void *vcpu, uint64_t value);
bool kvm_eoi(void *vcpu, uint64_t value);

/* The guest may end its interrupt by clearing a bit, if nothing waits for that. */
void kvm_eoi_offer(struct vcpu *v);
/* Has it done so? */
void kvm_eoi_take(struct vcpu *v);
