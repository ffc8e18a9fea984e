/* What is injected into a VCPU, and when it is to leave the guest for that. */
#pragma once

#include "vm.h"

/* The last thing before a reply: injects what is pending, or asks for a window; sets the deadline.
 */
void interrupts_offer(struct vcpu *v);

/* First, at each exit: takes note of what the guest did without one. */
void interrupts_look(struct vcpu *v);

/* The LAPIC's TPR is what the guest's CR8 says; and the other way round, after a write to it. */
void interrupts_tpr_take(struct vcpu *v);
void interrupts_tpr_set(struct vcpu *v);
