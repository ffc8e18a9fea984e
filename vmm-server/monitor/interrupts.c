#include "interrupts.h"

#include "kvm.h"
#include "vcpu.h"

#define RFLAGS_IF (1ull << 9)

/* The guest writes CR8 without an exit. */
void interrupts_tpr_take(struct vcpu *v)
{
    vcpu_need(v, STATE_TPR);
    if (lapic_cr8(&v->lapic) != (v->state->cr8 & 15))
        lapic_cr8_set(&v->lapic, (uint8_t)v->state->cr8);
}

void interrupts_tpr_set(struct vcpu *v)
{
    vcpu_need(v, STATE_TPR);
    if (lapic_cr8(&v->lapic) == (v->state->cr8 & 15))
        return;
    v->state->cr8 = lapic_cr8(&v->lapic);
    vcpu_change(v, STATE_TPR);
}

void interrupts_look(struct vcpu *v)
{
    if (v->state->interrupted.info & EVENT_VALID) {
        v->state->injection = v->state->interrupted; /* unless something else comes of the exit */
        vcpu_change(v, STATE_INJECTION);
    }
    if (v->pv_eoi_offered)
        kvm_eoi_take(v);
}

static void windows_set(struct vcpu *v, uint32_t windows)
{
    if (windows == v->windows)
        return;
    v->windows = windows;
    v->state->windows = windows;
    vcpu_change(v, STATE_WINDOWS);
}

static void inject(struct vcpu *v, uint32_t info)
{
    v->state->injection = (struct vcpu_event){info | EVENT_VALID, 0};
    vcpu_change(v, STATE_INJECTION);
}

static bool injects(const struct vcpu *v)
{
    return v->changed & STATE_INJECTION && v->state->injection.info & EVENT_VALID;
}

/* The shadow and what blocks NMIs, as they will be when the guest goes on. */
static uint32_t shadow_of(struct vcpu *v)
{
    if (v->changed & STATE_RIP && !(v->changed & STATE_INTERRUPTS) && !(v->held & STATE_INTERRUPTS))
        return 0; /* the instruction was carried out, and its shadow is over */
    vcpu_need(v, STATE_INTERRUPTS);
    return v->state->shadow &
           (v->changed & STATE_RIP && !(v->changed & STATE_INTERRUPTS) ? SHADOW_NMI : ~0u);
}

/* The guest goes on: what it waited for is there. */
static void wake_up(struct vcpu *v)
{
    if (!v->halted)
        return;
    v->halted = false;
    vcpu_need(v, STATE_INTERRUPTS);
    v->state->activity = VCPU_ACTIVE;
    vcpu_change(v, STATE_INTERRUPTS);
}

static uint32_t offer_nmi(struct vcpu *v)
{
    if (injects(v))
        return WINDOW_NMI;
    vcpu_need(v, STATE_INTERRUPTS);
    if (v->state->shadow)
        return WINDOW_NMI;
    v->nmi = false;
    wake_up(v);
    inject(v, EVENT_NMI | 2);
    return 0;
}

static uint32_t offer_interrupt(struct vcpu *v, bool extint, int vector)
{
    struct platform *p = &v->vm->platform;

    if (v->state->rflags & RFLAGS_IF)
        wake_up(v);
    if (injects(v) || !(v->state->rflags & RFLAGS_IF) ||
        shadow_of(v) & (SHADOW_STI | SHADOW_MOV_SS))
        return WINDOW_INTERRUPT;
    if (extint) {
        lapic_extint_taken(&v->lapic);
        vector = pic_take(&p->pic);
    } else {
        lapic_taken(&v->lapic, (uint8_t)vector);
    }
    inject(v, EVENT_EXTERNAL | (uint32_t)vector);
    /* Is there another one behind it? */
    return lapic_extint(&v->lapic) || lapic_next(&v->lapic) >= 0 ? WINDOW_INTERRUPT : 0;
}

/* An exit when CR8 falls so far that what waits can be delivered. */
static void threshold_set(struct vcpu *v, uint32_t threshold)
{
    if (threshold == v->threshold)
        return;
    vcpu_need(v, STATE_TPR);
    v->threshold = threshold;
    v->state->tpr_threshold = threshold;
    vcpu_change(v, STATE_TPR);
}

static void deadline_set(struct vcpu *v)
{
    uint64_t next = v->id == 0 ? timers_next(&v->vm->platform.machine.timers) : 0;

    if (next == v->deadline)
        return;
    v->deadline = next;
    v->state->deadline = next;
    vcpu_change(v, STATE_TIME);
}

void interrupts_offer(struct vcpu *v)
{
    uint32_t windows = v->nmi ? offer_nmi(v) : 0;
    uint32_t threshold = 0;

    if (v->lapic.irr.words)
        interrupts_tpr_take(v);
    int vector = lapic_next(&v->lapic);
    bool extint = lapic_extint(&v->lapic);
    if (vector >= 0 || extint)
        windows |= offer_interrupt(v, extint, vector);
    else if (v->lapic.irr.words && lapic_cr8(&v->lapic))
        threshold = (uint32_t)vectors_highest(&v->lapic.irr) >> 4;
    windows_set(v, windows);
    threshold_set(v, threshold);
    if (v->pv_eoi)
        kvm_eoi_offer(v);
    deadline_set(v);
}
