/* What is done about each exit. */
#pragma once

#include "vm.h"

/* Carries it out; the reply is what v->changed names. The VM's lock is held. */
void exit_handle(struct vcpu *v, const struct message *m);

/* The groups that are to come with exits of a reason. */
uint32_t exit_groups(uint32_t reason);

/* The instruction is carried out in software. One that is not known ends the guest; what it is, the
 * message says. */
void exit_emulate(struct vcpu *v, const char *what, uint64_t qualification, uint64_t address);

/* control.c */
void exit_cr(struct vcpu *v, uint64_t qualification, uint64_t address);
void exit_dr(struct vcpu *v, uint64_t qualification);
void exit_xsetbv(struct vcpu *v);

/* registers.c */
void exit_cpuid(struct vcpu *v);
void exit_msr(struct vcpu *v, uint64_t qualification);
