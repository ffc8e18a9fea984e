/*
 * What the kernel accepts as a handoff. Every field that it relies on is broken once, and the
 * kernel must stop and say which.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "boot.h"
#include "kernel_fakes.h"
#include "reserve.h"
#include "tap.h"

struct area {
    struct boot_info info;
    struct boot_memory memory[3];
    struct boot_cpu cpus[2];
    struct boot_ioapic ioapics[1];
    struct boot_ports ports[1];
    struct boot_function functions[1];
};

static struct area *area;
static struct handoff handoff;

#define TABLE(field)                                                                \
    {                                                                               \
        offsetof(struct area, field), sizeof(area->field) / sizeof(area->field[0]), \
            sizeof(area->field[0]), 0                                               \
    }

/* A sound handoff for two CPUs. */
static void handoff_make(void)
{
    memset(area, 0, FRAME_SIZE);
    area->info = (struct boot_info){
        .magic = BOOT_INFO_MAGIC,
        .header_size = sizeof(struct boot_info),
        .version_major = ABI_VERSION_MAJOR,
        .version_minor = ABI_VERSION_MINOR,
        .size = sizeof(struct area),
        .memory = TABLE(memory),
        .cpus = TABLE(cpus),
        .ioapics = TABLE(ioapics),
        .ports = TABLE(ports),
        .functions = TABLE(functions),
    };
    area->memory[0] = (struct boot_memory){0, FRAME_SIZE, MEMORY_LOADER, 0};
    area->memory[1] = (struct boot_memory){0x100000, 0x10000, MEMORY_KERNEL, 0};
    area->memory[2] = (struct boot_memory){0x110000, 0, MEMORY_FREE, 0};
    handoff = (struct handoff){
        .magic = HANDOFF_MAGIC,
        .version = HANDOFF_VERSION,
        .size = sizeof(handoff),
        .boot_info = (uint64_t)area,
        .boot_info_size = FRAME_SIZE,
        .reserve_index = 1,
        .kernel_segments = 1,
        .first_segments = 2,
        .cpus = 2,
        .kernel = {{0xffffffff80000000, 0x200000, 0x1000, SEGMENT_READ | SEGMENT_EXECUTE, 0}},
        .first = {{0x400000, 0x201000, 0x1000, SEGMENT_READ | SEGMENT_EXECUTE, 0},
                  {0x401000, 0x202000, 0x2000, SEGMENT_READ | SEGMENT_WRITE, 0}},
        .tsc_hz = 1000000000,
    };
}

/* Breaks one field of the sound handoff; the kernel must stop with these words. */
#define REFUSED(change, words)                                          \
    do {                                                                \
        handoff_make();                                                 \
        change;                                                         \
        ok(STOPS(boot_accept(&handoff)), "refused: " #change);          \
        is_str(kernel_message, "# [kernel] " words "\n", "  says why"); \
    } while (0)

static void test_handoff(void)
{
    REFUSED(handoff.magic++, "the loader and this kernel are of different versions");
    REFUSED(handoff.version++, "the loader and this kernel are of different versions");
    REFUSED(handoff.size--, "the loader and this kernel are of different versions");
    REFUSED(handoff.cpus = 0, "handoff: 0 CPUs");
    REFUSED(handoff.cpus = BOOT_MAX_CPUS + 1, "handoff: 65 CPUs");
    REFUSED(handoff.tsc_hz = 0, "handoff: no TSC frequency");
    REFUSED(handoff.kernel_segments = 0, "handoff: the kernel has 0 segments");
    REFUSED(handoff.first_segments = 9, "handoff: the first program has 9 segments");
    REFUSED(handoff.first[1].physical++, "handoff: segment 1 of the first program is impossible");
    REFUSED(handoff.first[1].size = 0, "handoff: segment 1 of the first program is impossible");
    REFUSED(handoff.first[1].virtual ++, "handoff: segment 1 of the first program is impossible");
    REFUSED(handoff.kernel[0].physical = 0xfffff000ull + 0x1000,
            "handoff: segment 0 of the kernel is impossible");
    REFUSED(handoff.kernel[0].rights |= SEGMENT_WRITE,
            "handoff: segment 0 of the kernel is impossible");
}

static void test_boot_info(void)
{
    REFUSED(handoff.boot_info_size = 100,
            "handoff: the boot information is not in pages below 4 GiB");
    REFUSED(area->info.magic++, "boot information: not version 0.2");
    REFUSED(area->info.version_major++, "boot information: not version 0.2");
    REFUSED(area->info.header_size++, "boot information: not version 0.2");
    REFUSED(area->info.size = FRAME_SIZE + 1, "boot information: not version 0.2");
    REFUSED(area->info.memory.entry_size++, "boot information: the table of memory is impossible");
    REFUSED(area->info.memory.count = UINT32_MAX,
            "boot information: the table of memory is impossible");
    REFUSED(area->info.cpus.offset = UINT32_MAX - 7,
            "boot information: the table of CPUs is impossible");
    REFUSED(area->info.ioapics.offset += 4,
            "boot information: the table of I/O APICs is impossible");
    REFUSED(area->info.ports.entry_size = 0,
            "boot information: the table of I/O ports is impossible");
    REFUSED(area->info.functions.count = 1000,
            "boot information: the table of PCI functions is impossible");
    REFUSED(area->info.cpus.count = 1, "boot information: it does not fit the handoff");
    REFUSED(handoff.reserve_index = 2, "boot information: it does not fit the handoff");
}

static void test_accepted(void)
{
    handoff_make();
    ok(!STOPS(boot_accept(&handoff)), "a sound handoff is accepted");
    ok(!memcmp(&boot_handoff, &handoff, sizeof(handoff)), "and copied");
    ok(boot_info() == &area->info, "the boot information is where it says");
    ok(boot_table(&area->info.cpus) == area->cpus, "and its tables too");
    boot_free_loader();
    is_u64(area->memory[0].type, MEMORY_FREE, "the loader's memory becomes free");
    is_u64(area->memory[1].type, MEMORY_KERNEL, "the kernel's does not");
}

int main(void)
{
    /* Low, as the loader places it: the kernel refuses addresses past 4 GiB. */
    void *page = mmap(NULL, FRAME_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    area = page;
    test_handoff();
    test_boot_info();
    test_accepted();
    return done_testing();
}
