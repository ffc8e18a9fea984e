/*
 * What VMX and SVM have in common: the interface of the two back ends, one of which is chosen at
 * boot, and what a CPU keeps of guests.
 *
 * A back end owns the control structure of a VCPU and everything that the CPU enters and leaves
 * with it. It runs on the VCPU's own CPU, except for init and end, and except for what it says.
 */
#pragma once

#include "cpu.h"
#include "vcpu.h"

struct guest_backend {
    /*
     * The control structure, a zeroed frame, with the state after INIT (SDM 3A, table 9-1) and no
     * intercept but those that must be. On any CPU.
     */
    void (*init)(struct vcpu *vcpu);

    /* NULL, or: what is in the CPU besides what struct guest_cpu names leaves it. */
    void (*end)(const struct vcpu *vcpu);

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
     * before the first entry, and when the kernel's own way in has changed (trace.c).
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
extern const struct guest_backend *guest SEALED; /* NULL: there can be no VMs */

/* On the VCPU's own CPU. */
void guest_end(struct cpu *cpu, struct vcpu *vcpu); /* nothing of it is in the CPU any more */
NORETURN void guest_enter(struct cpu *cpu, struct vcpu *vcpu);

/* MSRs that a guest can have of its own, and the choice (MSR_PASS_*) by which it gets each. */
#define GUEST_MSRS 11u

extern const struct guest_msr {
    uint32_t choice, msr;
} guest_msrs_passed[GUEST_MSRS];

/*
 * Takes the back end that the loader has switched on, on CPU 0, while sealed data can be written;
 * and, on each CPU, what guests need there.
 */
void guest_choose(void);
void guest_start(struct cpu *cpu);

/*
 * Under which names (ASIDs, VPIDs) a CPU knows guest translations, and when it forgets them.
 *
 * A VM has a stamp on each CPU (space.tags[cpu].generation), 0 for none: then something was taken
 * out of its tables that this CPU may still know. The next VCPU of it that enters there gives it a
 * new stamp, never used before. A VCPU whose stamp is not its VM's has to forget too: where an ASID
 * is all that tells guests apart (SVM) by taking a new one; on VMX all was forgotten when the VM
 * got the stamp.
 *
 * A CPU gives each id to one VCPU. When there are no more it forgets everything and begins anew, in
 * another generation; an id of an earlier one is none.
 *
 * Why nothing stale is used: shoot.c, at the top. Between the check and the entry the CPU serves no
 * request and opens no interrupt; one that is pending ends the guest at once.
 */

/*
 * Once, before a CPU enters a guest: it has no id to give, so it forgets everything first. The ids
 * are those below boot_handoff.guest.limits.tags, but for 0, which is the host's.
 */
static inline void guest_tags_start(struct guest_cpu *guest_cpu)
{
    guest_cpu->generation = 1;
    guest_cpu->next_id = UINT32_MAX;
}

/* The long way of guest_tag_check. */
void guest_tag_renew(struct cpu *cpu, struct vcpu *vcpu);

/*
 * Before an entry, last, of the VCPU that was entered last on this CPU: there is nothing to do. The
 * CPU names its VM as guest still, or somebody has taken the stamp; and no id was given since.
 */
static inline bool guest_tag_fits(const struct vcpu *vcpu)
{
    return __atomic_load_n(vcpu->tag.now, __ATOMIC_RELAXED) == vcpu->tag.stamp;
}

/* Before each entry, last: vcpu->tag.id is good, and the CPU knows nothing stale under it. */
static inline void guest_tag_check(struct cpu *cpu, struct vcpu *vcpu)
{
    struct space *space = &vcpu->vm->space;

    if (__builtin_expect(cpu->shoot->guest != space, false)) {
        __atomic_store_n(&cpu->shoot->guest, space, __ATOMIC_RELAXED);
        if (shoot_others)
            __atomic_thread_fence(__ATOMIC_SEQ_CST); /* named as guest; then looks at the stamp */
    }
    uint64_t stamp = __atomic_load_n(&space->tags[cpu->index].generation, __ATOMIC_RELAXED);
    if (__builtin_expect(stamp != vcpu->tag.stamp || cpu->guest.generation != vcpu->tag.generation,
                         false))
        guest_tag_renew(cpu, vcpu);
}
