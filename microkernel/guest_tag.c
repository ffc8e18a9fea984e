/*
 * Giving out stamps, and ids, which no two VCPUs have in one generation of the CPU.
 */
#include "boot.h"
#include "guest.h"

void guest_tag_renew(struct cpu *cpu, struct vcpu *vcpu)
{
    struct space *space = &vcpu->vm->space;
    uint64_t *stamp = &space->tags[cpu->index].generation, bit = 1ull << cpu->index;
    struct guest_cpu *own = &cpu->guest;
    struct guest_tag *tag = &vcpu->tag;

    /* As in space_load_new: a sender that did not see the bit had changed the tables before. */
    if (!(__atomic_load_n(&space->cpus, __ATOMIC_RELAXED) & bit))
        __atomic_fetch_or(&space->cpus, bit, __ATOMIC_SEQ_CST);
    uint64_t now = __atomic_load_n(stamp, __ATOMIC_RELAXED);
    bool new = !now;
    if (new) {
        now = ++own->stamps;
        __atomic_store_n(stamp, now, __ATOMIC_RELAXED); /* who takes it away later asks, too */
    }
    if (tag->generation != own->generation ||
        (tag->stamp != now && boot_handoff.guest.limits.kind == GUEST_SVM)) {
        if (own->next_id >= boot_handoff.guest.limits.tags) {
            own->next_id = 1;
            own->generation++;
            guest->forget(NULL);
        }
        tag->id = own->next_id++;
        tag->generation = own->generation;
    }
    tag->stamp = now;
    tag->now = stamp;
    if (new)
        guest->forget(vcpu);
}
