/*
 * What an exit was (APM 2, 15.7 to 15.14 and appendix C).
 */
#include "stop.h"
#include "svm.h"

#define EXCEPTIONS_WITH_ERROR 0x60227d00u /* 8, 10 to 14, 17, 21, 29, 30 (APM 2, table 8-1) */

/* exit_info1 and exit_info2. */
#define CR_MOV        (1ull << 63) /* with decode assists: not LMSW (APM 2, 15.33.1) */
#define REGISTER      15ull        /* and which general register */
#define NPF_PRESENT   (1ull << 0)  /* APM 2, 15.25.6 */
#define NPF_WRITE     (1ull << 1)
#define NPF_EXECUTE   (1ull << 4)
#define NPF_WALK      (1ull << 33)
#define TASK_IS_IRET  (1ull << 36) /* APM 2, 15.14.1 */
#define TASK_IS_JUMP  (1ull << 38)
#define TASK_HAS_CODE (1ull << 44)

/* In qualifications. */
#define EXCEPTION_HAS_ERROR (1ull << 8)
#define DR_IS_READ          (1ull << 8)
#define TASK_HAS_ERROR      (1ull << 31)

/*
 * An exception of the guest that the monitor does not want is delivered. Interrupts of the host
 * come in between, and whoever is more urgent: delivery may raise the same again, without an
 * instruction at which the CPU would take them. (An event whose delivery it interrupted is gone, as
 * it is without a hypervisor: #AC and #UD are benign, APM 2, 8.2.9.)
 */
static NORETURN void exception_give(struct cpu *cpu, struct vcpu *vcpu, unsigned vector,
                                    uint32_t error, uint64_t address)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool has_error = EXCEPTIONS_WITH_ERROR >> vector & 1;

    if (vcpu->more[MORE_CONTROLS] >> vector & 1)
        vcpu_exit(cpu, vcpu, EXIT_EXCEPTION,
                  vector | (has_error ? EXCEPTION_HAS_ERROR | (uint64_t)error << 32 : 0), address);
    if (vector == VECTOR_DB) {
        vcpu->more[MORE_DEBUG] |= vmcb->dr6 & (DR6_BS | DR6_POINTS);
        vcpu->flags |= SVM_DEBUG;
    } else {
        vmcb->event = EVENT_VALID | EVENT_EXCEPTION | vector |
                      (has_error ? EVENT_ERROR | (uint64_t)error << 32 : 0);
    }
    if (vector == VECTOR_PF) {
        vmcb->cr2 = address;
        vmcb->clean = 0;
    }
    interrupts_take();
    vcpu_continue(cpu, vcpu);
}

static NORETURN void exception(struct cpu *cpu, struct vcpu *vcpu, unsigned vector)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vector == VECTOR_MC)
        stop("cpu %u: machine check in a guest", cpu->index);
    exception_give(cpu, vcpu, vector, (uint32_t)vmcb->exit_info1,
                   vector == VECTOR_PF ? vmcb->exit_info2 : 0);
}

static uint64_t general_register(const struct vmcb *vmcb)
{
    return svm.has & SVM_DECODE ? vmcb->exit_info1 & REGISTER : EXIT_REGISTER_UNKNOWN;
}

static NORETURN void cr_written(struct cpu *cpu, struct vcpu *vcpu, uint64_t number)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);

    if (svm.has & SVM_DECODE && !(vmcb->exit_info1 & CR_MOV))
        vcpu_exit(cpu, vcpu, EXIT_CR, number | CR_LMSW << 8 | EXIT_REGISTER_UNKNOWN << 16,
                  UINT64_MAX);
    vcpu_exit(cpu, vcpu, EXIT_CR, number | CR_WRITE << 8 | general_register(vmcb) << 16, 0);
}

static NORETURN void nested_page_fault(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t info = vmcb->exit_info1, access = EXIT_GPA_READ;

    if (info & NPF_EXECUTE)
        access = EXIT_GPA_EXECUTE;
    else if (info & NPF_WRITE)
        access = EXIT_GPA_WRITE;
    if (svm.has & SVM_DECODE) {
        uint8_t bytes = vmcb->instruction_bytes & 15;
        vcpu->page->instruction_bytes = bytes;
        __builtin_memcpy(vcpu->page->instruction, vmcb->instruction, sizeof(vmcb->instruction));
    }
    vcpu_exit(cpu, vcpu, EXIT_GPA,
              access | (info & NPF_PRESENT ? EXIT_GPA_MAPPED : 0) |
                  (info & NPF_WALK ? EXIT_GPA_WALK : 0),
              vmcb->exit_info2);
}

/* EXITINFO1: bit 0 IN, 2 string, 3 REP, 6:4 bytes, 31:16 port (APM 2, 15.10.2). */
static NORETURN void io(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t info = vmcb->exit_info1;

    vcpu->page->instruction_length = (uint8_t)(vmcb->exit_info2 - vmcb->rip);
    vcpu_exit(cpu, vcpu, EXIT_IO,
              (info >> 16 & EXIT_IO_PORT) | (info >> 4 << EXIT_IO_SIZE_SHIFT & EXIT_IO_SIZE) |
                  (info << 19 & EXIT_IO_IN) | (info >> 2 << 20 & (EXIT_IO_STRING | EXIT_IO_REP)),
              0);
}

static NORETURN void task_switch(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t info = vmcb->exit_info2, source = TASK_CALL;

    if (info & TASK_IS_IRET)
        source = TASK_IRET;
    else if (info & TASK_IS_JUMP)
        source = TASK_JUMP;
    else if (vmcb->interrupted & EVENT_VALID)
        source = TASK_GATE;
    vcpu_exit(cpu, vcpu, EXIT_TASK_SWITCH,
              (vmcb->exit_info1 & 0xffff) | source << 16 |
                  (info & TASK_HAS_CODE ? TASK_HAS_ERROR | info << 32 : 0),
              0);
}

/*
 * What it was to forget the CPU may have kept. QEMU's TCG saves what it had not yet replaced by the
 * guest's state: if that is the kernel's, nobody is to see it.
 */
static NORETURN void refused(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    guest->forget(NULL);
    vmcb->clean = 0;
    if (vmcb->gdtr.base == (uint64_t)cpu->gdt) {
        svm_reset(vcpu);
        vcpu_exit_own(cpu, vcpu, EXIT_FAILED, FAILURE_STATE, 0);
    }
    vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_STATE, 0);
}

static __attribute__((noinline)) NORETURN void interrupt_window(struct cpu *cpu, struct vcpu *vcpu)
{
    vcpu->flags &= ~SVM_INTERRUPT;
    svm_intercept(vcpu);
    vcpu_exit(cpu, vcpu, EXIT_INTERRUPT_WINDOW, 0, 0);
}

/* Exits of registers and exceptions, and what is none. */
static __attribute__((noinline)) NORETURN void ranges(struct cpu *cpu, struct vcpu *vcpu,
                                                      uint32_t code)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t number = code & 15;

    if (code >= SVM_EXCEPTION && code < SVM_EXCEPTION + 32)
        exception(cpu, vcpu, code - SVM_EXCEPTION);
    if (code >= SVM_DR_READ && code < SVM_EXCEPTION)
        vcpu_exit(cpu, vcpu, EXIT_DR,
                  number | (code < SVM_DR_WRITE ? DR_IS_READ : 0) | general_register(vmcb) << 16,
                  0);
    if (code == SVM_INVALID)
        refused(cpu, vcpu);
    vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_EXIT, vmcb->exit_code);
}

/*
 * A CPU that tells instruction lengths also tells RDTSC from RDTSCP and INVD from WBINVD; QEMU's
 * TCG does not.
 */
static __attribute__((noinline)) NORETURN void decode(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);

    switch ((uint32_t)vmcb->exit_code) {
    case SVM_INTR:
        interrupts_take();
        vcpu_continue(cpu, vcpu);
    case SVM_NMI: /* the host took these when GIF became 1 */
    case SVM_SMI:
    case SVM_INIT:
    case SVM_STEPPED:
        vcpu_continue(cpu, vcpu);
    case SVM_VINTR:
        interrupt_window(cpu, vcpu);
    case SVM_CR0:
        cr_written(cpu, vcpu, 0);
    case SVM_CR_WRITE + 4:
        cr_written(cpu, vcpu, 4);
    case SVM_CR_WRITE + 8:
        vcpu->flags |= SVM_STEP_CR8;
        vcpu_continue(cpu, vcpu);
    case SVM_STEPPED_CR8:
        if (vmcb->tpr < vcpu->more[MORE_THRESHOLD])
            vcpu_exit(cpu, vcpu, EXIT_TPR, 0, 0);
        vcpu_continue(cpu, vcpu);
    case SVM_RDTSC:
        vcpu_exit(cpu, vcpu, EXIT_TSC, svm.has & SVM_NEXT_RIP ? 1 : 3, 0);
    case SVM_RDPMC:
        vcpu_exit(cpu, vcpu, EXIT_PMC, 0, 0);
    case SVM_CPUID:
        vcpu_exit(cpu, vcpu, EXIT_CPUID, 0, 0);
    case SVM_IRET:
        vcpu->flags |= SVM_STEP_IRET;
        vcpu_continue(cpu, vcpu);
    case SVM_INVD:
        vcpu_exit(cpu, vcpu, EXIT_CACHE, 1, 0);
    case SVM_WBINVD:
        vcpu_exit(cpu, vcpu, EXIT_CACHE, svm.has & SVM_NEXT_RIP ? 2 : 3, 0);
    case SVM_PAUSE:
        vcpu_exit(cpu, vcpu, EXIT_PAUSE, 0, 0);
    case SVM_HLT:
        vcpu_exit(cpu, vcpu, EXIT_HLT, 0, 0);
    case SVM_INVLPG:
        vcpu_exit(cpu, vcpu, EXIT_INVLPG, 0, svm.has & SVM_DECODE ? vmcb->exit_info1 : 0);
    case SVM_IO:
        io(cpu, vcpu);
    case SVM_MSR:
        vcpu_exit(cpu, vcpu, EXIT_MSR,
                  (uint32_t)vcpu->ec.regs.rcx | (vmcb->exit_info1 ? EXIT_MSR_WRITE : 0), 0);
    case SVM_TASK:
        task_switch(cpu, vcpu);
    case SVM_SHUTDOWN:
        vcpu->page->interrupted = (struct vcpu_event){0}; /* of the fault that nobody takes */
        vcpu_exit(cpu, vcpu, EXIT_TRIPLE_FAULT, 0, 0);
    case SVM_VMMCALL:
        vcpu_exit(cpu, vcpu, EXIT_HYPERCALL, 0, 0);
    case SVM_RSM:
    case SVM_INVLPGA:
    case SVM_VMRUN:
    case SVM_VMLOAD:
    case SVM_VMSAVE:
    case SVM_STGI:
    case SVM_CLGI:
    case SVM_SKINIT:
    case SVM_RDTSCP:
    case SVM_RDPRU:
        exception_give(cpu, vcpu, VECTOR_UD, 0, 0);
    case SVM_MONITOR:
        vcpu_exit(cpu, vcpu, EXIT_MWAIT, 1, 0);
    case SVM_MWAIT:
        vcpu_exit(cpu, vcpu, EXIT_MWAIT, 2, 0);
    case SVM_XSETBV:
        vcpu_exit(cpu, vcpu, EXIT_XSETBV, 0, 0);
    case SVM_NPF:
        nested_page_fault(cpu, vcpu);
    default:
        ranges(cpu, vcpu, (uint32_t)vmcb->exit_code);
    }
}

/*
 * The event whose delivery was interrupted, to the page. An instruction's exception has a type of
 * its own there. An NMI that was not delivered blocks none.
 */
static void interrupted_show(struct vcpu *vcpu)
{
    uint64_t event = svm_vmcb(vcpu)->interrupted;
    uint32_t vector = event & EVENT_VECTOR, type = event & EVENT_TYPE;

    if (type == EVENT_EXCEPTION && (vector == VECTOR_BP || vector == VECTOR_OF))
        event = (event & ~(uint64_t)EVENT_TYPE) | EVENT_INT3;
    vcpu->page->interrupted = (struct vcpu_event){(uint32_t)event, (uint32_t)(event >> 32)};
    if (type == EVENT_NMI) {
        vcpu->flags &= ~SVM_NMI_BLOCKED;
        svm_intercept(vcpu);
    }
}

/* software_begin (svm.c) is undone if the event was not delivered. */
static void special_end(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool delivered = !(vmcb->interrupted & EVENT_VALID) && (uint32_t)vmcb->exit_code != SVM_INVALID;

    if (vcpu->flags & SVM_SOFTWARE && !delivered && !(svm.has & SVM_NEXT_RIP) &&
        vmcb->rip == vcpu->more[MORE_NEXT])
        vmcb->rip -= vcpu->more[MORE_LENGTH];
    vcpu->flags &= ~SVM_SOFTWARE;
    if (vcpu->flags & SVM_STEPPING)
        svm_step_end(vcpu);
}

/* XSETBV may have changed it without an exit. */
static inline void xcr0_leave(struct vcpu *vcpu)
{
    vcpu->own.xcr0 = __builtin_ia32_xgetbv(0);
    if (vcpu->own.xcr0 != svm.xcr0)
        svm_xcr0_write(svm.xcr0);
}

/* To the page, what comes with every exit. */
static inline __attribute__((always_inline)) void exit_show(struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;

    page->rip = vmcb->rip;
    page->rflags = vmcb->rflags;
    page->rsp = vmcb->rsp;
    page->instruction_length = vmcb->next_rip ? (uint8_t)(vmcb->next_rip - vmcb->rip) & 15 : 0;
    page->instruction_bytes = 0;
    page->interrupted = (struct vcpu_event){0};
}

static __attribute__((noinline)) NORETURN void exited_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    special_end(vcpu);
    exit_show(vcpu);
    if (svm_vmcb(vcpu)->interrupted & EVENT_VALID)
        interrupted_show(vcpu);
    decode(cpu, vcpu);
}

void svm_exited(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vmcb->event = 0;
    vmcb->tlb_control = 0;
    vmcb->clean = CLEAN_ALL;
    vcpu->ec.regs.rax = vcpu->page->rax = vmcb->rax;
    if (vmcb->cr4 & CR4_OSXSAVE)
        xcr0_leave(vcpu);
    if (vcpu->flags & SVM_AT_EXIT || vmcb->interrupted & EVENT_VALID)
        exited_specially(cpu, vcpu);
    exit_show(vcpu);
    decode(cpu, vcpu);
}
