/*
 * What an exit was (SDM 3C, chapter 27 and appendix C), as every monitor is told it; those that are
 * the kernel's affair; and what precedes an entry. The usual ways call nothing that comes back.
 */
#include "vmx.h"

#include "stop.h"

enum exit_reason {
    REASON_EXCEPTION = 0, /* or NMI */
    REASON_INTERRUPT = 1,
    REASON_TRIPLE_FAULT = 2,
    REASON_INTERRUPT_WINDOW = 7,
    REASON_NMI_WINDOW = 8,
    REASON_TASK_SWITCH = 9,
    REASON_CPUID = 10,
    REASON_GETSEC = 11,
    REASON_HLT = 12,
    REASON_INVD = 13,
    REASON_INVLPG = 14,
    REASON_RDPMC = 15,
    REASON_RDTSC = 16,
    REASON_VMCALL = 18,
    REASON_VMCLEAR = 19,
    REASON_VMXON = 27, /* and those between */
    REASON_CR = 28,
    REASON_DR = 29,
    REASON_IO = 30,
    REASON_RDMSR = 31,
    REASON_WRMSR = 32,
    REASON_BAD_STATE = 33,
    REASON_BAD_MSR = 34,
    REASON_MWAIT = 36,
    REASON_MONITOR = 39,
    REASON_PAUSE = 40,
    REASON_MACHINE_CHECK = 41,
    REASON_TPR = 43,
    REASON_GPA = 48,
    REASON_MISCONFIGURATION = 49,
    REASON_INVEPT = 50,
    REASON_PREEMPTION = 52,
    REASON_INVVPID = 53,
    REASON_WBINVD = 54,
    REASON_XSETBV = 55,
    REASON_ENCLS = 60,
};

#define REASON_FAILED (1u << 31) /* there was no entry */

/* Exits of which the instruction is all there is to tell. Those of others are EXIT_STARTUP here. */
#define REASONS 64u
static const struct {
    uint8_t exit, qualification;
} plain[REASONS] = {
    [REASON_CPUID] = {EXIT_CPUID, 0},   [REASON_HLT] = {EXIT_HLT, 0},
    [REASON_INVD] = {EXIT_CACHE, 1},    [REASON_WBINVD] = {EXIT_CACHE, 2},
    [REASON_RDPMC] = {EXIT_PMC, 0},     [REASON_RDTSC] = {EXIT_TSC, 1},
    [REASON_MONITOR] = {EXIT_MWAIT, 1}, [REASON_MWAIT] = {EXIT_MWAIT, 2},
    [REASON_PAUSE] = {EXIT_PAUSE, 0},   [REASON_VMCALL] = {EXIT_HYPERCALL, 0},
    [REASON_XSETBV] = {EXIT_XSETBV, 0},
};

/* Others that have a length (SDM 3C, 27.2.5). */
#define REASON(name) (1ull << REASON_##name)
#define REASONS_LENGTH \
    (REASON(TASK_SWITCH) | REASON(INVLPG) | REASON(CR) | REASON(DR) | REASON(RDMSR) | REASON(WRMSR))

#define EVENT_NMI_UNBLOCKED (1u << 12) /* by an IRET (27.2.3); of EPT violations the same bit */

#define EVENT_ABI (EVENT_VALID | EVENT_ERROR | EVENT_TYPE | EVENT_VECTOR) /* the bits are VMX's */

/* The exit is over: what the host has of its own in registers that the guest had. */
static inline void host_restore(struct cpu *cpu, struct vcpu *vcpu)
{
    /*
     * The exit has made limits as large as can be, so a program could take the kernel's data for
     * descriptors. That of the IDT is not: no vector is above the last. TR has lost its bitmap:
     * ports.c loads it again when it is missed.
     */
    __asm__ volatile("lgdt %0" : : "m"(vmx_cpu(cpu)->gdt));
    cpu->guest.task_short = true;
    vcpu->own.cr2 = cr2_read();
}

static inline void page_fill(struct vcpu *vcpu, uint64_t length)
{
    struct vcpu_state *page = vcpu->page;

    vmcs_read_to(VMCS_GUEST_RIP, &page->rip);
    vmcs_read_to(VMCS_GUEST_RSP, &page->rsp);
    vmcs_read_to(VMCS_GUEST_RFLAGS, &page->rflags);
    page->instruction_length = (uint8_t)length;
    page->interrupted.info = 0;
}

/* A delivery that was interrupted: all that is needed to inject it again. */
static __attribute__((noinline, cold)) uint32_t interrupted_note(struct vcpu_state *page,
                                                                 uint32_t event)
{
    page->interrupted.info = event & EVENT_ABI;
    page->interrupted.error = event & EVENT_ERROR ? (uint32_t)vmcs_read(VMCS_VECTORING_ERROR) : 0;
    if ((event & EVENT_TYPE) >= EVENT_INT)
        page->instruction_length = (uint8_t)vmcs_read(VMCS_EXIT_LENGTH);
    return event & EVENT_ABI;
}

static inline uint32_t interrupted(const struct vcpu *vcpu)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_VECTORING_EVENT);

    return event & EVENT_VALID ? interrupted_note(vcpu->page, event) : 0;
}

static void interruptibility_change(uint32_t clear, uint32_t set)
{
    vmcs_write(VMCS_INTERRUPTIBILITY, (vmcs_read(VMCS_INTERRUPTIBILITY) & ~(uint64_t)clear) | set);
}

/* The guest gets the exception, of which its monitor is not told. */
static NORETURN void inject(struct cpu *cpu, struct vcpu *vcpu, uint32_t info, uint32_t error)
{
    vmcs_write(VMCS_ENTRY_EVENT, info);
    vmcs_write(VMCS_ENTRY_ERROR, error);
    vmcs_write(VMCS_ENTRY_LENGTH, vmcs_read(VMCS_EXIT_LENGTH)); /* of those that are INT1 */
    vcpu_continue(cpu, vcpu);
}

/*
 * DR6 as the exception leaves it, which the exit does not (27.1); it is still in the CPU. The
 * delivery ends a shadow, in which an entry with TF set wants BS pending (26.3.1.5).
 */
static void debug_note(void)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION);

    dr6_write(guest_dr6((dr6_read() & ~0xfull) | (what & 0x600f)));
    interruptibility_change(INTERRUPTIBILITY_SHADOW, 0);
}

static NORETURN void exception_exit(struct cpu *cpu, struct vcpu *vcpu, uint32_t delivered)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_EXIT_EVENT), vector = event & EVENT_VECTOR;
    uint32_t error = event & EVENT_ERROR ? (uint32_t)vmcs_read(VMCS_EXIT_ERROR) : 0;
    uint64_t address = 0;

    if ((event & EVENT_TYPE) == EVENT_NMI)
        __asm__ volatile("int $2"); /* as if it had come now; it ends the run (trap.c), as does */
    if (vector == VECTOR_MC)
        __asm__ volatile("int $18");
    if (event & EVENT_NMI_UNBLOCKED && !delivered && vector != 8)
        interruptibility_change(0, SHADOW_NMI);
    if (vector == VECTOR_DB)
        debug_note();
    if ((event & EVENT_TYPE) >= EVENT_INT)
        vcpu->page->instruction_length = (uint8_t)vmcs_read(VMCS_EXIT_LENGTH);
    if (!((uint32_t)vcpu->more[MORE_CONTROLS] >> vector & 1)) {
        interrupts_take(); /* the guest may do nothing else any more (EXCEPTIONS_ALWAYS) */
        inject(cpu, vcpu, event & EVENT_ABI, error);
    }
    if (vector == VECTOR_PF)
        address = vmcs_read(VMCS_QUALIFICATION);
    vcpu_exit(cpu, vcpu, EXIT_EXCEPTION,
              vector | (event & EVENT_ERROR ? 1u << 8 : 0) | (uint64_t)error << 32, address);
}

/* SDM 3C, table 27-3. */
static NORETURN void cr_exit(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION), access = what >> 4 & 3;
    uint64_t general =
        access == CR_WRITE || access == CR_READ ? what >> 8 & 15 : EXIT_REGISTER_UNKNOWN;

    vcpu_exit(cpu, vcpu, EXIT_CR, (what & 15) | access << 8 | general << 16,
              access == CR_LMSW ? what >> 16 & 0xffff : 0);
}

/* Table 27-4. */
static NORETURN void dr_exit(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION);

    vcpu_exit(cpu, vcpu, EXIT_DR, (what & 7) | (what >> 4 & 1) << 8 | (what >> 8 & 15) << 16, 0);
}

/* Table 27-5: size less one, then the direction, string and REP as EXIT_IO_* have them. */
static __attribute__((noinline)) NORETURN void io_exit(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION);

    page_fill(vcpu, vmcs_read(VMCS_EXIT_LENGTH));
    vcpu_exit(cpu, vcpu, EXIT_IO,
              (what >> 16 & EXIT_IO_PORT) | ((what & 7) + 1) << EXIT_IO_SIZE_SHIFT |
                  (what & 0x38) << 16,
              0);
}

_Static_assert(EXIT_IO_IN == 1u << (3 + 16) && EXIT_IO_REP == 1u << (5 + 16), "as VMX has them");

/* Table 27-7. */
static __attribute__((noinline)) NORETURN void gpa_exit(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION);
    bool linear = what >> 7 & 1, translated = what >> 8 & 1;

    page_fill(vcpu, 0);
    if (!interrupted(vcpu) && what & EVENT_NMI_UNBLOCKED)
        interruptibility_change(0, SHADOW_NMI);
    vcpu_exit(cpu, vcpu, EXIT_GPA,
              (what & (EXIT_GPA_READ | EXIT_GPA_WRITE | EXIT_GPA_EXECUTE)) |
                  (what & 0x38 ? EXIT_GPA_MAPPED : 0) | (linear && !translated ? EXIT_GPA_WALK : 0),
              vmcs_read(VMCS_GUEST_PHYSICAL));
}

/* Table 27-2. */
static NORETURN void task_exit(struct cpu *cpu, struct vcpu *vcpu, uint32_t delivered)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION);
    uint64_t result = (what & 0xffff) | (what >> 30 & 3) << 16;

    if (what >> 30 == TASK_GATE && (delivered & EVENT_TYPE) < EVENT_INT)
        vcpu->page->instruction_length = 0; /* no instruction did it */
    if (delivered & EVENT_ERROR)
        result |= 1ull << 31 | (uint64_t)vcpu->page->interrupted.error << 32;
    vcpu_exit(cpu, vcpu, EXIT_TASK_SWITCH, result, 0);
}

static NORETURN void window_exit(struct cpu *cpu, struct vcpu *vcpu, enum vcpu_exit reason,
                                 uint64_t window)
{
    vcpu->more[MORE_WINDOWS] &= ~window;
    vmx_proc_update(cpu, vcpu);
    vcpu_exit(cpu, vcpu, reason, 0, 0);
}

/* The entry has failed in the guest's state (26.7). */
static NORETURN void failed_exit(struct cpu *cpu, struct vcpu *vcpu, uint32_t reason)
{
    if (reason == REASON_MACHINE_CHECK)
        __asm__ volatile("int $18");
    vmx_clear(cpu, vcpu);
    vcpu_exit(cpu, vcpu, EXIT_FAILED, reason == REASON_BAD_MSR ? FAILURE_MSR : FAILURE_STATE,
              vmcs_read(VMCS_QUALIFICATION));
}

/* Others than the usual ones. */
static __attribute__((noinline, cold)) NORETURN void other_exit(struct cpu *cpu, struct vcpu *vcpu,
                                                                uint32_t reason)
{
    bool length = reason < REASONS && REASONS_LENGTH >> reason & 1;

    if (reason == REASON_INTERRUPT || reason == REASON_PREEMPTION) {
        /* Bochs 2.7 takes no interrupt in a guest that it enters with IF clear: this bounds it. */
        interrupts_take();
        vcpu_continue(cpu, vcpu);
    }
    page_fill(vcpu, length ? vmcs_read(VMCS_EXIT_LENGTH) : 0);
    switch (reason) {
    case REASON_EXCEPTION:
        exception_exit(cpu, vcpu, interrupted(vcpu));
    case REASON_INTERRUPT_WINDOW:
        window_exit(cpu, vcpu, EXIT_INTERRUPT_WINDOW, WINDOW_INTERRUPT);
    case REASON_NMI_WINDOW:
        window_exit(cpu, vcpu, EXIT_NMI_WINDOW, WINDOW_NMI);
    case REASON_TASK_SWITCH:
        task_exit(cpu, vcpu, interrupted(vcpu));
    case REASON_TRIPLE_FAULT:
        vcpu_exit(cpu, vcpu, EXIT_TRIPLE_FAULT, 0, 0);
    case REASON_TPR:
        vcpu_exit(cpu, vcpu, EXIT_TPR, 0, 0);
    case REASON_INVLPG:
        vcpu_exit(cpu, vcpu, EXIT_INVLPG, 0, vmcs_read(VMCS_QUALIFICATION));
    case REASON_CR:
        cr_exit(cpu, vcpu);
    case REASON_DR:
        dr_exit(cpu, vcpu);
    case REASON_RDMSR:
    case REASON_WRMSR:
        vcpu_exit(cpu, vcpu, EXIT_MSR,
                  (uint32_t)vcpu->ec.regs.rcx | (reason == REASON_WRMSR ? EXIT_MSR_WRITE : 0), 0);
    case REASON_GETSEC:
    case REASON_VMCLEAR ... REASON_VMXON:
    case REASON_INVEPT:
    case REASON_INVVPID:
    case REASON_ENCLS:
        inject(cpu, vcpu, EVENT_VALID | EVENT_EXCEPTION | VECTOR_UD, 0);
    case REASON_MISCONFIGURATION:
        stop("cpu %u: EPT entry for 0x%lx", cpu->index, vmcs_read(VMCS_GUEST_PHYSICAL));
    default:
        if (reason & REASON_FAILED)
            failed_exit(cpu, vcpu, reason & 0xffff);
        vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_EXIT, reason);
    }
}

static __attribute__((noinline, cold)) NORETURN void refused(struct cpu *cpu, struct vcpu *vcpu)
{
    uint64_t error = vmcs_read(VMCS_INSTRUCTION_ERROR);

    vcpu->flags &= ~VMX_REFUSED;
    page_fill(vcpu, 0);
    vmx_clear(cpu, vcpu);
    vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_CONTROL, error);
}

void vmx_exited(struct cpu *cpu, struct vcpu *vcpu)
{
    uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);

    host_restore(cpu, vcpu);
    if (vcpu->flags & VMX_XCR0)
        xcr0_write(vmx_cpu(cpu)->xcr0);
    if (vcpu->flags & VMX_REFUSED)
        refused(cpu, vcpu);
    if (reason == REASON_IO)
        io_exit(cpu, vcpu);
    if (reason == REASON_GPA)
        gpa_exit(cpu, vcpu);
    if (reason >= REASONS || !plain[reason].exit)
        other_exit(cpu, vcpu, reason);
    page_fill(vcpu, vmcs_read(VMCS_EXIT_LENGTH));
    vcpu_exit(cpu, vcpu, plain[reason].exit, plain[reason].qualification, 0);
}

/* The first time, or there is more to do. */
static __attribute__((noinline)) NORETURN void enter_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    if (vcpu->flags & VMX_XCR0)
        xcr0_write(vcpu->own.xcr0);
    if (vcpu->flags & VMX_TPR) {
        /* One above CR8 is refused (26.2.1.1): then it takes a further fall to be an exit. */
        uint64_t cr8 = *vmx_tpr(vcpu) >> 4, threshold = vcpu->more[MORE_THRESHOLD];
        vmcs_write(VMCS_TPR_THRESHOLD, threshold < cr8 ? threshold : cr8);
    }
    if (vcpu->flags & VMX_LAUNCHED)
        vmx_resume(cpu, vcpu->page);
    vcpu->flags |= VMX_LAUNCHED;
    vmx_launch(cpu, vcpu->page);
}

static inline __attribute__((always_inline)) NORETURN void enter_loaded(struct cpu *cpu,
                                                                        struct vcpu *vcpu)
{
    uint64_t cr3 = cr3_read();

    if (cr3 != vcpu->more[MORE_HOST_CR3]) {
        vcpu->more[MORE_HOST_CR3] = cr3;
        vmcs_write(VMCS_HOST_CR3, cr3);
    }
    if (vcpu->tag.id != vcpu->more[MORE_VPID]) {
        vcpu->more[MORE_VPID] = vcpu->tag.id;
        vmcs_write(VMCS_VPID, vcpu->tag.id);
    }
    if (vcpu->own.cr2 != cr2_read())
        cr2_write(vcpu->own.cr2);
    if (vcpu->flags != (VMX_FILLED | VMX_LAUNCHED))
        enter_specially(cpu, vcpu);
    vmx_resume(cpu, vcpu->page);
}

static __attribute__((noinline)) NORETURN void enter_slowly(struct cpu *cpu, struct vcpu *vcpu)
{
    vmx_load(cpu, vcpu);
    enter_loaded(cpu, vcpu);
}

void vmx_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->guest.loaded != vcpu)
        enter_slowly(cpu, vcpu);
    enter_loaded(cpu, vcpu);
}
