/*
 * What guests can have, on CPUs that lack one thing or another; and how the controls of a VMCS are
 * chosen, for each answer that a CPU can give of a bit.
 */
#include "guest.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

/* Of a bit: it must be 1, it may be. A CPU that demands a bit allows it. */
static uint64_t capability(uint32_t set, uint32_t allowed)
{
    return (uint64_t)(allowed | set) << 32 | set;
}

static void test_needed(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0, 0x5), 0x5, 0, 0, &result) && result == 0x5, "what is needed is on");
    ok(!vmx_choose(capability(0, 0x4), 0x5, 0, 0, &result), "one that cannot be had is told");
    ok(!vmx_choose(capability(0, 0), 1u << 31, 0, 0, &result), "the highest one, too");
}

static void test_wished(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0, 0x7), 0x1, 0x2, 0, &result) && result == 0x3,
       "what is wished is on where it can be, and nothing else");
    ok(vmx_choose(capability(0, 0x5), 0x1, 0x2, 0, &result) && result == 0x1,
       "and off where it cannot");
}

static void test_demanded(void)
{
    uint32_t result = 0;

    ok(vmx_choose(capability(0xf0, 0), 0, 0, 0, &result) && result == 0xf0,
       "what the CPU demands is on, known or not");
    ok(!vmx_choose(capability(0x10, 0), 0, 0, 0x10, &result), "unless it must not be");
    ok(vmx_choose(capability(0, 0x10), 0, 0, 0x10, &result) && !result,
       "what must not be, but can, is off");
    ok(!vmx_choose(capability(0x10, 0), 0x10, 0, 0x10, &result) &&
           vmx_choose(capability(0, 0x10), 0x10, 0, 0x10, &result) && result == 0x10,
       "what is needed and must not stay on is a bit that can be switched");
}

/* All bits may be 1, none must be but those of the first controls, as CPUs have them. */
static struct guest_facts with_vmx(void)
{
    struct guest_facts facts = {.leaf1 = {.ecx = 1u << 5},
                                .xsave = {{.eax = 0x2e7, .ecx = 2696}, [2] = {256, 576, 0, 0}},
                                .feature_control = 5,
                                .tsc_hz = 4096ull << 20};

    for (unsigned i = VMX_PROC2; i < VMX_MSRS; i++)
        facts.vmx[i] = 0xffffffffull << 32;
    facts.vmx[VMX_EPT] = UINT64_MAX;
    facts.vmx[VMX_BASIC] = VMX_BASIC_TRUE | 1ull << 31 | 0x12;
    facts.vmx[VMX_MISC] = 5;
    facts.vmx[VMX_CR0_SET] = 0x80000021;
    facts.vmx[VMX_CR4_SET] = 0x2000;
    facts.vmx[VMX_CR4_MAY] = 0x3727ff;
    return facts;
}

static struct guest_facts with_svm(void)
{
    struct guest_facts facts = with_vmx();

    facts.ext1.ecx = 1u << 2;
    facts.ext8.eax = 0x3030;
    facts.svm = (struct cpuid){.ebx = 16, .edx = 0x9};
    facts.leaf1.edx = 1u << 1 | 1u << 6;
    facts.leaf7.ebx = 1u << 20;
    return facts;
}

static const char *missing_of(const struct guest_facts *facts)
{
    struct handoff_guest guest = {0};
    const char *missing = guest_choose(facts, &guest);

    return missing ? missing : "nothing";
}

static void test_vmx(void)
{
    struct guest_facts facts = with_vmx();
    struct handoff_guest guest = {0};

    ok(!guest_choose(&facts, &guest), "VMX with all that is needed");
    is_u64(guest.limits.kind, GUEST_VMX, "  it is VMX");
    is_u64(guest.limits.features,
           GUEST_XSETBV | GUEST_LENGTH | GUEST_PAUSE | GUEST_DIRTY | GUEST_LARGE | GUEST_TSC_RATIO,
           "  with these features");
    is_u64(guest.limits.cr4, 0x3707ff, "  CR4 is what the CPU allows, but for VMXE");
    is_u64(guest.limits.efer, 0xd01, "  EFER has no SVME");
    is_u64(guest.vmx.cr0_set, 0x20, "  PE and PG are the guest's own");
    is_u64(guest.vmx.revision, 0x12 | 0u, "  the revision without the bit above it");
    is_u64(guest.vmx.preemption, 1u << 15, "  a quarter of a millisecond");
    is_u64(guest.vmx.ept, 0x5e, "  dirty bits are on");
    ok(!(guest.vmx.proc & (1u << 12 | 1u << 30)), "  what the kernel sets later is off");

    facts.feature_control = 1;
    is_str(missing_of(&facts), "VMX, which the firmware has switched off", "locked off");
    facts = with_vmx();
    facts.vmx[VMX_BASIC] = 0x12;
    is_str(missing_of(&facts), "processor controls", "no true controls");
    facts = with_vmx();
    facts.vmx[VMX_PROC] &= ~(1ull << 63);
    is_str(missing_of(&facts), "processor controls", "no secondary controls");
    facts = with_vmx();
    facts.vmx[VMX_PROC2] &= ~(2ull << 32);
    is_str(missing_of(&facts), "EPT or VPID", "no EPT");
    facts = with_vmx();
    facts.vmx[VMX_PROC2] &= ~(1ull << 39);
    is_str(missing_of(&facts), "unrestricted guests", "no unrestricted guests");
    facts = with_vmx();
    facts.vmx[VMX_EPT] &= ~(1ull << 20);
    is_str(missing_of(&facts), "a format or an invalidation of EPT", "no INVEPT");
    facts = with_vmx();
    facts.vmx[VMX_PIN] &= ~(1ull << 37);
    is_str(missing_of(&facts), "virtual NMIs", "no virtual NMIs");
    facts = with_vmx();
    facts.vmx[VMX_ENTRY] &= ~(1ull << 47);
    is_str(missing_of(&facts), "switching of PAT or EFER", "no EFER at the entry");
}

static void test_svm(void)
{
    struct guest_facts facts = with_svm();
    struct handoff_guest guest = {0};

    ok(!guest_choose(&facts, &guest), "SVM with all that is needed, where VMX is, too");
    is_u64(guest.limits.kind, GUEST_SVM, "  it is SVM");
    is_u64(guest.limits.features, GUEST_XSETBV | GUEST_LENGTH | GUEST_PAUSE | GUEST_DIRTY,
           "  with these features");
    is_u64(guest.limits.cr4, 1u << 0 | 1u << 1 | 1u << 5 | 1u << 8 | 1u << 21,
           "  CR4 is by features");
    is_u64(guest.limits.tags, 16, "  ASIDs");
    is_u64(guest.svm.forget, 1, "  everything is forgotten");
    is_u64(guest.svm.cr3_fixed, UINT64_MAX << 48, "  bits of CR3 that there are not");

    facts.svm.edx |= 1u << 6;
    (void)guest_choose(&facts, &guest);
    is_u64(guest.svm.forget, 3, "  or what is one guest's, where that can be");

    facts.vm_cr = 1u << 4;
    is_str(missing_of(&facts), "SVM, which the firmware has switched off", "switched off");
    facts = with_svm();
    facts.svm.edx &= ~1u;
    is_str(missing_of(&facts), "nested paging", "no nested paging");
    facts = with_svm();
    facts.svm.ebx = 1;
    is_str(missing_of(&facts), "address-space identifiers", "no ASID but the host's");
    facts = (struct guest_facts){0};
    is_str(missing_of(&facts), "SVM and VMX", "neither");
}

static void test_image(void)
{
    struct guest_facts facts = with_svm();
    struct handoff_guest guest = {0};

    facts.xsave[0].eax = 0x3ff;
    facts.xsave[6] = (struct cpuid){512, 3000, 0, 0};
    (void)guest_choose(&facts, &guest);
    is_u64(guest.xcr0, 0x3ff, "the kernel has all components");
    is_u64(guest.limits.xcr0, 0x2a7, "guests no bounds registers, and none that does not fit");
    is_u64(guest.xsave.components, 0x2a7, "  nor has the image");
    is_u64(guest.limits.image, 832, "  whose size is that of the last one");
    ok(guest.xsave.component[2].offset == 576 && guest.xsave.component[2].bytes == 256 &&
           !guest.xsave.component[6].bytes,
       "  each has its place");
}

static void test_barriers(void)
{
    struct guest_facts facts = with_vmx();

    is_u64(guest_barriers(&facts), 0, "what a CPU does not enumerate is not done");
    facts.leaf7.edx = 1u << 26 | 1u << 10 | 1u << 28;
    is_u64(guest_barriers(&facts), BARRIER_BRANCHES | BARRIER_BUFFERS | BARRIER_L1D,
           "a CPU that leaks needs all");
    facts.arch_caps = 1u << 0 | 1u << 5 | 1u << 8;
    is_u64(guest_barriers(&facts), BARRIER_BRANCHES, "one that is immune does not");
    facts.arch_caps |= 1u << 28;
    is_u64(guest_barriers(&facts), BARRIER_BRANCHES | BARRIER_BUFFERS, "unless for its registers");
    facts.arch_caps = 1u << 3;
    is_u64(guest_barriers(&facts), BARRIER_BRANCHES | BARRIER_BUFFERS,
           "or its hypervisor says that it does it");
    facts = with_svm();
    facts.leaf7.edx = 1u << 28;
    facts.ext8.ebx = 1u << 12;
    is_u64(guest_barriers(&facts), BARRIER_BRANCHES, "SVM: the predictions only");
}

int main(void)
{
    test_needed();
    test_wished();
    test_demanded();
    test_vmx();
    test_svm();
    test_image();
    test_barriers();
    return done_testing();
}
