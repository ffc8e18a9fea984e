/* The banner: CPU, virtualization, time, memory, modules, DMA, and how long the start took. */
#include "banner.h"

#include "cpu.h"
#include "print.h"

#define LABEL "# [first]   "

/* A bit of a word of features, and what to call it. */
struct bit_name {
    uint32_t bit;
    const char *name;
};

static const struct bit_name svm_features[] = {
    {0, "nested paging"}, {1, "LBR"},           {3, "NRIP save"},
    {5, "clean bits"},    {6, "flush by ASID"}, {7, "decode assists"},
    {13, "AVIC"},         {16, "virtual GIF"},
};

static const struct bit_name protections[] = {
    {0, "NX"}, {4, "WP"}, {1, "SMEP"}, {2, "SMAP"}, {3, "UMIP"},
};

static const struct bit_name guest_features[] = {
    {0, "XSETBV"},           {1, "instruction length"}, {2, "dirty pages"}, {3, "TSC ratio"},
    {4, "virtual delivery"}, {5, "posted interrupts"},  {6, "PAUSE"},       {7, "1 GiB pages"},
};

static void names_print(uint32_t bits, const struct bit_name *list, unsigned count)
{
    const char *separator = "";

    for (unsigned i = 0; i < count; i++) {
        if (bits & 1u << list[i].bit) {
            print("%s%s", separator, list[i].name);
            separator = ", ";
        }
    }
    print("%s\n", *separator ? "" : "none");
}

static void brand_print(void)
{
    union {
        struct cpuid leaves[3];
        char text[3 * sizeof(struct cpuid)];
    } brand;
    unsigned skip = 0;

    for (unsigned i = 0; i < 3; i++) {
        brand.leaves[i] = cpuid_checked(0x80000002 + i);
    }
    while (skip < sizeof(brand) && brand.text[skip] == ' ') {
        skip++;
    }
    print(LABEL "CPU             ");
    print_untrusted(brand.text + skip, sizeof(brand) - skip);
    print("\n");
}

static void cpus_print(const struct machine *m)
{
    const struct boot_cpu *cpu = machine_cpu(m, 0);

    print(LABEL "CPUs running    %u, APIC ids", m->info->cpus.count);
    for (uint32_t i = 0; machine_cpu(m, i); i++) {
        print(" %u", machine_cpu(m, i)->apic_id);
    }
    print(", %s mode\n", cpu && cpu->features & CPU_FEATURE_X2APIC ? "x2APIC" : "xAPIC");
    print(LABEL "protection      ");
    names_print(cpu ? (uint32_t)cpu->features : 0, protections,
                sizeof(protections) / sizeof(protections[0]));
}

static void virtualization_print(void)
{
    struct cpuid svm = cpuid_checked(0x8000000a);

    print(LABEL "virtualization  ");
    if (cpuid_checked(0x80000001).ecx & 1u << 2) {
        print("SVM, %u ASIDs: ", svm.ebx);
        names_print(svm.edx, svm_features, sizeof(svm_features) / sizeof(svm_features[0]));
    } else if (cpuid(1, 0).ecx & 1u << 5) {
        print("VMX (EPT and the rest are told by MSRs, which a program cannot read)\n");
    } else {
        print("none\n");
    }
}

/* What the kernel offers of it. */
static void guests_print(const struct machine *m)
{
    const struct boot_guest *guest = &m->info->guest;

    print(LABEL "guests          ");
    if (guest->kind == GUEST_NONE) {
        print("none\n");
        return;
    }
    print("by %s, %u tags: ", guest->kind == GUEST_VMX ? "VMX" : "SVM", guest->tags);
    names_print(guest->features, guest_features,
                sizeof(guest_features) / sizeof(guest_features[0]));
}

static void time_print(const struct machine *m)
{
    const struct boot_cpu *cpu = machine_cpu(m, 0);
    uint64_t khz = m->info->tsc_hz / 1000;
    uint64_t features = cpu ? cpu->features : 0;

    print(LABEL "time            TSC %lu.%03lu MHz%s, timer by %s\n", khz / 1000, khz % 1000,
          cpuid_checked(0x80000007).edx & 1u << 8 ? ", invariant" : "",
          features & CPU_FEATURE_TSC_DEADLINE ? "TSC deadline" : "local APIC count");
}

static void memory_print(const struct machine *m)
{
    print(LABEL "memory          ");
    print_size(machine_ram(m));
    print(", ");
    print_size(machine_memory_of(m, MEMORY_FREE));
    print(" free, ");
    print_size(machine_memory_of(m, MEMORY_KERNEL));
    print(" kernel\n");
}

static void modules_print(const struct machine *m)
{
    const struct boot_module *module;

    print(LABEL "modules         ");
    for (uint32_t i = 0; (module = machine_module(m, i)); i++) {
        const char *name = boot_view_string(&m->view, module->name);

        print("%s", i ? ", " : "");
        print_untrusted(name ? name : "?", 64);
        print(" (");
        print_size(module->size);
        print(")");
    }
    print("%s\n", m->info->modules.count ? "" : "none besides kernel and first");
}

static void iommu_print(const struct machine *m)
{
    const uint32_t flags = m->info->flags;

    print(LABEL "IOMMU           %s; DMA %s\n",
          flags & BOOT_FLAG_VTD     ? "Intel VT-d, not driven yet"
          : flags & BOOT_FLAG_AMDVI ? "AMD-Vi, not driven yet"
                                    : "none described",
          flags & BOOT_FLAG_DMA_CONFINED ? "confined" : "not confined");
    print(LABEL "bus mastering   ");
    if (m->info->functions.count) {
        print("STILL ON at %u PCI functions\n", m->info->functions.count);
    } else {
        print("off on every PCI function\n");
    }
}

/* The bench reads the ticks. */
static void duration_print(const struct machine *m, uint64_t entered)
{
    uint64_t ticks = entered - m->info->kernel_entry_tsc;
    uint64_t khz = m->info->tsc_hz / 1000;
    uint64_t us = khz ? ticks * 1000 / khz : 0;

    print(LABEL "start           %lu TSC ticks (%lu.%03lu ms) from the kernel's first instruction "
                "to this program\n",
          ticks, us / 1000, us % 1000);
}

void banner_print(const struct machine *m, uint64_t entered)
{
    const char *loader = boot_view_string(&m->view, m->info->boot_loader);

    print("# [first] Cairn, interface %u.%u.%u, started by ", m->info->version_major,
          m->info->version_minor, m->info->version_patch);
    print_untrusted(loader ? loader : "?", 64);
    print("\n");
    brand_print();
    cpus_print(m);
    virtualization_print();
    guests_print(m);
    time_print(m);
    memory_print(m);
    modules_print(m);
    iommu_print(m);
    duration_print(m, entered);
}
