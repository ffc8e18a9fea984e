/*
 * Each CPU prepares itself, here at last, since nothing of it is to do twice: see prepare.h.
 *
 * What is recorded as a protection was read back from the register that enforces it, so the record
 * is what is in force, not what was asked for.
 */
#include "prepare.h"

#include <string.h>

#include "console.h"
#include "cpu_check.h"
#include "guest.h"
#include "lapic.h"
#include "ranges.h"
#include "x86.h"

#define LEAF1_ECX_PCID      (1u << 17)
#define LEAF1_ECX_X2APIC    (1u << 21)
#define LEAF7_EBX_SMEP      (1u << 7)
#define LEAF7_EBX_SMAP      (1u << 20)
#define LEAF7_ECX_UMIP      (1u << 2)
#define LEAF7_EDX_ARCH_CAPS (1u << 29)
#define EXT1_EDX_PAGE1GB    (1u << 26)

#define CR0_WP     (1ull << 16)
#define CR0_KERNEL (0x80040033ull | CR0_WP) /* PG, AM, NE, ET, MP, PE */

#define CR4_UMIP   (1ull << 11)
#define CR4_VMXE   (1ull << 13)
#define CR4_PCIDE  (1ull << 17)
#define CR4_SMEP   (1ull << 20)
#define CR4_SMAP   (1ull << 21)
#define CR4_KERNEL 0x50668ull /* OSXSAVE, FSGSBASE, OSXMMEXCPT, OSFXSR, MCE, PAE, DE */

#define EFER_NXE    (1ull << 11)
#define EFER_SVME   (1ull << 12)
#define EFER_KERNEL (0x501ull | EFER_NXE) /* LMA, LME, SCE */

#define DR7_NONE   0x400ull
#define SFMASK_ALL 0x3ffffdull /* every flag, but for the one that is always 1 */

/*
 * Memory types by page-table bits PWT and PCD: 0 write-back, 1 write-combining, 2 uncached unless
 * an MTRR says write-combining, 3 uncached; the upper half repeats them (SDM 3A, 11.12.4).
 */
#define PAT_VALUE 0x0007010600070106ull

/* What a CPU found on itself. */
static struct found {
    enum hardware_status status;
    uint32_t barriers;
    uint64_t features;
    struct handoff_guest guest;
    const char *missing; /* why it can have no guests, or NULL */
} found[BOOT_MAX_CPUS];

static struct handoff *handoff; /* which other CPUs read */
static uint32_t ready;          /* of them */
uint32_t cpus_called;           /* trampoline.S */

_Noreturn void cpu_follow(uint32_t index);
_Noreturn void kernel_enter(uint64_t entry, struct handoff *handoff, uint32_t index);

static void registers_set(void)
{
    struct cpuid leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0);
    uint64_t cr4 = CR4_KERNEL;

    cr4 |= leaf7.ebx & LEAF7_EBX_SMEP ? CR4_SMEP : 0;
    cr4 |= leaf7.ebx & LEAF7_EBX_SMAP ? CR4_SMAP : 0;
    cr4 |= leaf7.ecx & LEAF7_ECX_UMIP ? CR4_UMIP : 0;
    cr4 |= leaf1.ecx & LEAF1_ECX_PCID ? CR4_PCIDE : 0; /* CR3's low bits are zero so far */
    cr4_write(cr4);
    msr_write(MSR_EFER, EFER_KERNEL);
    cr0_write(CR0_KERNEL);
    msr_write(MSR_PAT, PAT_VALUE);
    dr7_write(DR7_NONE);
}

/*
 * The segments, of which CS is the loader's and the same, and the way of a system call. SYSCALL
 * takes CS and SS from bits 47:32 of STAR, SYSRET from bits 63:48 (SDM 3A, 5.8.8).
 */
static void descriptors_load(uint32_t index)
{
    uint64_t area = CPU_AREAS + (uint64_t)index * CPU_AREA_SIZE;

    __asm__ volatile("lgdt (%0); lldt %w1; ltr %w2"
                     :
                     : "r"(area + CPU_GDT_POINTER), "r"(0), "r"(TSS_SELECTOR)
                     : "memory");
    __asm__ volatile("mov %w0, %%ss; mov %w1, %%ds; mov %w1, %%es; mov %w1, %%fs; mov %w1, %%gs"
                     :
                     : "r"(KERNEL_SS), "r"(0)
                     : "memory");
    msr_write(MSR_STAR, (uint64_t)(USER_SS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
    msr_write(MSR_LSTAR, area + CPU_ENTRY);
    msr_write(MSR_SFMASK, SFMASK_ALL);
    msr_write(MSR_SYSENTER_CS, 0); /* SYSENTER is then #GP (SDM 2B) */
}

/* All components that the CPU has are on, and in their initial state. */
static void vectors_set(void)
{
    static const struct {
        uint8_t legacy[24];
        uint32_t mxcsr;
        uint8_t rest[548]; /* the header among it: nothing is in use */
    } initial __attribute__((aligned(64))) = {.mxcsr = 0x1f80};
    uint32_t all = cpuid(0xd, 0).eax; /* none of the upper components is for programs */

    __asm__ volatile("xsetbv" : : "c"(0), "a"(all), "d"(0));
    __asm__ volatile("fninit; xrstor %0" : : "m"(initial), "a"(all), "d"(0));
}

/* What a CPU with VMX may be asked depends on what it answered before (SDM 3D, appendix A). */
static void vmx_read(struct guest_facts *facts)
{
    const uint64_t secondary = 1ull << 63, ept_or_vpid = 1ull << 33 | 1ull << 37;
    uint64_t *can = facts->vmx;

    for (unsigned i = 0; i < VMX_PROC2; i++)
        can[i] = msr_read(MSR_VMX + i);
    if (can[2] & secondary)
        can[VMX_PROC2] = msr_read(MSR_VMX + VMX_PROC2);
    if (can[VMX_PROC2] & ept_or_vpid)
        can[VMX_EPT] = msr_read(MSR_VMX + VMX_EPT);
    for (unsigned i = VMX_PIN; can[VMX_BASIC] & VMX_BASIC_TRUE && i <= VMX_ENTRY; i++)
        can[i] = msr_read(MSR_VMX + i);
}

static void guest_facts_read(struct guest_facts *facts)
{
    *facts = (struct guest_facts){.leaf1 = cpuid(1, 0),
                                  .leaf7 = cpuid(7, 0),
                                  .ext1 = cpuid(0x80000001, 0),
                                  .ext8 = cpuid(0x80000008, 0),
                                  .tsc_hz = handoff->tsc_hz};
    for (uint32_t i = 0; i < XSAVE_COMPONENTS; i++)
        facts->xsave[i] = cpuid(0xd, i);
    if (facts->leaf7.edx & LEAF7_EDX_ARCH_CAPS)
        facts->arch_caps = msr_read(MSR_ARCH_CAPS);
    if (facts->ext1.ecx & EXT1_ECX_SVM) {
        facts->svm = cpuid(0x8000000a, 0);
        facts->vm_cr = msr_read(MSR_VM_CR);
    } else if (facts->leaf1.ecx & LEAF1_ECX_VMX) {
        /* Firmware may have left the choice to us, or have made it. */
        if (!(msr_read(MSR_FEATURE_CONTROL) & FEATURE_CONTROL_LOCKED))
            msr_write(MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
        facts->feature_control = msr_read(MSR_FEATURE_CONTROL);
        vmx_read(facts);
    }
}

static bool vmxon(uint64_t region)
{
    bool failed;

    __asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    return !failed;
}

/* Switches VMX or SVM on. CR0 as it is meets what VMX asks for (SDM 3C, 23.8). */
static const char *guest_start(const struct handoff_guest *guest, uint64_t frame)
{
    if (guest->limits.kind == GUEST_SVM) {
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME);
        msr_write(MSR_VM_HSAVE_PA, frame);
        return NULL;
    }
    *(uint32_t *)frame = guest->vmx.revision;
    cr4_write(cr4_read() | CR4_VMXE | guest->vmx.cr4_set);
    return vmxon(frame) ? NULL : "what VMXON wants";
}

static enum hardware_status lapic_set(uint32_t index)
{
    if (handoff->x2apic)
        lapic_set_x2apic();
    if (lapic_id() != handoff->apic_id[index])
        return HARDWARE_APIC_ID_DIFFERS;
    lapic_prepare(!handoff->timer_ratio);
    return HARDWARE_OK;
}

static uint64_t features_read(void)
{
    uint64_t cr4 = cr4_read();

    return (msr_read(MSR_EFER) & EFER_NXE ? CPU_FEATURE_NX : 0) |
           (cr0_read() & CR0_WP ? CPU_FEATURE_WP : 0) | (cr4 & CR4_SMEP ? CPU_FEATURE_SMEP : 0) |
           (cr4 & CR4_SMAP ? CPU_FEATURE_SMAP : 0) | (cr4 & CR4_UMIP ? CPU_FEATURE_UMIP : 0) |
           (lapic_is_x2apic() ? CPU_FEATURE_X2APIC : 0) |
           (handoff->timer_ratio ? 0 : CPU_FEATURE_TSC_DEADLINE);
}

static void cpu_prepare(uint32_t index)
{
    struct found *own = &found[index];
    struct cpu_facts vectors = {.xsave_ecx = cpuid(0xd, 0).ecx, .xsave1_eax = cpuid(0xd, 1).eax};
    struct guest_facts facts;

    own->status = vectors_judge(&vectors);
    if (own->status == HARDWARE_OK)
        own->status = lapic_set(index);
    if (own->status != HARDWARE_OK)
        return;
    registers_set();
    descriptors_load(index);
    vectors_set();
    guest_facts_read(&facts);
    own->barriers = guest_barriers(&facts);
    own->missing = guest_choose(&facts, &own->guest);
    if (!own->missing)
        own->missing =
            guest_start(&own->guest, handoff->cpu_frames + index * HANDOFF_CPU_FRAMES * PAGE_SIZE);
    own->features = features_read();
}

_Noreturn void cpu_follow(uint32_t index)
{
    uint64_t entry;

    cpu_prepare(index);
    __atomic_add_fetch(&ready, 1, __ATOMIC_ACQ_REL);
    while (!(entry = __atomic_load_n(&handoff->ap_entry, __ATOMIC_ACQUIRE)))
        cpu_pause();
    kernel_enter(entry, handoff, index);
}

/* There are guests only if all CPUs can have the same. */
static void guests_agree(void)
{
    const char *missing = NULL;

    for (uint32_t i = 0; i < handoff->cpus && !missing; i++) {
        missing = found[i].missing;
        if (!missing && memcmp(&found[i].guest, &found[0].guest, sizeof(found[0].guest)) != 0)
            missing = "what another one has";
    }
    if (missing)
        console_line("no virtual machines: CPU lacks %s", missing);
    else
        handoff->guest = found[0].guest;
}

enum hardware_status hardware_prepare_cpus(const struct hardware *hw, struct handoff *to,
                                           struct boot_cpu *table)
{
    static const char *const kinds[] = {
        [GUEST_NONE] = "nothing", [GUEST_VMX] = "VMX", [GUEST_SVM] = "SVM"};
    uint64_t start = tsc_read();

    handoff = to;
    handoff->x2apic = (cpuid(1, 0).ecx & LEAF1_ECX_X2APIC) != 0;
    handoff->space_levels = cpuid(0x80000001, 0).edx & EXT1_EDX_PAGE1GB ? 3 : 2;
    __atomic_store_n(&cpus_called, 1, __ATOMIC_RELEASE);
    cpu_prepare(0);
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != hw->cpus - 1) {
        if (tsc_read() - start > hw->tsc_hz)
            return HARDWARE_CPU_SILENT;
        cpu_pause();
    }
    for (uint32_t i = 0; i < hw->cpus; i++) {
        if (found[i].status != HARDWARE_OK)
            return found[i].status;
        table[i].features = found[i].features;
        handoff->barriers[i] = found[i].barriers;
    }
    guests_agree();
    console_line("%s build: guests by %s, timer by %s, %s, DMA not confined",
                 CAIRN_DEBUG ? "debug" : "release", kinds[handoff->guest.limits.kind],
                 handoff->timer_ratio ? "LAPIC count" : "TSC deadline",
                 handoff->x2apic ? "x2APIC" : "xAPIC");
    return HARDWARE_OK;
}
