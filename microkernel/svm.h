/*
 * SVM (APM 2, chapter 15): what the files of this back end share.
 *
 * svm.c has the life of a VMCB and the way into the guest; svm_entry.S the last steps of it and the
 * first ones back; svm_exit.c says what an exit was, svm_intercept.c for what there are some, and
 * lets a guest execute one instruction, unnoticed; svm_state.c passes groups of the state.
 */
#pragma once

#include "guest_state.h"
#include "svm_vmcb.h"

/* Of CPUID leaf 0x8000000a, EDX. */
#define SVM_NEXT_RIP  (1u << 3)
#define SVM_TSC_RATIO (1u << 4)
#define SVM_DECODE    (1u << 7)

static inline bool svm_has(uint32_t feature)
{
    return boot_handoff.guest.svm.has & feature;
}

/* vcpu.flags. What the next entry (SVM_AT_ENTRY) or the exit (SVM_AT_EXIT) has to look at. */
#define SVM_INTERRUPT   WINDOW_INTERRUPT /* the interrupt window is wanted */
#define SVM_NMI_WINDOW  WINDOW_NMI
#define SVM_NMI_BLOCKED SHADOW_NMI /* the guest has got an NMI and not returned from it */
#define SVM_DEBUG       (1u << 2)  /* more[MORE_DEBUG] is to be raised */
#define SVM_REFUSED     (1u << 4)  /* the state is none that the CPU takes */
#define SVM_EVENT       (1u << 5)  /* the event is an NMI, or that of an instruction */
#define SVM_STEPPING    (1u << 6)  /* svm_step */
#define SVM_STEP_IRET   (1u << 7)  /* is to step over the IRET after which NMIs are open, */
#define SVM_STEP_CR8    (1u << 8)  /* or over a write of CR8 */
#define SVM_PAT_HERE    (1u << 9)  /* the CPU has its PAT, not the VMCB (loaded_change) */
#define SVM_CHANGED     (1u << 10) /* svm_intercept is to be called */
#define SVM_AT_ENTRY \
    (SVM_WINDOWS | SVM_DEBUG | SVM_REFUSED | SVM_EVENT | SVM_STEP_OVER | SVM_CHANGED)
#define SVM_AT_EXIT   (SVM_STEPPING | SVM_EVENT)
#define SVM_WINDOWS   (SVM_INTERRUPT | SVM_NMI_WINDOW)
#define SVM_STEP_OVER (SVM_STEP_IRET | SVM_STEP_CR8)

/* vcpu.more */
enum svm_more {
    MORE_CONTROLS,  /* exceptions that the monitor wants, and from bit 32 on INTERCEPT_* */
    MORE_EFER,      /* as the guest sees it */
    MORE_THRESHOLD, /* of the TPR */
    MORE_DEBUG,     /* bits of DR6 */
    MORE_LENGTH,    /* of the instruction whose event is injected, or 0, */
    MORE_NEXT,      /* and RIP after it */
    MORE_RATIO,     /* of the TSC, as the MSR has it */
    MORE_RFLAGS,    /* TF and RF of the guest while it is stepping, and in bit 0 its shadow, */
    MORE_DR6,
};

#define DR6_BS     (1ull << 14)
#define DR6_POINTS 15ull /* B0 to B3 */

static inline struct vmcb *svm_vmcb(const struct vcpu *vcpu)
{
    return vcpu->control;
}

/* Nothing is in the CPU that the VMCB should have, and the next entry finds nothing there. */
void svm_unload(struct cpu *cpu);

void svm_get(struct vcpu *vcpu, uint32_t groups);
void svm_set(struct vcpu *vcpu, uint32_t groups);

/* The state after INIT. */
void svm_reset(struct vcpu *vcpu);

/* Makes the guest exit where it must, by what flags and more say. */
void svm_intercept(struct vcpu *vcpu);

/* The guest is to execute one instruction with the next entry, in which nothing is injected. */
void svm_step(struct vcpu *vcpu);

/*
 * After any exit while it is stepping. If the instruction has been executed, the exit code becomes
 * SVM_STEPPED; otherwise it was an exit like any other.
 */
void svm_step_end(struct vcpu *vcpu);

/* svm_entry.S: into the guest, with the general registers of the page. */
NORETURN void svm_run(struct cpu *cpu, const struct vcpu_state *page, uint64_t vmcb,
                      uint64_t host_vmcb);

/* From there, with an empty stack and the general registers but RAX and RSP saved. */
NORETURN void svm_exited(struct cpu *cpu, struct vcpu *vcpu);
