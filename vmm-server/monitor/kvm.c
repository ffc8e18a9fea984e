#include "kvm.h"

#include "timers.h"

#define NANOSECONDS  1000000000ull
#define CLOCK_STABLE 1u /* time is the same on all VCPUs */
#define EOI_BIT      1u

struct system_time {
    uint32_t version; /* odd while it is written */
    uint32_t reserved0;
    uint64_t tsc;  /* at which */
    uint64_t time; /* it was so many nanoseconds since the machine began */
    uint32_t multiplier;
    int8_t shift;
    uint8_t flags;
    uint8_t reserved1[2];
};

struct wall_clock {
    uint32_t version;
    uint32_t seconds, nanoseconds; /* since 1970, when the system time was 0 */
};

/* time = (tsc << shift, or >> -shift) * multiplier >> 32, with the largest multiplier there is. */
static void rate_set(struct system_time *t, uint64_t hz)
{
    uint64_t shifted = hz;

    for (; shifted <= NANOSECONDS; shifted <<= 1)
        t->shift++;
    for (; shifted >> 1 > NANOSECONDS; shifted >>= 1)
        t->shift--;
    unsigned up = t->shift > 0 ? 32 : 32u + (unsigned)-t->shift;
    unsigned __int128 hertz = (unsigned __int128)hz << (t->shift > 0 ? t->shift : 0);
    t->multiplier = (uint32_t)(((unsigned __int128)NANOSECONDS << up) / hertz);
}

bool kvm_system_time(void *vcpu, uint64_t value)
{
    struct vcpu *v = vcpu;
    struct system_time t = {.version = 2, .flags = CLOCK_STABLE};

    if (!(value & 1))
        return true;
    rate_set(&t, ENVIRONMENT->tsc_hz);
    return guest_write(&v->vm->memory, value & ~1ull, &t, sizeof(t));
}

void kvm_wall_clock(void *vcpu, uint64_t gpa)
{
    struct vcpu *v = vcpu;
    uint64_t tsc = -v->msrs.tsc_offset; /* the kernel's, when the guest's was 0 */
    uint64_t time = 0;

    if (v->vm->wall_clock)
        time = v->vm->wall_clock + time_scale(tsc, ENVIRONMENT->tsc_hz, NANOSECONDS);
    const struct wall_clock w = {.version = 2,
                                 .seconds = (uint32_t)(time / NANOSECONDS),
                                 .nanoseconds = (uint32_t)(time % NANOSECONDS)};
    (void)guest_write(&v->vm->memory, gpa, &w, sizeof(w));
}

bool kvm_eoi(void *vcpu, uint64_t value)
{
    struct vcpu *v = vcpu;

    v->pv_eoi = value & 1 ? guest_at(&v->vm->memory, value & ~3ull, 4) : NULL;
    v->pv_eoi_offered = false;
    return v->pv_eoi || !(value & 1);
}

void kvm_eoi_offer(struct vcpu *v)
{
    if (v->pv_eoi_offered || !lapic_eoi_can_be_skipped(&v->lapic))
        return;
    __atomic_fetch_or(v->pv_eoi, EOI_BIT, __ATOMIC_RELAXED);
    v->pv_eoi_offered = true;
}

/* If it has not, the offer ends: something may wait for the end of interrupt by now. */
void kvm_eoi_take(struct vcpu *v)
{
    v->pv_eoi_offered = false;
    if (!v->pv_eoi || __atomic_fetch_and(v->pv_eoi, ~EOI_BIT, __ATOMIC_RELAXED) & EOI_BIT)
        return;
    lapic_eoi(&v->lapic);
}
