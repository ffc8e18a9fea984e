/*
 * Of the groups that have a part in no control structure, that part: for the back ends, to be
 * compiled into what they do about the groups.
 */
#ifndef CAIRN_GUEST_COMMON_H
#define CAIRN_GUEST_COMMON_H

#include "guest_state.h"

#define INLINE static inline __attribute__((always_inline))

/* The image, to the page. */
void guest_image_get(struct vcpu *vcpu);

INLINE void guest_common_get(const struct vcpu *vcpu, struct vcpu_state *page, uint32_t groups)
{
    if (groups & STATE_DR)
        for (unsigned i = 0; i < 4; i++)
            page->dr[i] = vcpu->own.dr[i];
    if (groups & STATE_INTERRUPTS)
        page->activity = vcpu->activity;
    if (groups & STATE_CONTROLS)
        page->msrs = vcpu->msrs;
    if (groups & STATE_TIME)
        page->deadline = vcpu->deadline;
}

/* DR0 to DR3 are mostly what they were, and slow to write. */
INLINE bool guest_points_changed(const struct vcpu *vcpu, const struct vcpu_state *page)
{
    const uint64_t *own = vcpu->own.dr;

    return GUEST_READ(page->dr[0]) != own[0] || GUEST_READ(page->dr[1]) != own[1] ||
           GUEST_READ(page->dr[2]) != own[2] || GUEST_READ(page->dr[3]) != own[3];
}

/*
 * From the page. The groups of which more is to be done, which is seldom, by guest_rest_set: that
 * takes over what it finds in the page then.
 */
INLINE uint32_t guest_common_set(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups)
{
    uint32_t rest = groups & STATE_XSAVE;

    if (groups & STATE_DR && __builtin_expect(guest_points_changed(vcpu, page), false))
        rest |= STATE_DR;
    if (groups & STATE_INTERRUPTS) {
        vcpu->activity = guest_activity(GUEST_READ(page->activity));
        vcpu->ec.pending &= (uint8_t)~PENDING_HALT;
        if (__builtin_expect(vcpu->activity != VCPU_ACTIVE, false))
            vcpu->ec.pending |= PENDING_HALT;
    }
    if (groups & STATE_CONTROLS) {
        vcpu->msrs = guest_msrs(GUEST_READ(page->msrs));
        if (__builtin_expect(vcpu->msrs != cpu_this()->guest.msrs, false))
            cpu_this()->guest.settled = NULL;
    }
    if (groups & STATE_TIME) {
        vcpu->deadline = GUEST_READ(page->deadline);
        if (__builtin_expect(vcpu->deadline || timer_is_armed(&vcpu->ec.timer) ||
                                 vcpu->ec.pending & PENDING_TIMER,
                             false))
            rest |= STATE_TIME;
    }
    return rest;
}

void guest_rest_set(struct vcpu *vcpu, uint32_t groups);

#endif
