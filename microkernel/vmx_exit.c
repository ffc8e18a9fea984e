/*
 * What an exit was (SDM 3C, chapter 27 and appendix C), as every monitor is told it; those that are
 * the kernel's affair; and what precedes an entry. The usual ways call nothing that comes back.
 */
#include "vmx.h"

#include "stop.h"

/* Those that take more than to be told. */
enum exit_reason {
    REASON_EXCEPTION = 0, /* or NMI */
    REASON_INTERRUPT = 1,
    REASON_TRIPLE_FAULT = 2,
    REASON_INTERRUPT_WINDOW = 7,
    REASON_NMI_WINDOW = 8,
    REASON_TASK_SWITCH = 9,
    REASON_INVLPG = 14,
    REASON_CR = 28,
    REASON_DR = 29,
    REASON_IO = 30,
    REASON_RDMSR = 31,
    REASON_WRMSR = 32,
    REASON_TPR = 43,
    REASON_GPA = 48,
    REASON_MISCONFIGURATION = 49,
    REASON_PREEMPTION = 52,
};

/* There was no entry, because of the guest's state, its MSRs, or a machine check (26.7). */
#define REASON_BAD_STATE     (1u << 31 | 33)
#define REASON_BAD_MSR       (1u << 31 | 34)
#define REASON_MACHINE_CHECK (1u << 31 | 41)

/* By its number, an exit of which the instruction is all there is to tell; others are EXIT_STARTUP.
 */
#define REASONS 64u
static const struct {
    uint8_t exit, qualification;
} plain[REASONS] = {
    [10] = {EXIT_CPUID, 0}, [12] = {EXIT_HLT, 0},    [13] = {EXIT_CACHE, 1},
    [15] = {EXIT_PMC, 0},   [16] = {EXIT_TSC, 1},    [18] = {EXIT_HYPERCALL, 0},
    [36] = {EXIT_MWAIT, 2}, [39] = {EXIT_MWAIT, 1},  [40] = {EXIT_PAUSE, 0},
    [54] = {EXIT_CACHE, 2}, [55] = {EXIT_XSETBV, 0},
};

/* Others that have a length (27.2.5). */
#define REASONS_LENGTH                                                                            \
    (1ull << REASON_TASK_SWITCH | 1ull << REASON_INVLPG | 1ull << REASON_CR | 1ull << REASON_DR | \
     1ull << REASON_RDMSR | 1ull << REASON_WRMSR)

/* What no guest has: GETSEC, VMCLEAR to VMXON, INVEPT, INVVPID, ENCLS. */
#define REASONS_UNDEFINED (1ull << 11 | 0x1ffull << 19 | 1ull << 50 | 1ull << 53 | 1ull << 60)

#define EVENT_NMI_UNBLOCKED (1u << 12) /* by an IRET (27.2.3); of EPT violations the same bit */

#define EVENT_ABI (EVENT_VALID | EVENT_ERROR | EVENT_TYPE | EVENT_VECTOR) /* the bits are VMX's */

/* The exit is over: what the host has of its own in registers that the guest had. */
static inline __attribute__((always_inline)) void host_restore(struct cpu *cpu, struct vcpu *vcpu)
{
    /*
     * The exit has made limits as large as can be, so a program could take the kernel's data for
     * descriptors. That of the IDT is not: no vector is above the last. TR has lost its bitmap:
     * ports.c loads it again when it is missed.
     */
    __asm__ volatile("lgdt %0" : : "m"(*((const char *)cpu_gdt(cpu) + GDT_SIZE)));
    cpu->guest.task_short = true;
    vcpu->own.cr2 = cr2_read();
    if (vcpu->flags & VMX_XCR0)
        xcr0_write(boot_handoff.guest.xcr0);
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
static uint32_t interrupted(struct vcpu_state *page)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_VECTORING_EVENT) & EVENT_ABI;

    if (!(event & EVENT_VALID))
        return 0;
    page->interrupted.info = event;
    page->interrupted.error = event & EVENT_ERROR ? (uint32_t)vmcs_read(VMCS_VECTORING_ERROR) : 0;
    if ((event & EVENT_TYPE) >= EVENT_INT)
        page->instruction_length = (uint8_t)vmcs_read(VMCS_EXIT_LENGTH);
    return event;
}

/* The guest gets the exception, of which its monitor is not told. */
static NORETURN void inject(struct cpu *cpu, struct vcpu *vcpu, uint32_t info, uint32_t error)
{
    vmcs_write(VMCS_ENTRY_EVENT, info);
    vmcs_write(VMCS_ENTRY_ERROR, error);
    vmcs_write(VMCS_ENTRY_LENGTH,
               (info & EVENT_TYPE) < EVENT_INT ? 0 : vmcs_read(VMCS_EXIT_LENGTH));
    vcpu_continue(cpu, vcpu);
}

static NORETURN void exception_exit(struct cpu *cpu, struct vcpu *vcpu, uint64_t what)
{
    uint32_t event = (uint32_t)vmcs_read(VMCS_EXIT_EVENT), vector = event & EVENT_VECTOR;
    uint32_t error = event & EVENT_ERROR ? (uint32_t)vmcs_read(VMCS_EXIT_ERROR) : 0;

    if ((event & EVENT_TYPE) == EVENT_NMI)
        __asm__ volatile("int $2"); /* as if it had come now; it ends the run (trap.c), as does */
    if (vector == VECTOR_MC)
        __asm__ volatile("int $18");
    if (!interrupted(vcpu->page) && event & EVENT_NMI_UNBLOCKED && vector != 8)
        vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) | SHADOW_NMI);
    if (vector == VECTOR_DB) {
        /*
         * DR6 as the exception leaves it, which the exit does not (27.1); it is still in the CPU.
         * The delivery ends a shadow, in which an entry with TF set wants BS pending (26.3.1.5).
         */
        dr6_write(guest_dr6((dr6_read() & ~0xfull) | (what & 0x600f)));
        vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) & SHADOW_NMI);
    }
    if ((event & EVENT_TYPE) >= EVENT_INT)
        vcpu->page->instruction_length = (uint8_t)vmcs_read(VMCS_EXIT_LENGTH);
    if (!(vcpu->more[MORE_CONTROLS] >> vector & 1)) {
        interrupts_take(); /* the guest may do nothing else any more (EXCEPTIONS_ALWAYS) */
        inject(cpu, vcpu, event & EVENT_ABI, error);
    }
    vcpu_exit(cpu, vcpu, EXIT_EXCEPTION,
              vector | (event & EVENT_ERROR ? 1u << 8 : 0) | (uint64_t)error << 32,
              vector == VECTOR_PF ? what : 0);
}

/* SDM 3C, table 27-3. */
static NORETURN void cr_exit(struct cpu *cpu, struct vcpu *vcpu, uint64_t what)
{
    uint64_t access = what >> 4 & 3;
    uint64_t general =
        access == CR_WRITE || access == CR_READ ? what >> 8 & 15 : EXIT_REGISTER_UNKNOWN;

    vcpu_exit(cpu, vcpu, EXIT_CR, (what & 15) | access << 8 | general << 16,
              access == CR_LMSW ? what >> 16 & 0xffff : 0);
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
    if (!interrupted(vcpu->page) && what & EVENT_NMI_UNBLOCKED)
        vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) | SHADOW_NMI);
    vcpu_exit(cpu, vcpu, EXIT_GPA,
              (what & (EXIT_GPA_READ | EXIT_GPA_WRITE | EXIT_GPA_EXECUTE)) |
                  (what & 0x38 ? EXIT_GPA_MAPPED : 0) | (linear && !translated ? EXIT_GPA_WALK : 0),
              vmcs_read(VMCS_GUEST_PHYSICAL));
}

/* Table 27-2. */
static NORETURN void task_exit(struct cpu *cpu, struct vcpu *vcpu, uint64_t what)
{
    uint64_t result = (what & 0xffff) | (what >> 30 & 3) << 16;
    uint32_t delivered = interrupted(vcpu->page);

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
    vmx_proc_update(vcpu);
    vcpu_exit(cpu, vcpu, reason, 0, 0);
}

/* Others than the usual ones. */
static __attribute__((noinline, cold)) NORETURN void other_exit(struct cpu *cpu, struct vcpu *vcpu,
                                                                uint32_t reason)
{
    uint64_t what = vmcs_read(VMCS_QUALIFICATION), bit = reason < REASONS ? 1ull << reason : 0;

    if (reason == REASON_INTERRUPT || reason == REASON_PREEMPTION) {
        /* Bochs 2.7 takes no interrupt in a guest that it enters with IF clear: this bounds it. */
        interrupts_take();
        vcpu_continue(cpu, vcpu);
    }
    page_fill(vcpu, bit & REASONS_LENGTH ? vmcs_read(VMCS_EXIT_LENGTH) : 0);
    if (bit & REASONS_UNDEFINED)
        inject(cpu, vcpu, EVENT_VALID | EVENT_EXCEPTION | VECTOR_UD, 0);
    switch (reason) {
    case REASON_EXCEPTION:
        exception_exit(cpu, vcpu, what);
    case REASON_INTERRUPT_WINDOW:
        window_exit(cpu, vcpu, EXIT_INTERRUPT_WINDOW, WINDOW_INTERRUPT);
    case REASON_NMI_WINDOW:
        window_exit(cpu, vcpu, EXIT_NMI_WINDOW, WINDOW_NMI);
    case REASON_TASK_SWITCH:
        task_exit(cpu, vcpu, what);
    case REASON_TRIPLE_FAULT:
        vcpu_exit(cpu, vcpu, EXIT_TRIPLE_FAULT, 0, 0);
    case REASON_TPR:
        vcpu_exit(cpu, vcpu, EXIT_TPR, 0, 0);
    case REASON_INVLPG:
        vcpu_exit(cpu, vcpu, EXIT_INVLPG, 0, what);
    case REASON_CR:
        cr_exit(cpu, vcpu, what);
    case REASON_DR: /* table 27-4 */
        vcpu_exit(cpu, vcpu, EXIT_DR, (what & 7) | (what >> 4 & 1) << 8 | (what >> 8 & 15) << 16,
                  0);
    case REASON_RDMSR:
        vcpu_exit(cpu, vcpu, EXIT_MSR, (uint32_t)vcpu->told.rcx, 0);
    case REASON_WRMSR:
        vcpu_exit(cpu, vcpu, EXIT_MSR, (uint32_t)vcpu->told.rcx | EXIT_MSR_WRITE, 0);
    case REASON_MISCONFIGURATION:
        stop("cpu %u: EPT entry for 0x%lx", cpu->index, vmcs_read(VMCS_GUEST_PHYSICAL));
    case REASON_MACHINE_CHECK:
        __asm__ volatile("int $18");
        __attribute__((fallthrough));
    case REASON_BAD_STATE:
    case REASON_BAD_MSR:
        vmcs_write(VMCS_ENTRY_EVENT, 0);
        vcpu_exit(cpu, vcpu, EXIT_FAILED, reason == REASON_BAD_MSR ? FAILURE_MSR : FAILURE_STATE,
                  what);
    default:
        vcpu_exit(cpu, vcpu, EXIT_FAILED, FAILURE_EXIT, reason);
    }
}

void vmx_refused(struct cpu *cpu, struct vcpu *vcpu)
{
    host_restore(cpu, vcpu);
    vmcs_write(VMCS_ENTRY_EVENT, 0);
    vcpu_exit_own(cpu, vcpu, EXIT_FAILED, FAILURE_CONTROL, vmcs_read(VMCS_INSTRUCTION_ERROR));
}

void vmx_exited(struct cpu *cpu, struct vcpu *vcpu)
{
    uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);

    host_restore(cpu, vcpu);
    if (reason == REASON_IO)
        io_exit(cpu, vcpu);
    if (reason == REASON_GPA)
        gpa_exit(cpu, vcpu);
    if (reason >= REASONS || !plain[reason].exit)
        other_exit(cpu, vcpu, reason);
    page_fill(vcpu, vmcs_read(VMCS_EXIT_LENGTH));
    vcpu_exit(cpu, vcpu, plain[reason].exit, plain[reason].qualification, 0);
}

static __attribute__((noinline)) NORETURN void enter_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    vcpu->flags &= ~VMX_SHOWN;
    if (vcpu->flags & VMX_XCR0)
        xcr0_write(vcpu->own.xcr0);
    if (vcpu->flags & VMX_TPR) {
        /* One above CR8 is refused (26.2.1.1): then it takes a further fall to be an exit. */
        uint64_t cr8 = *vmx_tpr(vcpu) >> 4, threshold = vcpu->more[MORE_THRESHOLD];
        vmcs_write(VMCS_TPR_THRESHOLD, threshold < cr8 ? threshold : cr8);
    }
    vmx_run(cpu, vcpu->page);
}

INLINE NORETURN void enter_loaded(struct cpu *cpu, struct vcpu *vcpu)
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
    if (vcpu->flags != VMX_FILLED)
        enter_specially(cpu, vcpu);
    vmx_run(cpu, vcpu->page);
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
