/*
 * What a guest exits for: what it must, what its monitor has asked for, what the kernel waits for,
 * the end of an instruction included.
 */
#include "svm.h"

/* What exits always. */
#define INTERCEPTS1                                                                                \
    (INTERCEPTS_TO(INTR, INIT) | INTERCEPTS(CR0) | INTERCEPTS(RDPMC) | INTERCEPTS(CPUID) |         \
     INTERCEPTS(RSM) | INTERCEPTS(INVD) | INTERCEPTS(HLT) | INTERCEPTS(INVLPGA) | INTERCEPTS(IO) | \
     INTERCEPTS(MSR) | INTERCEPTS(TASK) | INTERCEPTS(SHUTDOWN))
#define INTERCEPTS2                                                                     \
    (INTERCEPTS_TO(VMRUN, RDTSCP) | INTERCEPTS_TO(WBINVD, MWAIT) | INTERCEPTS(XSETBV) | \
     INTERCEPTS(RDPRU))

/* While stepping: all but NMI, and INT3 and INTO, which are no faults. */
#define EXCEPTIONS_STEP ~(1u << 2 | 1u << VECTOR_BP | 1u << VECTOR_OF)

void svm_intercept(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t wanted = vcpu->more[MORE_CONTROLS] >> 32;
    bool stepping = vcpu->flags & SVM_STEPPING;
    bool window = vcpu->flags & SVM_INTERRUPT && !stepping;

    /* QEMU's TCG, which aborts at a write of CR8 under a virtual interrupt, never sees one. */
    bool cr8 = window || (vcpu->more[MORE_THRESHOLD] && !stepping);

    vmcb->exceptions =
        (uint32_t)vcpu->more[MORE_CONTROLS] | (stepping ? EXCEPTIONS_STEP : EXCEPTIONS_ALWAYS);
    vmcb->cr_writes = (uint16_t)(1u << 4 | (cr8 ? 1u << 8 : 0));
    vmcb->dr_reads = vmcb->dr_writes = 0xffff;
    vmcb->intercepts = INTERCEPTS1 | (window ? INTERCEPTS(VINTR) : 0) |
                       (vcpu->flags & SVM_NMI_BLOCKED && !stepping ? INTERCEPTS(IRET) : 0) |
                       (wanted & INTERCEPT_PAUSE ? INTERCEPTS(PAUSE) : 0) |
                       (wanted & INTERCEPT_TSC ? INTERCEPTS(RDTSC) : 0) |
                       (wanted & INTERCEPT_INVLPG ? INTERCEPTS(INVLPG) : 0);
    vmcb->intercepts2 = INTERCEPTS2;
    vmcb->virtual_irq = window;
    vmcb->clean = 0;
    vcpu->flags &= ~SVM_CHANGED;
}

/*
 * The guest executes one instruction and does not notice: TF is set for it, and the #DB is hidden.
 * That is how the kernel finds the end of what the CPU reports at its beginning only: an IRET,
 * after which NMIs are open; a write of CR8; a shadow.
 *
 * Meanwhile all faults exit, so that none pushes the TF. The guest's own TF and traps stay: they
 * are raised at the next entry.
 */
void svm_step(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->more[MORE_RFLAGS] = (vmcb->rflags & (RFLAGS_TF | RFLAGS_RF)) | (vmcb->shadow & 1);
    vcpu->more[MORE_DR6] = vmcb->dr6;
    vmcb->rflags |= RFLAGS_TF | RFLAGS_RF; /* RF: its own breakpoint has been passed */
    vmcb->dr6 &= ~DR6_BS;
    vcpu->flags |= SVM_STEPPING | SVM_CHANGED;
}

/* It has been executed: its traps are kept for the guest, but for the one that was not its own. */
static void stepped(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool own = vcpu->more[MORE_RFLAGS] & RFLAGS_TF;
    uint64_t traps = (vmcb->dr6 & ~vcpu->more[MORE_DR6] & DR6_POINTS) | (own ? DR6_BS : 0);

    if (vcpu->flags & SVM_STEP_IRET)
        vcpu->flags &= ~SVM_NMI_BLOCKED; /* and TF is what it popped */
    else if (!own)
        vmcb->rflags &= ~RFLAGS_TF;
    vmcb->dr6 = (vmcb->dr6 & ~DR6_BS) | (vcpu->more[MORE_DR6] & DR6_BS);
    if (traps) {
        vcpu->more[MORE_DEBUG] |= traps;
        vcpu->flags |= SVM_DEBUG;
    }
    vmcb->exit_code = vcpu->flags & SVM_STEP_CR8 ? SVM_STEPPED_CR8 : SVM_STEPPED;
}

void svm_step_end(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vmcb->exit_code == SVM_EXCEPTION + VECTOR_DB && vmcb->dr6 & DR6_BS) {
        stepped(vcpu);
    } else {
        vmcb->rflags &= ~(RFLAGS_TF | RFLAGS_RF);
        vmcb->rflags |= vcpu->more[MORE_RFLAGS] & ~1ull;
        vmcb->shadow |= vcpu->more[MORE_RFLAGS] & 1; /* QEMU has forgotten it */
        vmcb->dr6 |= vcpu->more[MORE_DR6] & DR6_BS;
    }
    vcpu->flags = (vcpu->flags & ~(SVM_STEPPING | SVM_STEP_OVER)) | SVM_CHANGED;
}
