/*
 * What VMX and SVM have in common around the entry into a guest, and of its state.
 *
 * What a VCPU has in the CPU besides its control structure stays there until another one enters, or
 * a program needs it: vector registers (vectors.h), debug registers (no program has any), the MSR
 * bitmap. cpu->guest.settled is the VCPU of which all is there, so whoever changes one of them puts
 * NULL there.
 */
#include "guest.h"

#include "interrupt.h"
#include "ports.h"
#include "vectors.h"
#include "xsave_image.h"

_Static_assert(INTERRUPT_FRAMES + GUEST_FRAMES <= HANDOFF_CPU_FRAMES, "what the loader gives");

const struct guest_backend *guest SEALED;

const struct guest_msr guest_msrs_passed[GUEST_MSRS] = {{MSR_PASS_FS_GS_BASE, MSR_FS_BASE},
                                                        {MSR_PASS_FS_GS_BASE, MSR_GS_BASE},
                                                        {MSR_PASS_SYSCALL, MSR_STAR},
                                                        {MSR_PASS_SYSCALL, MSR_LSTAR},
                                                        {MSR_PASS_SYSCALL, MSR_CSTAR},
                                                        {MSR_PASS_SYSCALL, MSR_SFMASK},
                                                        {MSR_PASS_SYSCALL, MSR_KERNEL_GS_BASE},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_CS},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_ESP},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_EIP},
                                                        {MSR_PASS_PAT, MSR_PAT}};

/*
 * MOV DR always exits, so of debug registers DR6 is all that a guest changes: that of its #DB.
 *
 * At the end, what keeps a guest from learning, by speculation, what others did on its CPU before.
 * Which of it a CPU needs is boot_handoff.barriers: what the CPU itself enumerates.
 *
 * A guest of another VM does not go on with predictions of branches that this one trained (SDM 4,
 * IA32_PRED_CMD). What passed through buffers of the CPU is overwritten by VERW (SDM 2C, "VERW", on
 * CPUs with MD_CLEAR), and on VMX, where a guest chooses addresses that the CPU then looks for in
 * its data cache, that is emptied (SDM 4, IA32_FLUSH_CMD): these two before each entry.
 * IA32_SPEC_CTRL is not passed through and keeps the host's value.
 */
static void settle(struct cpu *cpu, struct vcpu *vcpu)
{
    static const uint16_t segment = USER_SS;
    struct guest_cpu *here = &cpu->guest;
    uint32_t barriers = boot_handoff.barriers[cpu->index];

    if (here->vectors != vcpu)
        vectors_give(cpu, vcpu);
    if (here->debug != vcpu) {
        if (here->debug)
            here->debug->own.dr6 = dr6_read();
        dr0_write(vcpu->own.dr[0]);
        dr1_write(vcpu->own.dr[1]);
        dr2_write(vcpu->own.dr[2]);
        dr3_write(vcpu->own.dr[3]);
        dr6_write(vcpu->own.dr6);
        here->debug = vcpu;
    }
    if (here->msrs != vcpu->msrs) {
        guest->pass(cpu, vcpu->msrs);
        here->msrs = vcpu->msrs;
    }
    if (barriers & BARRIER_BRANCHES && here->vm != vcpu->vm)
        msr_write(MSR_PRED_CMD, 1);
    here->vm = vcpu->vm;
    if (barriers & BARRIER_L1D)
        msr_write(MSR_FLUSH_CMD, 1);
    if (barriers & BARRIER_BUFFERS)
        __asm__ volatile("verw %0" : : "m"(segment) : "cc", "memory");
    here->settled = barriers & (BARRIER_L1D | BARRIER_BUFFERS) ? NULL : vcpu;
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

void guest_end(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.vectors == vcpu)
        vectors_take(cpu);
    if (cpu->guest.debug == vcpu)
        cpu->guest.debug = NULL;
    if (cpu->guest.vm == vcpu->vm)
        cpu->guest.vm = NULL; /* another one may be at its address soon */
    if (cpu->guest.loaded == vcpu)
        cpu->guest.loaded = NULL;
    cpu->guest.settled = NULL;
    if (guest->end)
        guest->end(vcpu);
}

void guest_image_get(struct vcpu *vcpu)
{
    struct cpu *cpu = cpu_this();

    if (cpu->guest.vectors == vcpu)
        vectors_take(cpu);
    xsave_words_copy((char *)vcpu->page + VCPU_IMAGE_OFFSET, vcpu->vectors,
                     boot_handoff.guest.xsave.bytes);
    vcpu->page->xcr0 = vcpu->own.xcr0;
    vcpu->page->xss = 0;
}

void guest_rest_set(struct vcpu *vcpu, uint32_t groups)
{
    struct cpu *cpu = cpu_this();

    for (unsigned i = 0; groups & STATE_DR && i < 4; i++)
        vcpu->own.dr[i] = GUEST_READ(vcpu->page->dr[i]);
    if (groups & STATE_DR && cpu->guest.debug == vcpu) /* DR6 comes from the page, too */
        cpu->guest.debug = cpu->guest.settled = NULL;
    if (groups & STATE_TIME) { /* the old one is no more, even if it has passed */
        timers_cancel(&cpu->timers, &vcpu->ec.timer);
        vcpu->ec.pending &= (uint8_t)~PENDING_TIMER;
    }
    if (!(groups & STATE_XSAVE))
        return;
    vcpu->own.xcr0 = guest_xcr0(GUEST_READ(vcpu->page->xcr0));
    if (cpu->guest.vectors == vcpu)
        vectors_take(cpu);
    xsave_take(&boot_handoff.guest.xsave, vcpu->vectors,
               (const char *)vcpu->page + VCPU_IMAGE_OFFSET);
}

void guest_choose(void)
{
    if (boot_handoff.guest.limits.kind)
        guest = boot_handoff.guest.limits.kind == GUEST_VMX ? &vmx_backend : &svm_backend;
}

void guest_start(struct cpu *cpu)
{
    cpu->guest.frames =
        frame_at(boot_handoff.cpu_frames + cpu->index * HANDOFF_CPU_FRAMES * FRAME_SIZE);
    cpu->guest.msrs = UINT32_MAX; /* no guest has these: guest->pass comes before the first one */
    guest_tags_start(&cpu->guest);
}
