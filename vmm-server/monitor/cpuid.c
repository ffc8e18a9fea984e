#include "cpuid.h"

#include <stddef.h>
#include <string.h>

enum { EAX, EBX, ECX, EDX };

#define BIT(n) (1u << (n))

#define VENDOR_AMD 0x68747541u /* EBX of leaf 0: "Auth" */

#define BASIC_INTEL    0x16u /* the leaves that we make need this one */
#define BASIC_MAX      0x1fu
#define BASIC_MAX_AMD  0xdu
#define HYPERVISOR_MAX 0x40000010u
#define EXTENDED       0x80000000u
#define EXTENDED_MAX   0x80000021u
#define EXTENDED_INTEL 0x80000008u

/* Leaf 1. */
#define ECX_AVX        (BIT(12) | BIT(28) | BIT(29)) /* FMA, AVX, F16C */
#define ECX_XSAVE      BIT(26)
#define ECX_OSXSAVE    BIT(27)
#define ECX_ALWAYS     (BIT(21) | BIT(24) | BIT(31)) /* x2APIC, TSC deadline, hypervisor */
#define EDX_VME        BIT(1)
#define EDX_MACHINE    (BIT(7) | BIT(14)) /* MCE, MCA */
#define EDX_APIC       BIT(9)
#define EDX_ALWAYS     (BIT(12) | BIT(16)) /* MTRR, PAT */
#define EDX_HTT        BIT(28)
#define EDX_AMD_DOUBLE 0x0183f3ffu /* told in leaf 0x80000001 again */

/* Leaf 7. */
#define EBX_TSC_ADJUST BIT(1)
#define EBX_AVX512 \
    (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31)) /* F, DQ, IFMA, CD, BW, VL */
#define ECX_PKU    BIT(3)
#define ECX_OSPKE  BIT(4)
#define ECX_AVX512 (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14)) /* VBMI.. VPOPCNTDQ */
#define ECX_LA57   BIT(16)

#define CR4_OSXSAVE (1ull << 18)
#define CR4_PKE     (1ull << 22)
#define XCR0_AVX    6ull
#define XCR0_AVX512 0xe6ull
#define XCR0_PKRU   (1ull << 9)

/*
 * The host's bits that a guest can have: what needs no MSR or control register that it has not.
 * Not among them, though CPUs have them: MONITOR, DTES64, VMX, SVM, SMX, EST, PCID, DCA, PDCM, DS,
 * ACPI, thermal monitors, TSX, MPX, INVPCID, RDTSCP, RDPID, PT, SGX, CET, WAITPKG, AMX, all of
 * speculation control, FFXSR, OSVW, IBS, performance counters, MWAITX, SEV.
 */
static const struct known {
    uint32_t leaf, subleaf, allowed[4];
} knowns[] = {
    {1, 0, {UINT32_MAX, 0x0000ff00, 0x76d83203, 0x0f8ae9ff}},
    {7, 0, {0, 0xf1bf23e9, 0x1a015f4f, 0x00004510}},
    {7, 1, {0x1c30, 0, 0, 0}},
    {0xd, 1, {7, 0, 0, 0}},
    {0x80000001, 0, {UINT32_MAX, UINT32_MAX, 0x006109e1, 0xe4500800}},
    {0x80000008, 0, {0xff, 0x24000005, 0, 0}},
    {0x80000021, 0, {0x45, 0, 0, 0}},
};

/* What needs a bit of CR4 or components of XCR0 that guests may not have on this machine. */
static const struct need {
    uint32_t leaf, subleaf, word, bits;
    uint8_t cr4; /* number of a bit */
    uint64_t xcr0;
} needs[] = {
    {1, 0, EDX, EDX_VME, 0, 0},
    {1, 0, EDX, EDX_MACHINE, 6, 0},
    {1, 0, ECX, ECX_XSAVE, 18, 0},
    {1, 0, ECX, ECX_AVX, 18, XCR0_AVX},
    {7, 0, EBX, BIT(0) /* FSGSBASE */, 16, 0},
    {7, 0, EBX, BIT(5) /* AVX2 */, 18, XCR0_AVX},
    {7, 0, EBX, BIT(7) /* SMEP */, 20, 0},
    {7, 0, EBX, BIT(20) /* SMAP */, 21, 0},
    {7, 0, EBX, EBX_AVX512, 18, XCR0_AVX512},
    {7, 0, ECX, BIT(2) /* UMIP */, 11, 0},
    {7, 0, ECX, ECX_PKU, 22, XCR0_PKRU},
    {7, 0, ECX, BIT(9) | BIT(10) /* VAES, VPCLMULQDQ */, 18, XCR0_AVX},
    {7, 0, ECX, ECX_AVX512, 18, XCR0_AVX512},
    {7, 0, ECX, ECX_LA57, 12, 0},
    {7, 0, EDX, BIT(8) /* VP2INTERSECT */, 18, XCR0_AVX512},
    {7, 1, EAX, BIT(4) /* AVX-VNNI */, 18, XCR0_AVX},
    {7, 1, EAX, BIT(5) /* AVX512-BF16 */, 18, XCR0_AVX512},
    {0xd, 1, EAX, 7, 18, 0},
    {0x80000001, 0, ECX, BIT(11) | BIT(16) /* XOP, FMA4 */, 18, XCR0_AVX},
};

/* The host's leaf, without what is not known; all of it is 0 if the leaf is not known. */
static void filter(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const struct boot_guest *limits = &view->limits;

    for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
        if (knowns[i].leaf != leaf || knowns[i].subleaf != subleaf)
            continue;
        view->host(leaf, subleaf, out);
        for (uint32_t n = 0; n < 4; n++)
            out[n] &= knowns[i].allowed[n];
    }
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const struct need *need = &needs[i];
        if (need->leaf == leaf && need->subleaf == subleaf &&
            (!(limits->cr4 >> need->cr4 & 1) || (limits->xcr0 & need->xcr0) != need->xcr0))
            out[need->word] &= ~need->bits;
    }
}

static bool is_amd(const struct cpuid_view *view)
{
    uint32_t out[4];

    view->host(0, 0, out);
    return out[EBX] == VENDOR_AMD;
}

/* Bits of an APIC id that tell the package's VCPUs from each other. */
static uint32_t id_bits(const struct cpuid_view *view)
{
    uint32_t bits = 0;

    while (1u << bits < view->vcpus)
        bits++;
    return bits;
}

static void basic_maximum(const struct cpuid_view *view, uint32_t out[4])
{
    bool amd;

    view->host(0, 0, out);
    amd = out[EBX] == VENDOR_AMD;
    if (out[EAX] > (amd ? BASIC_MAX_AMD : BASIC_MAX))
        out[EAX] = amd ? BASIC_MAX_AMD : BASIC_MAX;
    if (!amd && out[EAX] < BASIC_INTEL)
        out[EAX] = BASIC_INTEL;
}

static void features(const struct cpuid_view *view, uint32_t out[4])
{
    uint32_t ids = 1u << id_bits(view);

    filter(view, 1, 0, out);
    out[EBX] |= view->apic_id << 24 | (view->vcpus > 1 ? (ids > 255 ? 255 : ids) << 16 : 0);
    out[ECX] |= ECX_ALWAYS;
    if (out[ECX] & ECX_XSAVE && view->cr4 & CR4_OSXSAVE)
        out[ECX] |= ECX_OSXSAVE;
    out[EDX] |= EDX_ALWAYS | (view->apic_enabled ? EDX_APIC : 0) | (view->vcpus > 1 ? EDX_HTT : 0);
}

static void more_features(const struct cpuid_view *view, uint32_t subleaf, uint32_t out[4])
{
    uint32_t host[4];

    filter(view, 7, subleaf, out);
    if (subleaf)
        return;
    view->host(7, 0, host);
    out[EAX] = host[EAX] ? 1 : 0;
    out[EBX] |= EBX_TSC_ADJUST;
    if (out[ECX] & ECX_PKU && view->cr4 & CR4_PKE)
        out[ECX] |= ECX_OSPKE;
}

/* Leaves 4 and 0x8000001d: a VCPU shares no cache but the last ones. */
static void caches(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    uint32_t others = (1u << id_bits(view)) - 1;

    view->host(leaf, subleaf, out);
    if (!(out[EAX] & 0x1f)) {
        memset(out, 0, 4 * sizeof(out[0]));
        return;
    }
    bool shared = (out[EAX] >> 5 & 7) >= 3;
    out[EAX] = (out[EAX] & 0x3fff) | (shared ? others << 14 : 0) |
               (leaf == 4 ? (others > 63 ? 63 : others) << 26 : 0);
}

/* Leaves 0xb and 0x1f: each VCPU is a core with one thread. */
static void topology(const struct cpuid_view *view, uint32_t subleaf, uint32_t out[4])
{
    out[ECX] = subleaf & 0xff;
    out[EDX] = view->apic_id;
    if (subleaf > 1)
        return;
    out[EAX] = subleaf ? id_bits(view) : 0;
    out[EBX] = subleaf ? view->vcpus : 1;
    out[ECX] |= (subleaf + 1) << 8; /* SMT, core */
}

/* Bytes of the area for these components (SDM 1, 13.4.2 and 13.4.3). */
static uint32_t xsave_bytes(const struct cpuid_view *view, uint64_t components, bool compact)
{
    uint32_t bytes = 576;

    for (uint32_t n = 2; n < 63 && components >> n; n++) {
        uint32_t host[4];
        if (!(components >> n & 1))
            continue;
        view->host(0xd, n, host);
        if (compact)
            bytes = (host[ECX] & 2 ? (bytes + 63) & ~63u : bytes) + host[EAX];
        else if (host[EAX] + host[EBX] > bytes)
            bytes = host[EAX] + host[EBX];
    }
    return bytes;
}

static void xsave(const struct cpuid_view *view, uint32_t subleaf, uint32_t out[4])
{
    uint64_t all = view->limits.xcr0;
    uint64_t now = (view->xcr0 & all) | 1;

    if (!(view->limits.cr4 & CR4_OSXSAVE))
        return;
    if (subleaf == 0) {
        out[EAX] = (uint32_t)all;
        out[EBX] = xsave_bytes(view, now, false);
        out[ECX] = xsave_bytes(view, all, false);
        out[EDX] = (uint32_t)(all >> 32);
    } else if (subleaf == 1) {
        filter(view, 0xd, 1, out);
        if (out[EAX] & BIT(1))
            out[EBX] = xsave_bytes(view, now, true);
    } else if (subleaf < 63 && all >> subleaf & 1) {
        view->host(0xd, subleaf, out);
        out[ECX] &= 2; /* alignment; it is no supervisor state */
        out[EDX] = 0;
    }
}

/* TSC in relation to the crystal, which is what the LAPIC's timer counts: the nearest fraction
 * whose numerator, times the crystal's kHz, still has 32 bits, as Linux multiplies. */
static void frequency_ratio(const struct cpuid_view *view, uint32_t out[4])
{
    const uint64_t most = UINT32_MAX / (CPUID_LAPIC_HZ / 1000);
    uint64_t nearest = 0; /* the best one's error, times its denominator */

    for (uint64_t under = 1; under <= most; under++) {
        uint64_t exact = under * view->tsc_hz;
        uint64_t over = (exact + CPUID_LAPIC_HZ / 2) / CPUID_LAPIC_HZ;
        uint64_t nominal = over * CPUID_LAPIC_HZ;
        uint64_t error = exact > nominal ? exact - nominal : nominal - exact;
        if (over > most)
            break;
        if (out[EAX] && error * out[EAX] >= nearest * under)
            continue;
        nearest = error;
        out[EAX] = (uint32_t)under;
        out[EBX] = (uint32_t)over;
    }
    out[ECX] = CPUID_LAPIC_HZ;
}

static void frequencies(const struct cpuid_view *view, uint32_t out[4])
{
    out[EAX] = out[EBX] = (uint32_t)(view->tsc_hz / 1000000);
    out[ECX] = 100; /* what is called the bus's */
}

/* Linux: Documentation/virt/kvm/x86/cpuid.rst. */
static void hypervisor(const struct cpuid_view *view, uint32_t leaf, uint32_t out[4])
{
    switch (leaf) {
    case 0x40000000:
        out[EAX] = HYPERVISOR_MAX;
        memcpy(&out[EBX], "KVMKVMKVM\0\0", 12);
        break;
    case 0x40000001: /* no delay after port accesses, clock, end of interrupt, stable clock */
        out[EAX] = BIT(1) | BIT(3) | BIT(6) | BIT(24);
        break;
    case HYPERVISOR_MAX:
        out[EAX] = (uint32_t)(view->tsc_hz / 1000);
        out[EBX] = CPUID_LAPIC_HZ / 1000;
        break;
    default:
        break;
    }
}

static void extended_features(const struct cpuid_view *view, uint32_t out[4])
{
    uint32_t first[4];

    filter(view, 0x80000001, 0, out);
    if (!is_amd(view))
        return;
    features(view, first);
    out[EDX] |= first[EDX] & EDX_AMD_DOUBLE;
    if (view->vcpus > 1)
        out[ECX] |= BIT(1); /* CmpLegacy: no threads */
}

static void extended(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf,
                     uint32_t out[4])
{
    bool amd = is_amd(view);
    uint32_t most = amd ? EXTENDED_MAX : EXTENDED_INTEL;
    uint32_t host[4];

    view->host(EXTENDED, 0, host);
    if (host[EAX] < most)
        most = host[EAX];
    if (leaf > most)
        return;
    if ((leaf >= 0x80000002 && leaf <= 0x80000006) || leaf == 0x80000019 || leaf == 0x8000001a)
        view->host(leaf, 0, out); /* name, caches, TLBs, hints for optimization */
    switch (leaf) {
    case EXTENDED:
        memcpy(out, host, sizeof(host));
        out[EAX] = most;
        break;
    case 0x80000001:
        extended_features(view, out);
        break;
    case 0x80000007:
        out[EDX] = BIT(8); /* invariant TSC: the kernel's time depends on it too */
        break;
    case 0x80000008:
        filter(view, leaf, 0, out);
        out[EAX] |= (view->limits.cr4 >> 12 & 1 ? 57u : 48u) << 8;
        out[ECX] = amd ? id_bits(view) << 12 | (view->vcpus - 1) : 0;
        break;
    case 0x8000001d:
        caches(view, leaf, subleaf, out);
        break;
    case 0x8000001e:
        out[EAX] = view->apic_id;
        out[EBX] = view->apic_id & 0xff;
        break;
    case 0x80000021:
        filter(view, leaf, 0, out);
        break;
    default:
        break;
    }
}

static void basic(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    bool intel = !is_amd(view);
    uint32_t zero[4];

    basic_maximum(view, zero);
    if (leaf > zero[EAX])
        return;
    switch (leaf) {
    case 0:
        memcpy(out, zero, sizeof(zero));
        break;
    case 1:
        features(view, out);
        break;
    case 2: /* descriptors of caches and TLBs */
        view->host(leaf, 0, out);
        break;
    case 4:
        caches(view, leaf, subleaf, out);
        break;
    case 6:
        out[EAX] = BIT(2); /* ARAT: the LAPIC's timer never stops */
        break;
    case 7:
        more_features(view, subleaf, out);
        break;
    case 0xb:
    case 0x1f:
        topology(view, subleaf, out);
        break;
    case 0xd:
        xsave(view, subleaf, out);
        break;
    case 0x15:
        if (intel)
            frequency_ratio(view, out);
        break;
    case 0x16:
        if (intel)
            frequencies(view, out);
        break;
    default:
        break;
    }
}

void cpuid(const struct cpuid_view *view, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf < 0x40000000)
        basic(view, leaf, subleaf, out);
    else if (leaf < EXTENDED)
        hypervisor(view, leaf, out);
    else
        extended(view, leaf, subleaf, out);
}
