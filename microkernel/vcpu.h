/*
 * VMs: guest-physical address spaces. One is a space (space.h) in the format of NPT or EPT, and the
 * virtual CPUs that run in it.
 *
 * Virtual CPUs. One is an EC that runs in guest mode: it has a CPU, scheduling contexts, a place in
 * chains of calls, and its exits are calls. ec.full is FULL_GUEST always: what the program's
 * registers are to an EC, the state page and the back end's control structure (guest.h) are to it.
 *
 * `told` holds the last exit: what the page holds with every exit, written there as it is to the
 * page, so that it can be told again. ec.regs has its words only where the usual way is left. Its
 * other groups are the back end's: VMX keeps there what the page showed of most (vmx_state.c).
 *
 * ec.state: EC_WAITING before it has time; EC_RUNNABLE in the guest or about to be; EC_CALLING,
 * EC_HELPING while its exit is handled; EC_BLOCKED halted; EC_STOPPED frozen, or its exit had no
 * handler. ec.pending says what comes before the guest runs again (enum vcpu_pending). While it
 * runs, ec.space is the domain's whose tables the CPU has: no exit changes CR3.
 *
 * What is not in the control structure is in the CPU from when it is needed until somebody else
 * needs it (struct guest_cpu): vector registers, debug registers, MSRs.
 */
#pragma once

#include "ec.h"
#include "vcpu_state.h"

struct vm {
    struct object object;
    struct chain vcpus; /* of it (ec.member), under the object's lock */
    struct space space;
};

_Static_assert(sizeof(struct vm) <= FRAME_OBJECT_MAXIMUM, "a VM has one frame");
_Static_assert(offsetof(struct vm, vcpus) == offsetof(struct pd, ecs) &&
                   offsetof(struct vm, space) == offsetof(struct pd, space),
               "it begins as a domain does");

/*
 * Memory for vm is zero; its object is not touched. STATUS_BAD_PARAMETER: the machine has no
 * guests; STATUS_NEEDS_FRAMES: the pool lacks a frame.
 */
enum status vm_init(struct vm *vm, struct pool *pool) __attribute__((warn_unused_result));

/* CONTROL on a VM (ipc/abi/README.md). */
uint64_t vm_control(struct ec *caller, struct vm *vm, uint32_t rights);

enum vcpu_pending {
    PENDING_EXIT = PENDING_EXCEPTION, /* the last exit has not been handled; `told` has it */
    PENDING_TIMER = 4,                /* EXIT_TIMER. PENDING_RECALL is 2: EXIT_RECALL */
    PENDING_FROZEN = 8,               /* it does not run */
    PENDING_HALT = 16,                /* the guest's activity is not VCPU_ACTIVE */
    REQUEST_RESUME = 32,              /* in vcpu.requests only: not frozen or stopped any more */
};

/* The name under which a CPU knows a guest's translations: an ASID or VPID. */
struct guest_tag {
    uint64_t stamp;      /* of the VM on this CPU when it was taken: space.tags[cpu].generation */
    const uint64_t *now; /* where that is */
    uint64_t generation; /* guest_cpu.generation then */
    uint32_t id;         /* 0: none */
};

/* What a VCPU has in the CPU, or would have there, besides its control structure. */
struct vcpu_registers {
    uint64_t dr[4], dr6;
    uint64_t xcr0;
    uint64_t cr2, cstar, kernel_gs_base; /* VMX */
    struct vcpu_msr {
        uint64_t msr, value;
    } syscall[3] __attribute__((aligned(16))); /* VMX: see vmx.h */
};

struct vcpu {
    struct ec ec;
    struct vm *vm;
    struct vcpu_state *page; /* shared with user mode; in the frame map, as are those below */
    void *control;           /* VMCB or VMCS: a frame */
    void *apic;              /* virtual-APIC page, where there is one */
    void *vectors;           /* XSAVE area that nobody else sees */
    uint64_t deadline;       /* TSC; 0: none. ec.timer is armed before the guest runs */
    struct guest_tag tag;
    struct vcpu_registers own; /* see guest.h */
    struct vcpu_state told;    /* see above; RIP, RFLAGS and RSP are elsewhere */
    uint32_t msrs;             /* MSR_PASS_* */
    uint32_t requests; /* PENDING_*, REQUEST_* that somebody wants. Under the CPU's wake_lock */
    uint32_t activity; /* enum vcpu_activity */
    uint32_t flags;    /* the back end's */
    uint64_t more[9];  /* the back end's */
    uint32_t groups[EXIT_COUNT];   /* STATE_* that come with an exit, but for STATE_BASIC */
    struct node exits[EXIT_COUNT]; /* portals; slots like any other */
};

_Static_assert(sizeof(struct vcpu) <= FRAME_OBJECT_MAXIMUM, "a VCPU has one frame");

static inline struct vcpu *vcpu_of(struct ec *ec)
{
    return CONTAINER(ec, struct vcpu, ec);
}

static inline bool ec_is_vcpu(const struct ec *ec)
{
    return ec->full == FULL_GUEST;
}

/* Registers that every exit brings besides the general ones. */
#define STATE_BASIC (STATE_RIP | STATE_RFLAGS | STATE_RSP)

#define VCPU_FRAMES 4u /* page, control, apic, vectors */

/*
 * A VCPU of vm that waits for time. Memory for it is zero but for its object and ec.cpu.
 * STATUS_BAD_PARAMETER: there is no such CPU; STATUS_NEEDS_FRAMES: its pool lacks some.
 */
enum status vcpu_init(struct vcpu *vcpu, struct vm *vm) __attribute__((warn_unused_result));

/* Before ec_end of one that has ended. Its frames stay, until nobody can reach it. */
void vcpu_end(struct vcpu *vcpu);
void vcpu_release(struct vcpu *vcpu);

/* It is its turn: what is pending first, otherwise the guest. */
NORETURN void vcpu_run(struct cpu *cpu, struct vcpu *vcpu);

/*
 * The guest has left for something that is the kernel's affair, which is done, or the monitor has
 * replied: it goes on, unless somebody is more urgent. vcpu is cpu->current.
 */
NORETURN void vcpu_continue(struct cpu *cpu, struct vcpu *vcpu);

/*
 * The guest has left, for its monitor. The page has what comes with every exit but for reason,
 * qualification and address, which are written there too; rip is the guest's.
 */
NORETURN void vcpu_exit(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason,
                        uint64_t qualification, uint64_t address);

/* The same before an entry, or of a guest that left for something else: the page has nothing. */
NORETURN void vcpu_exit_own(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason,
                            uint64_t qualification, uint64_t address);

/* entry.S: a reply to an exit, when nothing is in the way. vcpu is cpu->current. */
NORETURN void vcpu_replied(struct vcpu *vcpu, uint64_t groups);

/* Takes groups over from the page. STATUS_BAD_PARAMETER: a bit is not STATE_*. */
enum status vcpu_take(struct vcpu *vcpu, uint64_t groups) __attribute__((warn_unused_result));

/* Its deadline has passed, or it has requests; on its own CPU. */
void vcpu_timer(struct vcpu *vcpu);
void vcpu_woken(struct vcpu *vcpu);

/* CONTROL on a VCPU by the caller, who has these rights to it; RSI: operation. */
uint64_t vcpu_control(struct ec *caller, struct vcpu *vcpu, uint32_t rights);
