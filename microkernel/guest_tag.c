/*
 * Giving out stamps and ids.
 */
#include "guest_tag.h"

/* An id that no VCPU has in this generation of the CPU. */
static uint32_t id_take(struct guest_cpu *own)
{
    if (own->next_id > own->last_id) {
        own->next_id = 1;
        own->generation++;
        guest->forget(NULL);
    }
    return own->next_id++;
}

void guest_tag_renew(struct cpu *cpu, struct vcpu *vcpu)
{
    struct space *space = &vcpu->vm->space;
    uint64_t *stamp = &space->tags[cpu->index].generation, bit = 1ull << cpu->index;
    struct guest_tag *tag = &vcpu->tag;

    /* As in space_load_new: a sender that did not see the bit had changed the tables before. */
    if (!(__atomic_load_n(&space->cpus, __ATOMIC_RELAXED) & bit))
        __atomic_fetch_or(&space->cpus, bit, __ATOMIC_SEQ_CST);
    uint64_t now = __atomic_load_n(stamp, __ATOMIC_RELAXED);
    bool new = !now;
    if (new) {
        now = ++cpu->guest.stamps;
        __atomic_store_n(stamp, now, __ATOMIC_RELAXED); /* who takes it away later asks, too */
    }
    if (tag->generation != cpu->guest.generation ||
        (tag->stamp != now && guest_limits.kind == GUEST_SVM)) {
        tag->id = id_take(&cpu->guest);
        tag->generation = cpu->guest.generation;
    }
    tag->stamp = now;
    tag->now = stamp;
    if (new)
        guest->forget(vcpu);
}
