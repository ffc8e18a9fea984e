/*
 * What an exit was (APM 2, 15.7 to 15.14 and appendix C).
 */
#include "stop.h"
#include "svm.h"

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
static NORETURN void exception(struct cpu *cpu, struct vcpu *vcpu, unsigned vector)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool has_error = guest_has_error(vector);
    uint64_t error = has_error ? vmcb->exit_info1 << 32 : 0;
    uint64_t address = vector == VECTOR_PF ? vmcb->exit_info2 : 0;

    if (vector == VECTOR_MC)
        stop("cpu %u: machine check in a guest", cpu->index);
    if (vcpu->more[MORE_CONTROLS] >> vector & 1)
        vcpu_exit(cpu, vcpu, EXIT_EXCEPTION, vector | (has_error ? EXCEPTION_HAS_ERROR : 0) | error,
                  address);
    if (vector == VECTOR_DB) {
        vcpu->more[MORE_DEBUG] |= vmcb->dr6 & (DR6_BS | DR6_POINTS);
        vcpu->flags |= SVM_DEBUG;
    } else {
        vmcb->event =
            EVENT_VALID | EVENT_EXCEPTION | vector | (has_error ? EVENT_ERROR : 0) | error;
    }
    if (vector == VECTOR_PF) {
        vmcb->cr2 = address;
        vmcb->clean = 0;
    }
    interrupts_take();
    vcpu_continue(cpu, vcpu);
}

static uint64_t general_register(const struct vmcb *vmcb)
{
    return svm_has(SVM_DECODE) ? vmcb->exit_info1 & REGISTER : EXIT_REGISTER_UNKNOWN;
}

static NORETURN void cr_written(struct cpu *cpu, struct vcpu *vcpu, uint64_t number)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);

    if (svm_has(SVM_DECODE) && !(vmcb->exit_info1 & CR_MOV))
        vcpu_exit(cpu, vcpu, EXIT_CR, number | CR_LMSW << 8 | EXIT_REGISTER_UNKNOWN << 16,
                  UINT64_MAX);
    vcpu_exit(cpu, vcpu, EXIT_CR, number | CR_WRITE << 8 | general_register(vmcb) << 16, 0);
}

static NORETURN void nested_page_fault(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t info = vmcb->exit_info1;
    uint64_t access = info & NPF_EXECUTE ? EXIT_GPA_EXECUTE
                      : info & NPF_WRITE ? EXIT_GPA_WRITE
                                         : EXIT_GPA_READ;

    if (svm_has(SVM_DECODE)) {
        vcpu->page->instruction_bytes = vmcb->instruction_bytes & 15;
        __builtin_memcpy(vcpu->page->instruction, vmcb->instruction, sizeof(vmcb->instruction));
        __builtin_memcpy(vcpu->told.instruction, vmcb->instruction, sizeof(vmcb->instruction));
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
    if (vmcb->gdtr.base == (uint64_t)cpu_gdt(cpu))
        svm_reset(vcpu);
    vcpu_exit_own(cpu, vcpu, EXIT_FAILED, FAILURE_STATE, 0);
}

/*
 * Others than the usual ones. A CPU that tells instruction lengths also tells RDTSC from RDTSCP and
 * INVD from WBINVD; QEMU's TCG does not.
 */
static __attribute__((noinline)) NORETURN void other(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint32_t code = (uint32_t)vmcb->exit_code;

    switch (code) {
    case SVM_INTR ... SVM_INIT: /* the host took the others when GIF became 1 */
        interrupts_take();
        vcpu_continue(cpu, vcpu);
    case SVM_STEPPED:
        vcpu_continue(cpu, vcpu);
    case SVM_VINTR:
        vcpu->flags = (vcpu->flags & ~SVM_INTERRUPT) | SVM_CHANGED;
        vcpu_exit(cpu, vcpu, EXIT_INTERRUPT_WINDOW, 0, 0);
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
    case SVM_DR_READ ... SVM_DR_WRITE + 15:
        vcpu_exit(
            cpu, vcpu, EXIT_DR,
            (code & 15) | (code < SVM_DR_WRITE ? DR_IS_READ : 0) | general_register(vmcb) << 16, 0);
    case SVM_EXCEPTION ... SVM_EXCEPTION + 31:
        exception(cpu, vcpu, code - SVM_EXCEPTION);
    case SVM_RDTSC:
        vcpu_exit(cpu, vcpu, EXIT_TSC, svm_has(SVM_NEXT_RIP) ? 1 : 3, 0);
    case SVM_WBINVD:
        vcpu_exit(cpu, vcpu, EXIT_CACHE, svm_has(SVM_NEXT_RIP) ? 2 : 3, 0);
    case SVM_IRET:
        vcpu->flags |= SVM_STEP_IRET;
        vcpu_continue(cpu, vcpu);
    case SVM_INVLPG:
        vcpu_exit(cpu, vcpu, EXIT_INVLPG, 0, svm_has(SVM_DECODE) ? vmcb->exit_info1 : 0);
    case SVM_MSR:
        vcpu_exit(cpu, vcpu, EXIT_MSR,
                  (uint32_t)vcpu->told.rcx | (vmcb->exit_info1 ? EXIT_MSR_WRITE : 0), 0);
    case SVM_TASK:
        task_switch(cpu, vcpu);
    case SVM_SHUTDOWN:
        vcpu->page->interrupted = (struct vcpu_event){0}; /* of the fault that nobody takes */
        vcpu_exit(cpu, vcpu, EXIT_TRIPLE_FAULT, 0, 0);
    case SVM_RSM:
    case SVM_INVLPGA:
    case SVM_VMRUN ... SVM_RDTSCP:
    case SVM_RDPRU:
        exception(cpu, vcpu, VECTOR_UD);
    case SVM_INVALID:
        refused(cpu, vcpu);
    default:
        vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_EXIT, vmcb->exit_code);
    }
}

/* Exits of which the instruction is all there is to tell. Those of others are EXIT_STARTUP here. */
static const struct {
    uint8_t exit, qualification;
} plain[] = {
    [SVM_RDPMC - SVM_INTR] = {EXIT_PMC, 0},     [SVM_CPUID - SVM_INTR] = {EXIT_CPUID, 0},
    [SVM_INVD - SVM_INTR] = {EXIT_CACHE, 1},    [SVM_PAUSE - SVM_INTR] = {EXIT_PAUSE, 0},
    [SVM_HLT - SVM_INTR] = {EXIT_HLT, 0},       [SVM_VMMCALL - SVM_INTR] = {EXIT_HYPERCALL, 0},
    [SVM_MONITOR - SVM_INTR] = {EXIT_MWAIT, 1}, [SVM_MWAIT - SVM_INTR] = {EXIT_MWAIT, 2},
    [SVM_XSETBV - SVM_INTR] = {EXIT_XSETBV, 0},
};

static __attribute__((noinline)) NORETURN void exit_tell(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;
    uint64_t code = (uint32_t)vmcb->exit_code, n = code - SVM_INTR;

    page->rip = vmcb->rip;
    page->rflags = vmcb->rflags;
    page->rsp = vmcb->rsp;
    page->instruction_length = vmcb->next_rip ? (uint8_t)(vmcb->next_rip - vmcb->rip) & 15 : 0;
    page->instruction_bytes = 0;
    if (n < sizeof(plain) / sizeof(plain[0]) && plain[n].exit)
        vcpu_exit(cpu, vcpu, plain[n].exit, plain[n].qualification, 0);
    if (code == SVM_IO)
        io(cpu, vcpu);
    if (code == SVM_NPF)
        nested_page_fault(cpu, vcpu);
    other(cpu, vcpu);
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
    if (type == EVENT_NMI)
        vcpu->flags = (vcpu->flags & ~SVM_NMI_BLOCKED) | SVM_CHANGED;
}

/* XSETBV may have changed it without an exit. */
static inline void xcr0_leave(struct vcpu *vcpu)
{
    vcpu->own.xcr0 = __builtin_ia32_xgetbv(0);
    if (vcpu->own.xcr0 != boot_handoff.guest.xcr0)
        xcr0_write(boot_handoff.guest.xcr0);
}

static __attribute__((noinline)) NORETURN void exited_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    bool interrupted = vmcb->interrupted & EVENT_VALID;

    /* What event_begin (svm.c) did is undone if the event was not delivered. */
    if (vcpu->flags & SVM_EVENT && !svm_has(SVM_NEXT_RIP) &&
        (interrupted || (uint32_t)vmcb->exit_code == SVM_INVALID) &&
        vmcb->rip == vcpu->more[MORE_NEXT])
        vmcb->rip -= vcpu->more[MORE_LENGTH];
    vcpu->flags &= ~SVM_EVENT;
    vcpu->more[MORE_LENGTH] = 0;
    if (vcpu->flags & SVM_STEPPING)
        svm_step_end(vcpu);
    if (interrupted)
        interrupted_show(vcpu);
    exit_tell(cpu, vcpu);
}

void svm_exited(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vcpu_state *page = vcpu->page;

    vmcb->event = 0;
    vmcb->tlb_control = 0;
    vmcb->clean = CLEAN_ALL;
    page->interrupted = (struct vcpu_event){0};
    vcpu->told.rax = page->rax = vmcb->rax;
    if (vmcb->cr4 & CR4_OSXSAVE)
        xcr0_leave(vcpu);
    if (vcpu->flags & SVM_AT_EXIT || vmcb->interrupted & EVENT_VALID)
        exited_specially(cpu, vcpu);
    exit_tell(cpu, vcpu);
}
