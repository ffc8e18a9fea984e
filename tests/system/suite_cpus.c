/* The CPUs that came up, what protects each, and how well their clocks agree. */
#include "cpu.h"
#include "print.h"
#include "suites.h"
#include "tap.h"

#define PROTECTIONS \
    (CPU_FEATURE_NX | CPU_FEATURE_WP | CPU_FEATURE_SMEP | CPU_FEATURE_SMAP | CPU_FEATURE_UMIP)

/* Exact machines: a CPU's TSC is at most this far off, in seconds^-1. */
#define SKEW_PART 100000 /* 10 us */

static uint64_t feature_if(bool enumerated, uint64_t feature)
{
    return enumerated ? feature : 0;
}

/* The features that this CPU enumerates. NX and write protection are not optional. */
static uint64_t features_enumerated(void)
{
    struct cpuid leaf1 = cpuid_checked(1), leaf7 = cpuid_checked(7);

    return CPU_FEATURE_NX | CPU_FEATURE_WP | feature_if(leaf7.ebx & 1u << 7, CPU_FEATURE_SMEP) |
           feature_if(leaf7.ebx & 1u << 20, CPU_FEATURE_SMAP) |
           feature_if(leaf7.ecx & 1u << 2, CPU_FEATURE_UMIP) |
           feature_if(leaf1.ecx & 1u << 24, CPU_FEATURE_TSC_DEADLINE) |
           feature_if(leaf1.ecx & 1u << 21, CPU_FEATURE_X2APIC);
}

static void check_features(const struct machine *m)
{
    uint64_t expected = features_enumerated();
    const struct boot_cpu *cpu;
    bool protections = true, equal = true, known = true;

    for (uint32_t i = 0; (cpu = machine_cpu(m, i)); i++) {
        protections = protections && (cpu->features & PROTECTIONS) == (expected & PROTECTIONS);
        equal = equal && cpu->features == machine_cpu(m, 0)->features;
        known = known && cpu->features < 2 * CPU_FEATURE_TSC_DEADLINE && cpu->reserved == 0;
    }
    tap_ok(protections, "NX and WP, and SMEP, SMAP, UMIP where enumerated, are on everywhere");
    tap_ok(equal, "all CPUs have the same features");
    tap_ok(known, "no unknown feature and reserved fields zero");
    tap_equal(machine_cpu(m, 0)->features, expected, "features are those that CPUID enumerates");
}

static void check_ids(const struct machine *m)
{
    const struct boot_cpu *a, *b;
    bool distinct = true;

    for (uint32_t i = 0; (a = machine_cpu(m, i)); i++) {
        for (uint32_t k = 0; k < i && (b = machine_cpu(m, k)); k++) {
            distinct = distinct && a->apic_id != b->apic_id;
        }
    }
    tap_ok(distinct, "APIC ids are distinct");
    tap_equal(cpuid(1, 0).ebx >> 24, machine_cpu(m, 0)->apic_id & 0xff, "this is the first CPU");
}

static void check_clocks(const struct machine *m)
{
    const struct boot_cpu *cpu;
    uint64_t skew = 0;
    bool compared = true;

    for (uint32_t i = 0; (cpu = machine_cpu(m, i)); i++) {
        compared = compared && (i == 0 || cpu->tsc_skew > 0); /* asking takes time: never exact */
        skew = cpu->tsc_skew > skew ? cpu->tsc_skew : skew;
    }
    tap_equal(machine_cpu(m, 0)->tsc_skew, 0, "the first CPU's TSC is the reference");
    tap_ok(compared, "the other CPUs' TSCs were compared with it");
    if (m->exact) {
        tap_at_most(skew, m->info->tsc_hz / SKEW_PART, "TSCs agree within 10 us");
    }
    tap_comment();
    print("largest TSC skew %lu ticks\n", skew);
}

void suite_cpus(const struct machine *m)
{
    if (!tap_ok(machine_cpu(m, 0), "there is a first CPU")) {
        return;
    }
    if (m->cpus) {
        tap_equal(m->info->cpus.count, m->cpus, "all CPUs came up");
    } else {
        tap_skip("all CPUs came up", "no expect.cpus on the command line");
    }
    check_ids(m);
    check_features(m);
    check_clocks(m);
}
