/*
 * The guest executes one instruction and does not notice: TF is set for it, and the #DB is hidden.
 * That is how the kernel finds the end of what the CPU reports at its beginning only: an IRET,
 * after which NMIs are open; a write of CR8; a shadow.
 *
 * Meanwhile all faults exit, so that none pushes the TF. The guest's own TF and traps stay: they
 * are raised at the next entry.
 */
#include "svm.h"

void svm_step(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->more[MORE_RFLAGS] = (vmcb->rflags & (RFLAGS_TF | RFLAGS_RF)) | (vmcb->shadow & 1);
    vcpu->more[MORE_DR6] = vmcb->dr6;
    vmcb->rflags |= RFLAGS_TF | RFLAGS_RF; /* RF: its own breakpoint has been passed */
    vmcb->dr6 &= ~DR6_BS;
    vcpu->flags |= SVM_STEPPING;
    svm_intercept(vcpu);
}

/* It has been executed: its traps are kept for the guest, but for the one that was not its own. */
static void stepped(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool own = vcpu->more[MORE_RFLAGS] & RFLAGS_TF;
    uint64_t traps = vmcb->dr6 & ~vcpu->more[MORE_DR6] & DR6_POINTS;

    if (vcpu->flags & SVM_STEP_IRET)
        vcpu->flags &= ~SVM_NMI_BLOCKED; /* and TF is what it popped */
    else if (!own)
        vmcb->rflags &= ~RFLAGS_TF;
    vmcb->dr6 = (vmcb->dr6 & ~DR6_BS) | (vcpu->more[MORE_DR6] & DR6_BS);
    traps |= own ? DR6_BS : 0;
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
    vcpu->flags &= ~(SVM_STEPPING | SVM_STEP_OVER);
    svm_intercept(vcpu);
}
