/* What CPUID tells guests, on hosts that are written down here. */
#include "cpuid.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "vmm_cpuid_hosts.h"

static const struct leaf *host_leaves;
static uint32_t host_count;

static void host(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 16);
    for (uint32_t i = 0; i < host_count; i++)
        if (host_leaves[i].leaf == leaf && host_leaves[i].subleaf == subleaf)
            memcpy(out, host_leaves[i].word, 16);
}

/* Claims all features; the rest is the Skylake's. */
static void host_ones(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    if (leaf == 1 || (leaf == 7 && subleaf < 2) || (leaf == 0xd && subleaf == 1) ||
        leaf == 0x80000001 || leaf == 0x80000007 || leaf == 0x80000008 || leaf == 0x80000021)
        memset(out, 0xff, 16);
    else
        host(leaf, subleaf, out);
}

/* The same machine, seen by another one of its CPUs. */
static void host_elsewhere(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    host(leaf, subleaf, out);
    if (leaf == 1) {
        out[EBX] ^= 0x2a000000;
        out[ECX] ^= BIT(27);
    }
    if (leaf == 0xb || leaf == 0x1f)
        out[EDX] ^= 0x2a;
    if (leaf == 0xd && subleaf < 2)
        out[EBX] = 832;
}

static struct cpuid_view view;
static uint32_t out[4];

static void machine_set(const struct leaf *leaves, uint32_t count)
{
    host_leaves = leaves;
    host_count = count;
    view = (struct cpuid_view){
        .host = host,
        .limits = {.kind = GUEST_VMX, .cr4 = 0x370fff, .xcr0 = 0x2e7},
        .tsc_hz = 2700000000,
        .vcpus = 1,
        .xcr0 = 1,
        .apic_enabled = true,
    };
}

#define machine_is(leaves) machine_set(leaves, sizeof(leaves) / sizeof((leaves)[0]))

static const uint32_t *ask(uint32_t leaf, uint32_t subleaf)
{
    memset(out, 0xcc, sizeof(out));
    cpuid(&view, leaf, subleaf, out);
    return out;
}

static void is_leaf(uint32_t leaf, uint32_t subleaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    ask(leaf, subleaf);
    if (!ok(out[EAX] == a && out[EBX] == b && out[ECX] == c && out[EDX] == d, "leaf 0x%x.%u", leaf,
            subleaf))
        printf("#  got %08x %08x %08x %08x\n# want %08x %08x %08x %08x\n", out[0], out[1], out[2],
               out[3], a, b, c, d);
}

static void test_skylake(void)
{
    machine_is(skylake);
    is_leaf(0, 0, 0x16, INTEL);
    is_leaf(1, 0, 0x00050654, 0x00000800, 0xf7f83203, 0x0f8bfbff);
    is_leaf(2, 0, 0x76036301, 0x00f0b5ff, 0, 0x00c30000);
    is_leaf(3, 0, 0, 0, 0, 0);
    is_leaf(4, 0, 0x121, 0x01c0003f, 0x3f, 0);
    is_leaf(4, 3, 0x163, 0x0280003f, 0x7fff, 4);
    is_leaf(4, 4, 0, 0, 0, 0);
    is_leaf(5, 0, 0, 0, 0, 0);
    is_leaf(6, 0, 4, 0, 0, 0);
    is_leaf(7, 0, 0, 0xd19f23eb, 0, 0x400);
    is_leaf(7, 1, 0, 0, 0, 0);
    is_leaf(0xa, 0, 0, 0, 0, 0);
    is_leaf(0xb, 0, 0, 1, 0x100, 0);
    is_leaf(0xb, 1, 0, 1, 0x201, 0);
    is_leaf(0xb, 2, 0, 0, 2, 0);
    is_leaf(0x14, 0, 0, 0, 0, 0);
    is_leaf(0x15, 0, 10, 27, 1000000000, 0);
    is_leaf(0x16, 0, 2700, 2700, 100, 0);
    is_leaf(0x17, 0, 0, 0, 0, 0);
    is_leaf(0x3fffffff, 0, 0, 0, 0, 0);
    is_leaf(0x80000000, 0, 0x80000008, 0, 0, 0);
    is_leaf(0x80000001, 0, 0, 0, 0x121, 0x24100800);
    is_leaf(0x80000002, 0, 0x65746e49, 1, 2, 3);
    is_leaf(0x80000006, 0, 0, 0, 0x01006040, 0);
    is_leaf(0x80000007, 0, 0, 0, 0, 0x100);
    is_leaf(0x80000008, 0, 0x302e, 0, 0, 0);
    is_leaf(0x8000001e, 0, 0, 0, 0, 0);
    is_leaf(0xc0000000, 0, 0, 0, 0, 0);
}

static void test_qemu(void)
{
    machine_is(qemu);
    view.limits.kind = GUEST_SVM;
    view.limits.xcr0 = 0x207;
    is_leaf(0, 0, 0xd, AMD);
    is_leaf(1, 0, 0x00060fb1, 0x00000800, 0xf7f83203, 0x0f8bfbff);
    is_leaf(4, 0, 0, 0, 0, 0);
    is_leaf(7, 0, 1, 0x219c03ab, 0x00000604, 0x10);
    is_leaf(7, 1, 0x1c00, 0, 0, 0);
    is_leaf(7, 2, 0, 0, 0, 0);
    is_leaf(0x15, 0, 0, 0, 0, 0);
    is_leaf(0x80000000, 0, 0x8000001f, AMD);
    is_leaf(0x80000001, 0, 0x00060fb1, 0, 0x000001e1, 0xe5d3fbff);
    is_leaf(0x80000005, 0, 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140);
    is_leaf(0x80000007, 0, 0, 0, 0, 0x100);
    is_leaf(0x80000008, 0, 0x3028, 5, 0, 0);
    is_leaf(0x8000000a, 0, 0, 0, 0, 0);
    is_leaf(0x80000019, 0, 0xf040f040, 1, 2, 3);
    is_leaf(0x8000001a, 0, 7, 1, 2, 3);
    is_leaf(0x8000001b, 0, 0, 0, 0, 0);
    is_leaf(0x8000001f, 0, 0, 0, 0, 0);
    view.apic_enabled = false;
    ok(!(ask(1, 0)[EDX] & BIT(9)) && !(ask(0x80000001, 0)[EDX] & BIT(9)),
       "without the APIC its bit is off, both times");
    view.vcpus = 6;
    view.apic_id = 5;
    ok(ask(0x80000001, 0)[ECX] & BIT(1), "several VCPUs: cores, no threads");
    is_leaf(0x80000008, 0, 0x3028, 5, 0x3005, 0);
    is_leaf(0x8000001e, 0, 5, 5, 0, 0);
}

/* Bits that a guest must not see even if the host has all that there are. */
static void test_hidden(void)
{
    static const struct {
        uint32_t leaf, subleaf, word, bits;
        const char *what;
    } hidden[] = {
        {1, 0, ECX, BIT(2) | BIT(3) | BIT(4), "DTES64, MONITOR, DS-CPL"},
        {1, 0, ECX, BIT(5) | BIT(6) | BIT(7) | BIT(8), "VMX, SMX, EST, TM2"},
        {1, 0, ECX, BIT(11) | BIT(15) | BIT(17) | BIT(18), "SDBG, PDCM, PCID, DCA"},
        {1, 0, EDX, BIT(18) | BIT(21) | BIT(22) | BIT(29) | BIT(31), "PSN, DS, ACPI, TM, PBE"},
        {7, 0, EBX, BIT(2) | BIT(4) | BIT(10) | BIT(11) | BIT(12), "SGX, HLE, INVPCID, RTM, RDT-M"},
        {7, 0, EBX, BIT(14) | BIT(15) | BIT(22) | BIT(25), "MPX, RDT-A, reserved, PT"},
        {7, 0, ECX, BIT(5) | BIT(7) | BIT(13) | BIT(22) | BIT(23), "WAITPKG, CET, TME, RDPID, KL"},
        {7, 0, ECX, BIT(24) | BIT(29) | BIT(30) | BIT(31), "bus lock, ENQCMD, SGX_LC, PKS"},
        {7, 0, EDX, BIT(20) | BIT(22) | BIT(24) | BIT(25), "IBT, AMX"},
        {7, 0, EDX, BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30) | BIT(31), "speculation MSRs"},
        {7, 0, EDX, BIT(5) | BIT(15) | BIT(18) | BIT(19) | BIT(23), "UINTR, hybrid, PCONFIG, LBR"},
        {7, 1, EAX, BIT(17) | BIT(21) | BIT(22) | BIT(26), "FRED, AMX-FP16, HRESET, LAM"},
        {0xd, 1, EAX, BIT(3) | BIT(4), "XSAVES, XFD"},
        {0xd, 1, ECX, UINT32_MAX, "supervisor states"},
        {0x80000001, 0, ECX, BIT(2) | BIT(3) | BIT(9) | BIT(10), "SVM, EXTAPIC, OSVW, IBS"},
        {0x80000001, 0, ECX, BIT(12) | BIT(13) | BIT(15) | BIT(19), "SKINIT, WDT, LWP, NODEID"},
        {0x80000001, 0, ECX, BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) | BIT(29),
         "counters, breakpoint extensions, MWAITX"},
        {0x80000001, 0, EDX, BIT(25) | BIT(27), "FFXSR, RDTSCP"},
        {0x80000007, 0, EDX, ~BIT(8), "power management"},
        {0x80000008, 0, EBX, BIT(1) | BIT(4) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(24),
         "IRPERF, RDPRU, WBNOINVD, speculation MSRs"},
        {0x80000021, 0, EAX, BIT(8) | BIT(9) | BIT(13) | BIT(17), "automatic IBRS and others"},
    };

    for (uint32_t amd = 0; amd < 2; amd++) {
        if (amd)
            machine_is(qemu);
        else
            machine_is(skylake);
        view.host = host_ones;
        view.limits.cr4 = view.limits.xcr0 = UINT64_MAX;
        for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
            ok(!(ask(hidden[i].leaf, hidden[i].subleaf)[hidden[i].word] & hidden[i].bits),
               "a guest does not see: %s", hidden[i].what);
    }
}

/* What the kernel does not let guests switch on, they do not see. */
static void test_limits(void)
{
    static const struct {
        uint32_t leaf, word, bits;
        uint64_t cr4, xcr0;
        const char *what;
    } limited[] = {
        {1, EDX, BIT(1), 1, 0, "VME"},
        {1, EDX, BIT(7) | BIT(14), 1 << 6, 0, "MCE, MCA"},
        {1, ECX, BIT(26), 1 << 18, 0, "XSAVE"},
        {1, ECX, BIT(12) | BIT(28) | BIT(29), 1 << 18, 6, "FMA, AVX, F16C"},
        {7, EBX, BIT(0), 1 << 16, 0, "FSGSBASE"},
        {7, EBX, BIT(5), 1 << 18, 6, "AVX2"},
        {7, EBX, BIT(7), 1 << 20, 0, "SMEP"},
        {7, EBX, BIT(20), 1 << 21, 0, "SMAP"},
        {7, EBX, BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31), 1 << 18, 0xe6,
         "AVX-512"},
        {7, ECX, BIT(2), 1 << 11, 0, "UMIP"},
        {7, ECX, BIT(3), 1 << 22, 0x200, "PKU"},
        {7, ECX, BIT(9) | BIT(10), 1 << 18, 6, "VAES, VPCLMULQDQ"},
        {7, ECX, BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14), 1 << 18, 0xe6, "more AVX-512"},
        {7, ECX, BIT(16), 1 << 12, 0, "LA57"},
        {7, EDX, BIT(8), 1 << 18, 0xe6, "VP2INTERSECT"},
        {0x80000001, ECX, BIT(11) | BIT(16), 1 << 18, 6, "XOP, FMA4"},
    };

    machine_is(skylake);
    view.host = host_ones;
    for (unsigned i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
        view.limits.cr4 = limited[i].cr4;
        view.limits.xcr0 = limited[i].xcr0 | 1;
        is_u64(ask(limited[i].leaf, 0)[limited[i].word] & limited[i].bits, limited[i].bits,
               "with what it needs: %s", limited[i].what);
        view.limits.cr4 = ~limited[i].cr4;
        view.limits.xcr0 = UINT64_MAX;
        ok(!(ask(limited[i].leaf, 0)[limited[i].word] & limited[i].bits), "without its CR4: %s",
           limited[i].what);
        view.limits.cr4 = UINT64_MAX;
        view.limits.xcr0 = ~limited[i].xcr0;
        ok(!limited[i].xcr0 || !(ask(limited[i].leaf, 0)[limited[i].word] & limited[i].bits),
           "without its XCR0: %s", limited[i].what);
    }
    view.limits.cr4 = 0;
    is_leaf(0xd, 0, 0, 0, 0, 0);
    is_leaf(0xd, 1, 0, 0, 0, 0);
    is_leaf(0xd, 2, 0, 0, 0, 0);
    view.limits.cr4 = 1 << 12;
    is_u64(ask(0x80000008, 0)[EAX] >> 8 & 0xff, 57u, "57 bits of addresses with LA57");
}

static void test_follows(void)
{
    machine_is(skylake);
    view.limits.cr4 |= 1 << 22;
    ok(!(ask(1, 0)[ECX] & BIT(27)) && !(ask(7, 0)[ECX] & BIT(4)), "OSXSAVE and OSPKE are off");
    view.cr4 = 1 << 18;
    ok(ask(1, 0)[ECX] & BIT(27), "OSXSAVE follows CR4");
    view.cr4 = 1 << 22;
    ok(ask(7, 0)[ECX] & BIT(4), "so does OSPKE");
    view.limits.cr4 = 0;
    view.cr4 = UINT64_MAX;
    ok(!(ask(1, 0)[ECX] & BIT(27)) && !(ask(7, 0)[ECX] & BIT(4)), "not without the feature");
}

static void test_xsave(void)
{
    machine_is(skylake);
    is_leaf(0xd, 0, 0x2e7, 576, 2696, 0);
    view.xcr0 = 7;
    is_leaf(0xd, 0, 0x2e7, 832, 2696, 0);
    is_leaf(0xd, 1, 7, 832, 0, 0);
    view.xcr0 = 0xe7;
    is_leaf(0xd, 0, 0x2e7, 2688, 2696, 0);
    is_leaf(0xd, 1, 7, 2432, 0, 0);
    view.xcr0 = UINT64_MAX;
    is_leaf(0xd, 0, 0x2e7, 2696, 2696, 0);
    is_leaf(0xd, 2, 256, 576, 0, 0);
    is_leaf(0xd, 3, 0, 0, 0, 0);
    is_leaf(0xd, 8, 0, 0, 0, 0);
    is_leaf(0xd, 9, 8, 2688, 0, 0);
    is_leaf(0xd, 63, 0, 0, 0, 0);
    is_leaf(0xd, UINT32_MAX, 0, 0, 0, 0);
    host_leaves = packed;
    host_count = sizeof(packed) / sizeof(packed[0]);
    is_leaf(0xd, 0, 0x2e7, 2496, 2496, 0);
    is_leaf(0xd, 1, 2, 2440, 0, 0);
    machine_is(skylake);
    view.limits.xcr0 = 7;
    view.xcr0 = UINT64_MAX;
    is_leaf(0xd, 0, 7, 832, 832, 0);
    is_leaf(0xd, 9, 0, 0, 0, 0);
}

static void test_topology(void)
{
    static const struct {
        uint32_t vcpus, bits, told;
    } cases[] = {{1, 0, 0}, {2, 1, 2}, {3, 2, 4}, {8, 3, 8}, {9, 4, 16}, {256, 8, 255}};

    machine_is(skylake);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t n = view.vcpus = cases[i].vcpus;
        uint32_t others = (1u << cases[i].bits) - 1;
        view.apic_id = n - 1;
        is_u64(ask(1, 0)[EBX], (n - 1) << 24 | cases[i].told << 16 | 0x800, "%u VCPUs", n);
        is_u64(ask(1, 0)[EDX] >> 28 & 1, n > 1, "HTT");
        is_leaf(0xb, 0, 0, 1, 0x100, n - 1);
        is_leaf(0xb, 1, cases[i].bits, n, 0x201, n - 1);
        is_u64(ask(4, 0)[EAX], 0x121 | (others > 63 ? 63 : others) << 26, "L1 is a VCPU's own");
        is_u64(ask(4, 3)[EAX] >> 14 & 0xfff, others, "L3 is shared by all");
    }
}

static void test_stable(void)
{
    bool same = true;

    machine_is(skylake);
    for (uint32_t base = 0; base <= 0x80000000; base += 0x40000000)
        for (uint32_t i = 0; i < 0x30 * 16; i++) {
            uint32_t here[4];
            view.host = host;
            memcpy(here, ask(base | i / 16, i % 16), sizeof(here));
            view.host = host_elsewhere;
            same = same && !memcmp(here, ask(base | i / 16, i % 16), sizeof(here));
        }
    ok(same, "on all CPUs of the host it is the same");
}

static void test_frequencies(void)
{
    static const uint64_t hz[] = {800000000,  1000000000, 1999999999, 2399999123, 2592003112,
                                  2893200001, 3000000000, 3696123456, 4200000000};

    machine_is(skylake);
    for (unsigned i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
        view.tsc_hz = hz[i];
        ask(0x15, 0);
        double told = (double)out[ECX] * out[EBX] / out[EAX];
        double error = told / (double)hz[i] - 1;
        ok(error < 1e-6 && error > -1e-6, "a TSC of %.6f MHz is told as %.6f", (double)hz[i] / 1e6,
           told / 1e6);
        ok((uint64_t)(out[ECX] / 1000) * out[EBX] <= UINT32_MAX,
           "in numbers that can be multiplied");
        is_leaf(0x40000010, 0, (uint32_t)(hz[i] / 1000), 1000000, 0, 0);
    }
}

static void test_hypervisor(void)
{
    machine_is(skylake);
    ask(0x40000000, 0);
    is_u64(out[EAX], 0x40000010u, "the last leaf of the hypervisor");
    ok(!memcmp(&out[EBX], "KVMKVMKVM\0\0", 12), "whose signature is KVM's");
    is_leaf(0x40000001, 0, 0x0100004a, 0, 0, 0);
    is_leaf(0x40000002, 0, 0, 0, 0, 0);
    is_leaf(0x40000011, 0, 0, 0, 0, 0);
    is_leaf(0x40000100, 0, 0, 0, 0, 0);
}

int main(void)
{
    test_skylake();
    test_qemu();
    test_hidden();
    test_limits();
    test_follows();
    test_xsave();
    test_topology();
    test_stable();
    test_frequencies();
    test_hypervisor();
    return done_testing();
}
