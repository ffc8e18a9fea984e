/*
 * The life of a VMCB, and the way into the guest.
 */
#include "svm.h"

#include "lapic.h"

#define MSR_TSC_RATIO 0xc0000104u

/* Frames of cpu->guest.frames: host save area, host VMCB, then the permission maps. */
#define FRAME_VMCB 1u
#define FRAME_MSRS 2u

static void *cpu_frame(const struct cpu *cpu, unsigned n)
{
    return (char *)cpu->guest.frames + n * FRAME_SIZE;
}

/*
 * What the host has in the CPU and VMRUN leaves there. What is in its control area, which the CPU
 * does not look at, the next guest enters with.
 */
static struct vmcb *host_vmcb(const struct cpu *cpu)
{
    return cpu_frame(cpu, FRAME_VMCB);
}

/* What VMLOAD brings back after each exit: the kernel's own way in (LSTAR) among it. */
static void host_save(const struct cpu *cpu)
{
    __asm__ volatile("vmsave %%rax" : : "a"(frame_address(host_vmcb(cpu))) : "memory");
}

static void init(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    const void *frames = cpu_at(vcpu->ec.cpu)->guest.frames;

    vmcb->io_bitmap = frame_address(frames) + GUEST_PORTS * FRAME_SIZE;
    vmcb->msr_bitmap = frame_address(frames) + FRAME_MSRS * FRAME_SIZE;
    vmcb->nested = 1;
    vmcb->nested_cr3 = vcpu->vm->space.cr3;
    vmcb->virtual_masking = 1;
    vmcb->virtual_priority = 15 | IGNORE_TPR;
    vcpu->more[MORE_RATIO] = 1ull << 32;
    svm_reset(vcpu);
    vcpu->flags = SVM_CHANGED;
}

void svm_unload(struct cpu *cpu)
{
    struct vcpu *loaded = cpu->guest.loaded;

    if (loaded && loaded->flags & SVM_PAT_HERE) {
        svm_vmcb(loaded)->pat = msr_read(MSR_PAT);
        loaded->flags &= ~SVM_PAT_HERE;
    }
    cpu->guest.loaded = NULL;
}

/* Two bits for each MSR, in ranges of 0x2000 from 0 and from 0xc0000000 on (APM 2, 15.11). */
static void pass(struct cpu *cpu, uint32_t msrs)
{
    uint8_t *map = cpu_frame(cpu, FRAME_MSRS);

    for (unsigned i = 0; i < GUEST_MSRS; i++) {
        uint32_t msr = guest_msrs_passed[i].msr, n = (msr & 0x1fff) * 2 + (msr >> 31) * 0x4000;
        unsigned exits = msrs & guest_msrs_passed[i].choice ? 0 : 3;
        map[n / 8] = (uint8_t)((map[n / 8] & ~(3u << n % 8)) | exits << n % 8);
    }
    host_save(cpu);
}

/* A VCPU that has to forget has a new ASID then, under which the CPU knows nothing (guest.h). */
static void forget(struct vcpu *vcpu)
{
    struct cpu *cpu = cpu_this();

    if (vcpu)
        return;
    host_vmcb(cpu)->tlb_control = TLB_FORGET_ALL;
    svm_unload(cpu); /* so that the next entry looks there */
}

/* Trap of the guest's debug registers, or a single step, that is still to be delivered. */
static void debug_raise(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->flags &= ~SVM_DEBUG;
    vmcb->dr6 |= vcpu->more[MORE_DEBUG];
    vmcb->clean = 0;
    vcpu->more[MORE_DEBUG] = 0;
    if (vcpu->more[MORE_CONTROLS] & 1u << VECTOR_DB)
        vcpu_exit_own(cpu, vcpu, EXIT_EXCEPTION, VECTOR_DB, 0);
    vmcb->event = EVENT_VALID | EVENT_EXCEPTION | VECTOR_DB;
}

/*
 * The event is an NMI, which blocks others, or that of an instruction: then what is pushed is the
 * RIP after it. The CPU takes that from the VMCB, or, if it knows of no next RIP, the guest must be
 * there. INT1, INT3 and INTO are exceptions to SVM (APM 2, 15.20).
 */
static void event_begin(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    uint32_t type = vmcb->event & EVENT_TYPE;

    if (type == EVENT_NMI)
        vcpu->flags |= SVM_NMI_BLOCKED | SVM_CHANGED;
    if (type > EVENT_INT)
        vmcb->event ^= type ^ EVENT_EXCEPTION;
    vcpu->more[MORE_NEXT] = vmcb->rip + vcpu->more[MORE_LENGTH];
    if (svm_has(SVM_NEXT_RIP))
        vmcb->next_rip = vcpu->more[MORE_NEXT];
    else
        vmcb->rip = vcpu->more[MORE_NEXT];
}

/*
 * NMIs are open unless the guest has not returned from one. A window that waits for the end of a
 * shadow: QEMU's TCG forgets at VMRUN that there is one.
 */
static void windows_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vmcb->shadow && !(vmcb->event & EVENT_VALID)) {
        svm_step(vcpu);
    } else if (vcpu->flags & SVM_NMI_WINDOW && !(vcpu->flags & SVM_NMI_BLOCKED)) {
        if (!(vmcb->event & EVENT_VALID)) {
            vcpu->flags &= ~SVM_NMI_WINDOW;
            vcpu_exit_own(cpu, vcpu, EXIT_NMI_WINDOW, 0, 0);
        }
        cpu_interrupt(cpu->index); /* which ends the guest's turn when the event is delivered */
    }
}

/* What is seldom, in the order in which it is before the guest's next instruction. */
static void enter_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vcpu->flags & SVM_REFUSED)
        vcpu_exit_own(cpu, vcpu, EXIT_FAILED, FAILURE_STATE, 0);
    if (vcpu->flags & SVM_EVENT)
        event_begin(vcpu);
    if (vcpu->flags & SVM_DEBUG && !(vmcb->event & EVENT_VALID))
        debug_raise(cpu, vcpu);
    if (vmcb->event & EVENT_VALID)
        vcpu->flags &= ~SVM_STEP_OVER; /* it will exit again */
    if (vcpu->flags & SVM_STEP_OVER)
        svm_step(vcpu);
    if (vcpu->flags & SVM_WINDOWS && !(vcpu->flags & SVM_STEPPING))
        windows_enter(cpu, vcpu);
    if (vcpu->flags & SVM_CHANGED)
        svm_intercept(vcpu);
}

/*
 * What VCPUs do not share, but neither VMRUN nor VMLOAD exchanges. A CPU that has FSGSBASE, which
 * the kernel requires, but no NRIP save is QEMU's TCG, where VMRUN leaves PAT. No memory type
 * depends on it there, so the guest's stays until another VCPU enters.
 */
static void loaded_change(struct cpu *cpu, struct vcpu *vcpu)
{
    svm_unload(cpu);
    cpu->guest.loaded = vcpu;
    if (svm_has(SVM_TSC_RATIO))
        msr_write(MSR_TSC_RATIO, vcpu->more[MORE_RATIO]);
    if (!svm_has(SVM_NEXT_RIP)) {
        msr_write(MSR_PAT, svm_vmcb(vcpu)->pat);
        vcpu->flags |= SVM_PAT_HERE;
    }
}

static inline NORETURN void run(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vmcb->cr4 & CR4_OSXSAVE && vcpu->own.xcr0 != boot_handoff.guest.xcr0)
        xcr0_write(vcpu->own.xcr0);
    svm_run(cpu, vcpu->page, frame_address(vmcb), frame_address(host_vmcb(cpu)));
}

static __attribute__((noinline)) NORETURN void enter_slowly(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu), *host = host_vmcb(cpu);

    if (vcpu->flags & SVM_AT_ENTRY)
        enter_specially(cpu, vcpu);
    if (cpu->guest.loaded != vcpu)
        loaded_change(cpu, vcpu);
    if (vmcb->asid != vcpu->tag.id || host->tlb_control) {
        vmcb->asid = vcpu->tag.id;
        vmcb->clean = 0;
        vmcb->tlb_control = host->tlb_control;
        host->tlb_control = 0;
    }
    run(cpu, vcpu);
}

static NORETURN void enter(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vmcb->rax = GUEST_READ(vcpu->page->rax);
    if (cpu->guest.loaded != vcpu || vmcb->asid != vcpu->tag.id || vcpu->flags & SVM_AT_ENTRY)
        enter_slowly(cpu, vcpu);
    run(cpu, vcpu);
}

const struct guest_backend svm_backend = {
    .init = init,
    .get = svm_get,
    .set = svm_set,
    .enter = enter,
    .pass = pass,
    .forget = forget,
};
