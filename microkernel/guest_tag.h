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
#ifndef CAIRN_GUEST_TAG_H
#define CAIRN_GUEST_TAG_H

#include "cpu.h"
#include "guest.h"
#include "shoot.h"
#include "vcpu.h"

/* The ids that a CPU has: 1 to last, at least one. Once, before it enters a guest. */
static inline void guest_tags_start(struct guest_cpu *guest_cpu, uint32_t last)
{
    guest_cpu->generation = 1;
    guest_cpu->next_id = 1;
    guest_cpu->last_id = last;
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

#endif
