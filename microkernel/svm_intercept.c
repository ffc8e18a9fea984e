/*
 * What a guest exits for: what it must, what its monitor has asked for, what the kernel waits for.
 */
#include "svm.h"

/* What exits always. */
#define INTERCEPTS1                                                                                \
    (INTERCEPTS(INTR) | INTERCEPTS(NMI) | INTERCEPTS(SMI) | INTERCEPTS(INIT) | INTERCEPTS(CR0) |   \
     INTERCEPTS(RDPMC) | INTERCEPTS(CPUID) | INTERCEPTS(RSM) | INTERCEPTS(INVD) |                  \
     INTERCEPTS(HLT) | INTERCEPTS(INVLPGA) | INTERCEPTS(IO) | INTERCEPTS(MSR) | INTERCEPTS(TASK) | \
     INTERCEPTS(SHUTDOWN))
#define INTERCEPTS2                                                                      \
    (INTERCEPTS(VMRUN) | INTERCEPTS(VMMCALL) | INTERCEPTS(VMLOAD) | INTERCEPTS(VMSAVE) | \
     INTERCEPTS(STGI) | INTERCEPTS(CLGI) | INTERCEPTS(SKINIT) | INTERCEPTS(RDTSCP) |     \
     INTERCEPTS(WBINVD) | INTERCEPTS(MONITOR) | INTERCEPTS(MWAIT) | INTERCEPTS(XSETBV) | \
     INTERCEPTS(RDPRU))

/*
 * #DB and #AC: delivery can raise the same again, for ever, without an instruction between them at
 * which the CPU takes an interrupt. #MC is the host's.
 */
#define EXCEPTIONS (1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC)

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
        (uint32_t)vcpu->more[MORE_CONTROLS] | (stepping ? EXCEPTIONS_STEP : EXCEPTIONS);
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
}
