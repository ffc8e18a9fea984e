/*
 * SVM on each CPU, the life of a VMCB, and the way into the guest.
 */
#include "svm.h"

#include "guest_msrs.h"
#include "guest_tag.h"
#include "lapic.h"

#define EXT1_ECX_SVM     (1u << 2)
#define EXT1_EDX_PAGE1GB (1u << 26)

#define EFER_SVME (1ull << 12)

#define MSR_TSC_RATIO   0xc0000104u
#define MSR_VM_CR       0xc0010114u
#define MSR_VM_HSAVE_PA 0xc0010117u
#define VM_CR_SVMDIS    (1ull << 4)

/* Frames of cpu->guest.frames: host save area, host VMCB, then the permission maps. */
#define FRAME_VMCB 1u
#define FRAME_MSRS 2u

struct svm_features svm;

static void *cpu_frame(const struct cpu *cpu, unsigned n)
{
    return (char *)cpu->guest.frames + n * FRAME_SIZE;
}

/*
 * What the host has in the CPU and VMRUN leaves there. What is in its control area, which the CPU
 * does not look at, the next guest enters with.
 */
static struct vmcb *host_vmcb(const struct cpu *cpu)
{
    return cpu_frame(cpu, FRAME_VMCB);
}

/* What VMLOAD brings back after each exit: the kernel's own way in (LSTAR) among it. */
static void host_save(const struct cpu *cpu)
{
    __asm__ volatile("vmsave %%rax" : : "a"(svm_frame(host_vmcb(cpu))) : "memory");
}

/* Bits of CR4 that a CPU with a feature has, and guests with it. */
static uint64_t cr4_known(void)
{
    static const struct {
        uint8_t leaf;
        uint8_t ecx; /* otherwise EDX, of leaf 1; EBX, of leaf 7 */
        uint8_t bit;
        uint32_t cr4;
    } features[] = {
        {1, 0, 1, 1u << 0 | 1u << 1}, {1, 0, 4, 1u << 2},      {1, 0, 2, CR4_DE},
        {1, 0, 3, 1u << 4},           {1, 0, 6, CR4_PAE},      {1, 0, 7, CR4_MCE},
        {1, 0, 13, CR4_PGE},          {1, 0, 24, CR4_OSFXSR},  {1, 0, 25, CR4_OSXMMEXCPT},
        {1, 1, 17, CR4_PCIDE},        {1, 1, 26, CR4_OSXSAVE}, {7, 0, 0, CR4_FSGSBASE},
        {7, 0, 7, CR4_SMEP},          {7, 0, 20, CR4_SMAP},    {7, 1, 2, CR4_UMIP},
    };
    struct cpuid leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0);
    uint64_t known = 1u << 8; /* PCE: RDPMC exits */

    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        struct cpuid leaf = features[i].leaf == 1 ? leaf1 : leaf7;
        uint32_t word = features[i].ecx ? leaf.ecx : features[i].leaf == 1 ? leaf.edx : leaf.ebx;
        if (word >> features[i].bit & 1)
            known |= features[i].cr4;
    }
    return known;
}

static void limits_fill(struct boot_guest *limits, uint32_t asids)
{
    bool next_rip = svm.has & SVM_NEXT_RIP;

    limits->features = GUEST_DIRTY | GUEST_PAUSE | (next_rip ? GUEST_XSETBV | GUEST_LENGTH : 0) |
                       (svm.has & SVM_TSC_RATIO ? GUEST_TSC_RATIO : 0) |
                       (cpuid(0x80000001, 0).edx & EXT1_EDX_PAGE1GB ? GUEST_LARGE : 0);
    limits->cr0 = 0xe005003f; /* all that there are (APM 2, 3.1.1) */
    limits->cr4 = cr4_known();
    limits->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    limits->tags = asids;
}

static void features_find(uint32_t has)
{
    svm.has = has;
    svm.xcr0 = __builtin_ia32_xgetbv(0);
    svm.forget = has & SVM_FLUSH_ASID ? TLB_FORGET_GUEST : TLB_FORGET_ALL;
    svm.cr3_fixed = UINT64_MAX << (cpuid(0x80000008, 0).eax & 0xff);
}

static const char *start(struct cpu *cpu)
{
    struct cpuid leaf = cpuid(0x8000000a, 0);

    if (!(cpuid(0x80000001, 0).ecx & EXT1_ECX_SVM))
        return "SVM";
    if (msr_read(MSR_VM_CR) & VM_CR_SVMDIS)
        return "SVM, which the firmware has switched off";
    if (!(leaf.edx & SVM_NESTED_PAGING))
        return "nested paging";
    if (leaf.ebx < 2)
        return "address-space identifiers";
    if (cpu->index == 0)
        features_find(leaf.edx);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME);
    msr_write(MSR_VM_HSAVE_PA, svm_frame(cpu_frame(cpu, 0)));
    __builtin_memset(cpu_frame(cpu, FRAME_MSRS), 0xff, 2 * FRAME_SIZE);
    host_vmcb(cpu)->tlb_control = TLB_FORGET_ALL;
    host_save(cpu);
    guest_tags_start(&cpu->guest, leaf.ebx - 1);
    limits_fill(&cpu->guest.limits, leaf.ebx);
    return NULL;
}

static void init(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    const void *frames = cpu_at(vcpu->ec.cpu)->guest.frames;

    vmcb->io_bitmap = svm_frame(frames) + GUEST_PORTS * FRAME_SIZE;
    vmcb->msr_bitmap = svm_frame(frames) + FRAME_MSRS * FRAME_SIZE;
    vmcb->nested = 1;
    vmcb->nested_cr3 = vcpu->vm->space.cr3;
    vmcb->virtual_masking = 1;
    vmcb->virtual_priority = 15 | IGNORE_TPR;
    vcpu->more[MORE_RATIO] = 1ull << 32;
    svm_reset(vcpu);
    svm_intercept(vcpu);
}

void svm_unload(struct cpu *cpu)
{
    struct vcpu *loaded = cpu->guest.loaded;

    if (loaded && loaded->flags & SVM_PAT_HERE) {
        svm_vmcb(loaded)->pat = msr_read(MSR_PAT);
        loaded->flags &= ~SVM_PAT_HERE;
    }
    cpu->guest.loaded = NULL;
}

static void end(struct vcpu *vcpu)
{
    struct cpu *cpu = cpu_this();

    if (cpu->guest.loaded == vcpu)
        cpu->guest.loaded = NULL;
}

/* Two bits for each MSR, in ranges of 0x2000 from 0 and from 0xc0000000 on (APM 2, 15.11). */
static void msr_pass(uint8_t *map, uint32_t msr, bool pass)
{
    uint32_t n = (msr & 0x1fff) * 2 + (msr >> 31) * 0x4000;

    map[n / 8] = (uint8_t)((map[n / 8] & ~(3u << n % 8)) | (pass ? 0 : 3u << n % 8));
}

static void pass(struct cpu *cpu, uint32_t msrs)
{
    for (unsigned i = 0; i < GUEST_MSRS; i++)
        msr_pass(cpu_frame(cpu, FRAME_MSRS), guest_msrs_passed[i].msr,
                 msrs & guest_msrs_passed[i].choice);
    host_save(cpu);
}

/* A VCPU that has to forget has a new ASID then, under which the CPU knows nothing (guest_tag.h).
 */
static void forget(struct vcpu *vcpu)
{
    struct cpu *cpu = cpu_this();

    if (vcpu)
        return;
    host_vmcb(cpu)->tlb_control = TLB_FORGET_ALL;
    svm_unload(cpu); /* so that the next entry looks there */
}

/* Trap of the guest's debug registers, or a single step, that is still to be delivered. */
static void debug_raise(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->flags &= ~SVM_DEBUG;
    vmcb->dr6 |= vcpu->more[MORE_DEBUG];
    vmcb->clean = 0;
    vcpu->more[MORE_DEBUG] = 0;
    if (vcpu->more[MORE_CONTROLS] & 1u << VECTOR_DB)
        vcpu_exit_own(cpu, vcpu, EXIT_EXCEPTION, VECTOR_DB, 0);
    vmcb->event = EVENT_VALID | EVENT_EXCEPTION | VECTOR_DB;
}

/*
 * The event is an instruction's: what is pushed is the RIP after it. The CPU takes that from the
 * VMCB, or, if it knows of no next RIP, the guest must be there (APM 2, 15.20).
 */
static void software_begin(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->more[MORE_NEXT] = vmcb->rip + vcpu->more[MORE_LENGTH];
    if (svm.has & SVM_NEXT_RIP)
        vmcb->next_rip = vcpu->more[MORE_NEXT];
    else
        vmcb->rip = vcpu->more[MORE_NEXT];
}

/*
 * NMIs are open unless the guest has not returned from one. A window that waits for the end of a
 * shadow: QEMU's TCG forgets at VMRUN that there is one.
 */
static void windows_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vmcb->shadow && !(vmcb->event & EVENT_VALID)) {
        svm_step(vcpu);
    } else if (vcpu->flags & SVM_NMI_WINDOW && !(vcpu->flags & SVM_NMI_BLOCKED)) {
        if (!(vmcb->event & EVENT_VALID)) {
            vcpu->flags &= ~SVM_NMI_WINDOW;
            vcpu_exit_own(cpu, vcpu, EXIT_NMI_WINDOW, 0, 0);
        }
        cpu_interrupt(cpu->index); /* which ends the guest's turn when the event is delivered */
    }
}

/* What is seldom, in the order in which it is before the guest's next instruction. */
static void enter_specially(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vcpu->flags & SVM_REFUSED)
        vcpu_exit_own(cpu, vcpu, EXIT_FAILED, FAILURE_STATE, 0);
    if (vcpu->flags & SVM_SOFTWARE)
        software_begin(vcpu);
    if (vcpu->flags & SVM_DEBUG && !(vmcb->event & EVENT_VALID))
        debug_raise(cpu, vcpu);
    if (vmcb->event & EVENT_VALID)
        vcpu->flags &= ~SVM_STEP_OVER; /* it will exit again */
    if (vcpu->flags & SVM_STEP_OVER)
        svm_step(vcpu);
    if (vcpu->flags & SVM_WINDOWS && !(vcpu->flags & SVM_STEPPING))
        windows_enter(cpu, vcpu);
}

/*
 * What VCPUs do not share, but neither VMRUN nor VMLOAD exchanges. A CPU that has FSGSBASE, which
 * the kernel requires, but no NRIP save is QEMU's TCG, where VMRUN leaves PAT. No memory type
 * depends on it there, so the guest's stays until another VCPU enters.
 */
static void loaded_change(struct cpu *cpu, struct vcpu *vcpu)
{
    svm_unload(cpu);
    cpu->guest.loaded = vcpu;
    if (svm.has & SVM_TSC_RATIO)
        msr_write(MSR_TSC_RATIO, vcpu->more[MORE_RATIO]);
    if (!(svm.has & SVM_NEXT_RIP)) {
        msr_write(MSR_PAT, svm_vmcb(vcpu)->pat);
        vcpu->flags |= SVM_PAT_HERE;
    }
}

static inline NORETURN void run(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vmcb->cr4 & CR4_OSXSAVE && vcpu->own.xcr0 != svm.xcr0)
        svm_xcr0_write(vcpu->own.xcr0);
    svm_run(cpu, vcpu->page, svm_frame(vmcb), svm_frame(host_vmcb(cpu)));
}

static __attribute__((noinline)) NORETURN void enter_slowly(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu), *host = host_vmcb(cpu);

    if (vcpu->flags & SVM_AT_ENTRY)
        enter_specially(cpu, vcpu);
    if (cpu->guest.loaded != vcpu)
        loaded_change(cpu, vcpu);
    if (vmcb->asid != vcpu->tag.id || host->tlb_control) {
        vmcb->asid = vcpu->tag.id;
        vmcb->clean = 0;
        vmcb->tlb_control = host->tlb_control;
        host->tlb_control = 0;
    }
    run(cpu, vcpu);
}

static NORETURN void enter(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vmcb->rax = GUEST_READ(vcpu->page->rax);
    if (cpu->guest.loaded != vcpu || vmcb->asid != vcpu->tag.id || vcpu->flags & SVM_AT_ENTRY)
        enter_slowly(cpu, vcpu);
    run(cpu, vcpu);
}

const struct guest_backend svm_backend = {
    .name = "SVM",
    .start = start,
    .init = init,
    .end = end,
    .get = svm_get,
    .set = svm_set,
    .enter = enter,
    .pass = pass,
    .forget = forget,
};
