/*
 * The order of the start. First the boot CPU alone, on the loader's page tables: everything that
 * takes memory or fills sealed data. Then every CPU on the kernel's own tables: its registers, the
 * agreement of the clocks, its timer. Then CPU 0 enters the first program; the others wait.
 */
#include "address_space.h"
#include "boot.h"
#include "cpu.h"
#include "descriptors.h"
#include "first.h"
#include "ioapic.h"
#include "lapic.h"
#include "pd.h"
#include "reserve.h"
#include "sched.h"
#include "shoot.h"
#include "stop.h"
#include "timer.h"
#include "trace.h"
#include "tsc.h"
#include "x86.h"

#define EXT1_EDX_PAGE1GB (1u << 26)

extern const char kernel_entry_ap[];
NORETURN void kernel_start(struct handoff *handoff, uint64_t entry_tsc);

static uint32_t cpus_on;    /* CPUs on the kernel's page tables */
static uint32_t cpus_ready; /* CPUs whose timer was checked */

void kernel_start(struct handoff *handoff, uint64_t entry_tsc)
{
    boot_accept(handoff);

    struct boot_info *info = boot_info();
    struct boot_memory *memory = boot_table(&info->memory);
    info->kernel_entry_tsc = entry_tsc;
    reserve_open(&memory[boot_handoff.reserve_index]);
    first_reserve();
    trace_reserve();
    kernel_space_build();
    idt_build();
    space_levels = cpuid(0x80000001, 0).edx & EXT1_EDX_PAGE1GB ? 3 : 2;
    reserve_close();
    frames_move_to_map();
    __atomic_store_n(&handoff->ap_entry, (uint64_t)kernel_entry_ap, __ATOMIC_RELEASE);
    cpu_enter(0, kernel_root);
}

/* Waits until all CPUs have counted themselves, at most for a second. */
static void cpus_await(const uint32_t *count, const char *what)
{
    uint64_t start = tsc_read();

    while (__atomic_load_n(count, __ATOMIC_ACQUIRE) != boot_handoff.cpus) {
        if (tsc_read() - start > boot_handoff.tsc_hz)
            stop("only %u of %u CPUs %s", *count, boot_handoff.cpus, what);
        cpu_pause();
    }
}

static void features_print(uint64_t features)
{
    console_print(
        "# [kernel] protection:%s%s%s%s%s\n", features & CPU_FEATURE_NX ? " nx" : "",
        features & CPU_FEATURE_WP ? " wp" : "", features & CPU_FEATURE_SMEP ? " smep" : "",
        features & CPU_FEATURE_SMAP ? " smap" : "", features & CPU_FEATURE_UMIP ? " umip" : "");
}

static void dma_print(const struct boot_info *info)
{
    const struct boot_function *f = boot_table(&info->functions);

    if (info->functions.count)
        console_print(
            "# [kernel] DMA not confined: bus mastering is still on for %u PCI functions\n",
            info->functions.count);
    else
        console_print("# [kernel] DMA not confined: bus mastering is off on every PCI function\n");
    for (uint32_t i = 0; i < info->functions.count; i++)
        console_print("# [kernel] bus mastering is on: %x:%02x:%02x.%u\n", f[i].segment, f[i].bus,
                      f[i].device_function >> 3, f[i].device_function & 7u);
}

static void machine_print(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_cpu *cpus = boot_table(&info->cpus);

    console_print("# [kernel] Cairn, interface %u.%u.%u, %s build: CPUs %u, TSC %lu kHz, %s, "
                  "timer by %s\n",
                  ABI_VERSION_MAJOR, ABI_VERSION_MINOR, ABI_VERSION_PATCH,
                  CAIRN_DEBUG ? "debug" : "release", boot_handoff.cpus, info->tsc_hz / 1000,
                  cpu_this()->x2apic ? "x2APIC" : "xAPIC",
                  cpu_this()->tsc_deadline ? "TSC deadline" : "LAPIC count");
    features_print(cpus[0].features);
    dma_print(info);
}

void cpu_main(uint32_t index)
{
    struct cpu *cpu = cpu_at(index);
    struct boot_cpu *record = (struct boot_cpu *)boot_table(&boot_info()->cpus) + index;

    cpu->index = index;
    cpu->boot_info = record;
    cpu->since = tsc_read();
    cpu->armed = TIMERS_NEVER;
    chain_init(&cpu->woken);
    chain_init(&cpu->ending);
    runqueue_init(&cpu->ready);
    cpu_descriptors_load(cpu);
    cpu_features_enable(cpu);
    shoot_start(index, kernel_root, cr4_read() & CR4_PCIDE);
    if (index == 0)
        interrupts_mask_all();
    lapic_enable();
    timer_open();
    __atomic_add_fetch(&cpus_on, 1, __ATOMIC_ACQ_REL);

    if (index == 0) {
        cpus_await(&cpus_on, "came into the kernel");
        for (uint32_t other = 1; other < boot_handoff.cpus; other++)
            record[other].tsc_skew = tsc_check_ask(other);
    } else {
        tsc_check_answer(index);
    }
    record->timer_lateness = timer_check();
    __atomic_add_fetch(&cpus_ready, 1, __ATOMIC_ACQ_REL);

    if (index == 0) {
        cpus_await(&cpus_ready, "have a timer that fires");
        boot_free_loader();
        machine_print();
        first_make();
    }
    schedule(cpu);
}
