/*
 * VMX (SDM 3C, chapters 23 to 31): what the files of this back end share.
 *
 * vmx.c has the life of a VMCS; vmx_entry.S the last steps into the guest and the first ones back;
 * vmx_exit.c says what an exit was; vmx_state.c passes groups of the state. What the CPU does by
 * itself, the loader has chosen (struct vmx_controls), and switched VMX on.
 *
 * A VMCS is touched on the VCPU's own CPU only, where it is made current for it, and stays until
 * another one is. It is filled when it becomes current for the first time. `more` has what is in
 * it, where that is of use.
 */
#pragma once

#include "guest_state.h"
#include "vmcs.h"

/* vcpu.flags */
#define VMX_FILLED (1u << 0)
#define VMX_XCR0   (1u << 1) /* it has another XCR0, and OSXSAVE, without which it cannot tell */
#define VMX_TPR    (1u << 2) /* the TPR has a threshold */
#define VMX_SHOWN  (1u << 3) /* all is as `told` has it: the guest was not entered since */

/* vcpu.more */
enum vmx_more {
    MORE_HOST_CR3,
    MORE_CR0, /* as the guest sees it, in the bits that it cannot change without an exit */
    MORE_CR4,
    MORE_EFER,     /* no guest changes it without an exit: LMA follows PG, which it cannot change */
    MORE_CONTROLS, /* exceptions, and intercepts above them */
    MORE_WINDOWS,
    MORE_VPID,
    MORE_THRESHOLD, /* of the TPR, as it was asked for */
};

/*
 * STAR, LSTAR and SFMASK of a guest that can reach them: the CPU loads them at the entry, and the
 * kernel's at the exit; if the guest can write them, it stores them there first (SDM 3C, 24.7.2).
 */
#define SYSCALL_MSRS 3u

/* Processor-based controls that change. */
#define PROC_INTERRUPT_WINDOW (1u << 2)
#define PROC_INVLPG           (1u << 9)
#define PROC_RDTSC            (1u << 12)
#define PROC_NMI_WINDOW       (1u << 22)
#define PROC_PAUSE            (1u << 30)

#define PIN_PREEMPTION (1u << 6)

#define ENTRY_LONG_MODE (1u << 9)

#define INTERRUPTIBILITY_SHADOW 3u /* STI, MOV SS: bits as SHADOW_* */

/* Bits that the guest changes without an exit: nothing that the kernel does hangs on them. */
#define CR0_FREE (CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM)
#define CR4_FREE (boot_handoff.guest.limits.cr4 & ~CR4_OSXSAVE)

/* cpu->guest.frames: for VMXON, the kernel's SYSCALL_MSRS, and the MSR bitmap (SDM 3C, 24.6.9). */
enum vmx_frame { FRAME_VMXON, FRAME_SYSCALL, FRAME_MSRS };

static inline void *vmx_cpu_frame(const struct cpu *cpu, enum vmx_frame frame)
{
    return (char *)cpu->guest.frames + frame * FRAME_SIZE;
}

/* CR8, in bits 7:4 of the virtual-APIC page's TPR (29.1.1). */
static inline uint32_t *vmx_tpr(const struct vcpu *vcpu)
{
    return (uint32_t *)((char *)vcpu->apic + 0x80);
}

/* Makes the VCPU's VMCS current: cpu->guest.loaded says that it is not. */
void vmx_load(struct cpu *cpu, struct vcpu *vcpu);

void vmx_get(struct vcpu *vcpu, uint32_t groups);
void vmx_set(struct vcpu *vcpu, uint32_t groups);

/* What of groups, but for STATE_BASIC and STATE_INJECTION, the VMCS and `more` have. */
void vmx_write(struct vcpu *vcpu, const struct vcpu_state *page, uint32_t groups);

/* Processor-based controls, after a change of MORE_CONTROLS or MORE_WINDOWS. */
void vmx_proc_update(struct vcpu *vcpu);

/* vmx_entry.S: into the guest, with the general registers of the page. */
NORETURN void vmx_run(struct cpu *cpu, const struct vcpu_state *page);

/* Where the CPU goes on after an exit. */
extern const char vmx_exit_entry[];

/* From there, or after an entry that was refused, for a control or host field: the stack is empty.
 */
NORETURN void vmx_exited(struct cpu *cpu, struct vcpu *vcpu);
NORETURN void vmx_refused(struct cpu *cpu, struct vcpu *vcpu);

/* guest->enter: it comes with all of the guest but what the VMCS has. */
NORETURN void vmx_enter(struct cpu *cpu, struct vcpu *vcpu);
