/*
 * VMX (SDM 3C, chapters 23 to 31): what the files of this back end share.
 *
 * vmx.c has the life of a VMCS and the way into the guest; vmx_entry.S the last steps of it and the
 * first ones back; vmx_exit.c says what an exit was; vmx_state.c passes groups of the state;
 * vmx_controls.c chooses what the CPU does by itself.
 *
 * A VMCS is touched on the VCPU's own CPU only, where it is made current for it, and stays until
 * another one is. It is filled when it becomes current for the first time. `more` says what is in
 * it, so that nothing is written that is there already.
 */
#ifndef CAIRN_VMX_H
#define CAIRN_VMX_H

#include "cpu.h"
#include "guest.h"
#include "guest_state.h"
#include "vmcs.h"

/* vcpu.flags */
#define VMX_FILLED   (1u << 0)
#define VMX_LAUNCHED (1u << 1)
#define VMX_XCR0     (1u << 2) /* it has another XCR0, and OSXSAVE, without which it cannot tell */
#define VMX_TPR      (1u << 3) /* the TPR has a threshold */
#define VMX_REFUSED  (1u << 4) /* there was no entry, for a control or host field */

/* vcpu.more */
enum vmx_more {
    MORE_HOST_CR3,
    MORE_CR0, /* as the guest sees it, in the bits that it cannot change without an exit */
    MORE_CR4,
    MORE_EFER,     /* no guest changes it without an exit: LMA follows PG, which it cannot change */
    MORE_CONTROLS, /* exceptions and intercepts, as they stand in the page */
    MORE_WINDOWS,
    MORE_VPID,
    MORE_THRESHOLD, /* of the TPR, as it was asked for */
    MORE_SYSCALL,   /* enum syscall_switch */
};

/*
 * STAR, LSTAR and SFMASK of a guest that can reach them: the CPU loads them at the entry, and the
 * kernel's at the exit; if the guest can write them, it stores them there first (SDM 3C, 24.7.2).
 */
enum syscall_switch { SYSCALL_NONE, SYSCALL_LOAD, SYSCALL_STORE };
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

#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_PF 14u
#define VECTOR_AC 17u
#define VECTOR_MC 18u

/*
 * Exceptions that exit always. Of #DB and #AC, delivery can raise the same again, for ever and
 * without an instruction between them at which an interrupt is taken (SDM 3A, table 6-5: they are
 * benign): the kernel delivers them itself, so there is an exit in each round.
 */
#define EXCEPTIONS_ALWAYS (1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC)

/* Bits of CR0 that the guest changes without an exit: nothing that the kernel does hangs on them.
 */
#define CR0_FREE (CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM)

/* What is written to the controls of each VMCS of a CPU. */
struct vmx_controls {
    uint32_t pin, proc, proc2, exit, entry;
    uint32_t revision;
    uint32_t preemption;       /* no guest runs longer without an exit, see vmx_exit.c; 0.25 ms */
    uint64_t cr0_set, cr4_set; /* bits that are 1 in a guest, whatever it sees */
    uint64_t ept;              /* what goes with the address of the top table */
};

/*
 * Controls with all bits of `must`, those of `may` that can be had, and none of `never`; false if
 * there are no such ones. The capability has bits that must be 1 in its lower half, those that may
 * be in the upper one (SDM 3D, A.3).
 */
static inline bool vmx_choose(uint64_t capability, uint32_t must, uint32_t may, uint32_t never,
                              uint32_t *result)
{
    uint32_t set = (uint32_t)capability, allowed = (uint32_t)(capability >> 32);

    *result = (must | (may & allowed)) | set;
    return !(must & ~allowed) && !(set & never);
}

/* For this CPU. NULL, or what it lacks. limits: what it adds to what guests can have. */
const char *vmx_controls_choose(struct vmx_controls *controls, struct boot_guest *limits);

/* In one of the CPU's frames. */
struct vmx_cpu {
    struct vmx_controls controls;
    struct table_pointer gdt;
    uint64_t xcr0; /* the kernel's, as are these */
    struct vcpu_msr syscall[SYSCALL_MSRS] __attribute__((aligned(16)));
};

/* cpu->guest.frames: for VMXON, the MSR bitmap (SDM 3C, 24.6.9), and struct vmx_cpu. */
enum vmx_frame { FRAME_VMXON, FRAME_MSRS, FRAME_CPU };

static inline void *vmx_cpu_frame(const struct cpu *cpu, enum vmx_frame frame)
{
    return (char *)cpu->guest.frames + frame * FRAME_SIZE;
}

static inline const struct vmx_cpu *vmx_cpu(const struct cpu *cpu)
{
    return vmx_cpu_frame(cpu, FRAME_CPU);
}

/* Bits of CR4 that the guest changes without an exit. */
static inline uint64_t vmx_cr4_free(void)
{
    return guest_limits.cr4 & ~CR4_OSXSAVE;
}

/* CR8, in bits 7:4 of the virtual-APIC page's TPR (29.1.1). */
static inline uint32_t *vmx_tpr(const struct vcpu *vcpu)
{
    return (uint32_t *)((char *)vcpu->apic + 0x80);
}

static inline uint64_t vmx_physical(const void *frame)
{
    return (uint64_t)frame - FRAME_BASE;
}

/* Makes the VCPU's VMCS current, if cpu->guest.loaded says that it is not. */
void vmx_load(struct cpu *cpu, struct vcpu *vcpu);

/* After an entry that failed: the next one is a launch again, and what was to be injected is gone.
 */
void vmx_clear(struct cpu *cpu, struct vcpu *vcpu);

void vmx_get(struct vcpu *vcpu, uint32_t groups);
void vmx_set(struct vcpu *vcpu, uint32_t groups);

/* Processor-based controls, after a change of MORE_CONTROLS or MORE_WINDOWS. */
void vmx_proc_update(struct cpu *cpu, struct vcpu *vcpu);

/* vmx_entry.S: into the guest, with the general registers of the page. */
NORETURN void vmx_launch(struct cpu *cpu, const struct vcpu_state *page);
NORETURN void vmx_resume(struct cpu *cpu, const struct vcpu_state *page);

/* Where the CPU goes on after an exit. */
extern const char vmx_exit_entry[];

/* From there, with an empty stack. */
NORETURN void vmx_exited(struct cpu *cpu, struct vcpu *vcpu);

/* guest->enter: it comes with all of the guest but what the VMCS has. */
NORETURN void vmx_enter(struct cpu *cpu, struct vcpu *vcpu);

#endif
