/*
 * What VMX and SVM have in common: the interface of the two back ends, one of which is chosen at
 * boot, and what a CPU keeps of guests.
 *
 * A back end owns the control structure of a VCPU and everything that the CPU enters and leaves
 * with it. It runs on the VCPU's own CPU, except for init and end, and except for what it says.
 */
#ifndef CAIRN_GUEST_H
#define CAIRN_GUEST_H

#include "cpu.h"
#include "vcpu.h"

struct guest_backend {
    const char *name; /* "VMX" or "SVM" */

    /*
     * On each CPU at boot: switches the extension on. NULL, or what the CPU lacks. Fills tags and
     * MSR bitmap (nothing passes) of cpu->guest, and in its limits all but kind, xcr0 and image.
     */
    const char *(*start)(struct cpu *cpu);

    /*
     * The control structure, a zeroed frame, with the state after INIT (SDM 3A, table 9-1) and no
     * intercept but those that must be. On any CPU.
     */
    void (*init)(struct vcpu *vcpu);

    /* Nothing of it is in the CPU any more but what struct guest_cpu names. On its own CPU. */
    void (*end)(struct vcpu *vcpu);

    /* Copies groups (STATE_*, valid) to the page, with what both back ends have in common. */
    void (*get)(struct vcpu *vcpu, uint32_t groups);

    /*
     * Takes groups over from the page, each field read once and made what cannot do harm. A state
     * that the CPU will refuse is not looked for: that is an exit.
     */
    void (*set)(struct vcpu *vcpu, uint32_t groups);

    /*
     * Enters the guest. Tags, vector and debug registers are there. It comes back by vcpu_exit or
     * vcpu_continue, with an empty stack.
     */
    NORETURN void (*enter)(struct cpu *cpu, struct vcpu *vcpu);

    /*
     * In the CPU's MSR bitmap: the guest that is about to be entered has these MSR_PASS_*. Called
     * too when the kernel's own way in has changed (trace.c).
     */
    void (*pass)(struct cpu *cpu, uint32_t msrs);

    /*
     * The CPU forgets guest translations: all that it may have by the tables of vcpu's VM, or,
     * without one, everything under any tag.
     */
    void (*forget)(struct vcpu *vcpu);
};

/* A kernel may be without one of them. */
extern const struct guest_backend svm_backend __attribute__((weak));
extern const struct guest_backend vmx_backend __attribute__((weak));
extern const struct guest_backend *guest SEALED; /* NULL: the machine has neither */

/*
 * What guests of this machine can have; published in the boot information. Written at boot. Its
 * kind is GUEST_NONE if there can be no VMs, be it that `guest` has found something missing.
 */
extern struct boot_guest guest_limits;

/*
 * Around what the back end does, what both have in common. On the VCPU's own CPU, but for init.
 * Groups are valid.
 */
void guest_init(struct vcpu *vcpu);
void guest_end(struct cpu *cpu, struct vcpu *vcpu); /* nothing of it is in the CPU any more */

/* What both have in common of groups, to the page and from there: for the back ends. */
void guest_get_common(struct vcpu *vcpu, uint32_t groups);
void guest_set_common(struct vcpu *vcpu, uint32_t groups);

NORETURN void guest_enter(struct cpu *cpu, struct vcpu *vcpu);

/*
 * guest_boot.c: chooses the back end, on CPU 0, while sealed data can be written; starts it on each
 * CPU; and when all have come, on CPU 0, says what guests can have, before there is a program.
 */
void guest_choose(void);
void guest_start(struct cpu *cpu);
void guest_publish(void);

#endif
