/*
 * Which back end the machine has, and what guests can have with it: the same on all CPUs, or there
 * are no guests.
 */
#include "barrier.h"
#include "boot.h"
#include "guest.h"
#include "guest_msrs.h"
#include "interrupt.h"
#include "stop.h"
#include "xsave_image.h"

#define LEAF1_ECX_VMX (1u << 5)
#define EXT1_ECX_SVM  (1u << 2)

_Static_assert(INTERRUPT_FRAMES + GUEST_FRAMES <= HANDOFF_CPU_FRAMES, "what the loader gives");

const struct guest_backend *guest SEALED;
struct boot_guest guest_limits;
struct xsave_layout xsave_layout;

const struct guest_msr guest_msrs_passed[GUEST_MSRS] = {{MSR_PASS_FS_GS_BASE, MSR_FS_BASE},
                                                        {MSR_PASS_FS_GS_BASE, MSR_GS_BASE},
                                                        {MSR_PASS_SYSCALL, MSR_STAR},
                                                        {MSR_PASS_SYSCALL, MSR_LSTAR},
                                                        {MSR_PASS_SYSCALL, MSR_CSTAR},
                                                        {MSR_PASS_SYSCALL, MSR_SFMASK},
                                                        {MSR_PASS_SYSCALL, MSR_KERNEL_GS_BASE},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_CS},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_ESP},
                                                        {MSR_PASS_SYSENTER, MSR_SYSENTER_EIP},
                                                        {MSR_PASS_PAT, MSR_PAT}};

/* From CPUID leaf 0xd, whose subleaf of a component is size and offset (SDM 2A, "CPUID"). */
static struct xsave_layout layout_make(void)
{
    struct xsave_layout layout = {.components = cpuid(0xd, 0).eax & XSAVE_KNOWN,
                                  .bytes = sizeof(struct guest_image)};

    for (uint32_t n = 2; n < XSAVE_COMPONENTS; n++) {
        uint32_t bytes = cpuid(0xd, n).eax, offset = cpuid(0xd, n).ebx;
        if (!(layout.components & 1u << n))
            continue;
        if (bytes + offset > VCPU_IMAGE_BYTES) {
            layout.components &= ~(1ull << n);
            continue;
        }
        layout.component[n].offset = offset;
        layout.component[n].bytes = bytes;
        if (bytes + offset > layout.bytes)
            layout.bytes = bytes + offset;
    }
    return layout;
}

void guest_choose(void)
{
    if (cpuid(0x80000001, 0).ecx & EXT1_ECX_SVM)
        guest = &svm_backend;
    else if (cpuid(1, 0).ecx & LEAF1_ECX_VMX)
        guest = &vmx_backend;
}

void guest_start(struct cpu *cpu)
{
    struct xsave_layout layout = layout_make();
    bool vmx = guest == &vmx_backend;

    if (!guest)
        return;
    cpu->guest.frames = frame_at(boot_handoff.cpu_frames +
                                 (cpu->index * HANDOFF_CPU_FRAMES + INTERRUPT_FRAMES) * FRAME_SIZE);
    __builtin_memset((char *)cpu->guest.frames + GUEST_PORTS * FRAME_SIZE, 0xff,
                     (GUEST_FRAMES - GUEST_PORTS) * FRAME_SIZE);
    cpu->guest.barriers = barriers_needed(vmx);
    cpu->guest.limits.kind = vmx ? GUEST_VMX : GUEST_SVM;
    cpu->guest.limits.xcr0 = layout.components;
    cpu->guest.limits.image = layout.bytes;
    if (cpu->index == 0)
        xsave_layout = layout;
    cpu->guest.missing = guest->start(cpu);
}

static bool limits_equal(const struct boot_guest *a, const struct boot_guest *b)
{
    return a->kind == b->kind && a->features == b->features && a->cr0 == b->cr0 &&
           a->cr4 == b->cr4 && a->efer == b->efer && a->xcr0 == b->xcr0 && a->tags == b->tags &&
           a->image == b->image;
}

void guest_publish(void)
{
    const struct boot_guest *limits = &cpu_at(0)->guest.limits;
    const char *missing = guest ? NULL : "SVM and VMX";

    for (uint32_t i = 0; i < boot_handoff.cpus && !missing; i++) {
        const struct guest_cpu *other = &cpu_at(i)->guest;
        missing = other->missing;
        if (!missing && !limits_equal(&other->limits, limits))
            missing = "what another one has";
    }
    if (missing)
        console_print("# [kernel] no virtual machines: CPU lacks %s\n", missing);
    else
        guest_limits = *limits;
    boot_info()->guest = guest_limits;
}
