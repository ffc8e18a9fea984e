/*
 * What VMX and SVM have in common around the entry into a guest, and of its state.
 *
 * What a VCPU has in the CPU besides its control structure stays there until another one enters, or
 * a program needs it: vector registers (vectors.h), debug registers (no program has any), the MSR
 * bitmap. cpu->guest.settled is the VCPU of which all is there, so whoever changes one of them puts
 * NULL there.
 */
#include "guest.h"

#include "barrier.h"
#include "guest_common.h"
#include "guest_tag.h"
#include "ports.h"
#include "vectors.h"
#include "xsave_image.h"

/* MOV DR always exits, so of these DR6 is all that a guest changes: that of its #DB. */
static void debug_write(const struct vcpu_registers *own)
{
    dr0_write(own->dr[0]);
    dr1_write(own->dr[1]);
    dr2_write(own->dr[2]);
    dr3_write(own->dr[3]);
}

static void settle(struct cpu *cpu, struct vcpu *vcpu)
{
    struct guest_cpu *here = &cpu->guest;

    if (here->vectors != vcpu)
        vectors_give(cpu, vcpu);
    if (here->debug != vcpu) {
        if (here->debug)
            here->debug->own.dr6 = dr6_read();
        debug_write(&vcpu->own);
        dr6_write(vcpu->own.dr6);
        here->debug = vcpu;
    }
    if (here->msrs != vcpu->msrs) {
        guest->pass(cpu, vcpu->msrs);
        here->msrs = vcpu->msrs;
    }
    here->settled = barriers_pass(cpu, vcpu) ? vcpu : NULL;
}

/*
 * The CPU's I/O permission map becomes that of the VM's ports, as they are now. Whoever changes
 * them takes the stamps afterwards, under which CPUs have a copy (mapping.c).
 */
static void ports_take(struct guest_cpu *here, const struct vcpu *vcpu)
{
    const struct space *space = &vcpu->vm->space;
    bool open = __atomic_load_n(&space->ports[0], __ATOMIC_ACQUIRE);
    uint64_t *map = (uint64_t *)((char *)here->frames + GUEST_PORTS * FRAME_SIZE);

    for (uint32_t port = 0; (open || here->ports_open) && port < PORTS_ALL; port += 64)
        *map++ = open ? __atomic_load_n(ports_word(space, port), __ATOMIC_RELAXED) : UINT64_MAX;
    here->ports_open = open;
    here->ports = vcpu->tag.stamp;
}

static __attribute__((noinline)) NORETURN void enter_unsettled(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.settled != vcpu)
        settle(cpu, vcpu);
    guest_tag_check(cpu, vcpu);
    if (cpu->guest.ports != vcpu->tag.stamp)
        ports_take(&cpu->guest, vcpu);
    guest->enter(cpu, vcpu);
}

/* The usual case is checked only: so nothing has to be kept over calls. */
void guest_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.settled != vcpu || !guest_tag_fits(vcpu))
        enter_unsettled(cpu, vcpu);
    guest->enter(cpu, vcpu);
}

void guest_init(struct vcpu *vcpu)
{
    struct guest_image *image = vcpu->vectors;

    image->mxcsr = 0x1f80;
    vcpu->own.xcr0 = 1;
    vcpu->own.dr6 = guest_dr6(0);
    guest->init(vcpu);
}

void guest_end(struct cpu *cpu, struct vcpu *vcpu)
{
    vectors_forget(cpu, vcpu);
    if (cpu->guest.debug == vcpu)
        cpu->guest.debug = NULL;
    if (cpu->guest.vm == vcpu->vm)
        cpu->guest.vm = NULL; /* another one may be at its address soon */
    cpu->guest.settled = NULL;
    guest->end(vcpu);
}

void guest_image_get(struct vcpu *vcpu)
{
    struct guest_image *shared = (void *)((char *)vcpu->page + VCPU_IMAGE_OFFSET);

    shared->components = 0; /* XSAVE leaves those that it does not save as they are */
    if (cpu_this()->guest.vectors == vcpu)
        vectors_show(shared, (uint32_t)xsave_layout.components);
    else
        xsave_words_copy(shared, vcpu->vectors, xsave_layout.bytes);
    vcpu->page->xcr0 = vcpu->own.xcr0;
    vcpu->page->xss = 0;
}

static void image_set(struct cpu *cpu, struct vcpu *vcpu)
{
    vcpu->own.xcr0 = guest_xcr0(GUEST_READ(vcpu->page->xcr0));
    xsave_take(&xsave_layout, vcpu->vectors, (const char *)vcpu->page + VCPU_IMAGE_OFFSET);
    vectors_update(cpu, vcpu);
}

/* DR6 comes from the page, too, so that of the CPU is not saved. */
static void points_set(struct cpu *cpu, struct vcpu *vcpu)
{
    for (unsigned i = 0; i < 4; i++)
        vcpu->own.dr[i] = GUEST_READ(vcpu->page->dr[i]);
    if (cpu->guest.debug == vcpu)
        cpu->guest.debug = cpu->guest.settled = NULL;
}

/* The old one is no more, even if it has passed; the timer is armed anew before the guest runs. */
static void deadline_set(struct cpu *cpu, struct vcpu *vcpu, uint64_t deadline)
{
    bool passed = deadline && deadline <= tsc_read();

    timers_cancel(&cpu->waits, &vcpu->ec.timer);
    vcpu->ec.pending &= (uint8_t)~PENDING_TIMER;
    vcpu->ec.pending |= passed ? PENDING_TIMER : 0;
    vcpu->deadline = passed ? 0 : deadline;
}

void guest_rest_set(struct vcpu *vcpu, uint32_t groups)
{
    struct cpu *cpu = cpu_this();

    if (groups & STATE_DR)
        points_set(cpu, vcpu);
    if (groups & STATE_TIME)
        deadline_set(cpu, vcpu, vcpu->deadline);
    if (groups & STATE_XSAVE)
        image_set(cpu, vcpu);
}

void guest_get_common(struct vcpu *vcpu, uint32_t groups)
{
    guest_common_get(vcpu, vcpu->page, groups);
    if (groups & STATE_DR) {
        if (cpu_this()->guest.debug == vcpu)
            vcpu->own.dr6 = dr6_read();
        vcpu->page->dr6 = vcpu->own.dr6;
    }
    if (groups & STATE_XSAVE)
        guest_image_get(vcpu);
}

void guest_set_common(struct vcpu *vcpu, uint32_t groups)
{
    uint32_t rest = guest_common_set(vcpu, vcpu->page, groups);

    if (rest)
        guest_rest_set(vcpu, rest);
    if (groups & STATE_DR) {
        vcpu->own.dr6 = guest_dr6(GUEST_READ(vcpu->page->dr6));
        if (cpu_this()->guest.debug == vcpu)
            dr6_write(vcpu->own.dr6);
    }
}
