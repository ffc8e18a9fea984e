/*
 * The boot information area: built from made-up facts and read back by the rules of
 * ipc/abi/boot_info.h alone.
 */
#include "info.h"

#include <stdlib.h>

#include "tap.h"

#define AREA_BASE 0x7654000ull

static struct input input;
static struct modules modules;
static struct hardware hardware;
static struct ranges map;
static struct boot_function functions[2] = {{.bus = 1, .device_function = 0x18}, {.bus = 2}};
static struct info_source source = {&input, &modules, &hardware, &map, functions, 2};

static void facts_make(void)
{
    memset(&modules, 0, sizeof(modules));
    memset(&hardware, 0, sizeof(hardware));
    memset(&input, 0, sizeof(input));
    map.count = 0;
    input.command_line = "tests=*";
    input.boot_loader = "loader";
    input.framebuffer.base = 0xc0000000;
    modules.module[0] = (struct module){.name = "kernel"};
    modules.module[1] = (struct module){.name = "data", .arguments = "path name=data x"};
    modules.module[2] = (struct module){.name = "more", .arguments = "name=more"};
    modules.data_count = 2;
    modules.data[0] = (struct data_module){&modules.module[1], 0x300000, 5};
    modules.data[1] = (struct data_module){&modules.module[2], 0x400000, 4096};
    hardware.cpus = 2;
    hardware.apic_id[1] = 9;
    hardware.tsc_skew[1] = 7;
    hardware.ioapics = 1;
    hardware.ioapic[0].base = 0xfec00000;
    hardware.overrides = 1;
    hardware.override[0].gsi = 2;
    hardware.segments = 1;
    hardware.segment[0].base = 0xb0000000;
    hardware.rsdp = 0xf5000;
    hardware.dmar = 0x1234;
    hardware.tsc_hz = 5;
    hardware.pm_timer_port = 0x608;
    hardware.boot_flags = BOOT_FLAG_VTD;
    ok(!ranges_set(&map, 0, 0x100000, MEMORY_RESERVED, 0) &&
           !ranges_set(&map, 0x100000, 0x10000, MEMORY_LOADER, 3) &&
           !ranges_set(&map, 0x110000, 0x20000, MEMORY_KERNEL, 0) &&
           !ranges_set(&map, 0x130000, 0x10000, MEMORY_FREE, 0) &&
           !ranges_set(&map, 0x300000, 0x1000, MEMORY_MODULE, 0) &&
           !ranges_set(&map, 0x400000, 0x1000, MEMORY_MODULE, 1),
       "the made-up map holds");
}

/* A table lies inside the area, aligned, and clear of the header. */
static bool table_fits(const struct boot_info *info, const struct boot_table *table, uint32_t size)
{
    return table->offset % 8 == 0 && table->offset >= info->header_size &&
           table->entry_size == size && table->offset + table->count * size <= info->size;
}

static void tables_check(const struct boot_info *info)
{
    ok(table_fits(info, &info->memory, sizeof(struct boot_memory)), "memory table fits");
    ok(table_fits(info, &info->modules, sizeof(struct boot_module)), "module table fits");
    ok(table_fits(info, &info->cpus, sizeof(struct boot_cpu)), "CPU table fits");
    ok(table_fits(info, &info->ioapics, sizeof(struct boot_ioapic)), "I/O APIC table fits");
    ok(table_fits(info, &info->overrides, sizeof(struct boot_override)), "override table fits");
    ok(table_fits(info, &info->pci, sizeof(struct boot_pci)), "PCI table fits");
    ok(table_fits(info, &info->ports, sizeof(struct boot_ports)), "port table fits");
    ok(table_fits(info, &info->functions, sizeof(struct boot_function)), "function table fits");
}

static void memory_check(const uint8_t *area, const struct boot_info *info)
{
    const struct boot_memory *memory =
        (const struct boot_memory *)(const void *)(area + info->memory.offset);

    is_u64(info->memory.count, map.count, "every range");
    is_u64(memory[1].base, 0x100000, "a range is where it was");
    is_u64(memory[1].size, 0x10000, "with its size");
    is_u64(memory[1].type, MEMORY_FREE, "and type: what is the loader's now is free then");
    is_u64(memory[1].index, 0, "its mark is not handed on");
    is_u64(memory[info->memory.count - 1].index, 1, "a module's range names the module");
}

static void content_check(const uint8_t *area, const struct boot_info *info)
{
    const char *text = (const char *)area;
    const struct boot_module *module =
        (const struct boot_module *)(const void *)(area + info->modules.offset);
    const struct boot_cpu *cpu = (const struct boot_cpu *)(const void *)(area + info->cpus.offset);
    const struct boot_ports *ports =
        (const struct boot_ports *)(const void *)(area + info->ports.offset);
    const struct boot_function *function =
        (const struct boot_function *)(const void *)(area + info->functions.offset);

    is_u64(info->magic, BOOT_INFO_MAGIC, "magic number");
    is_u64(info->header_size, sizeof(*info), "header size");
    is_u64(info->flags, BOOT_FLAG_VTD, "flags");
    is_u64(info->tsc_hz, 5, "TSC frequency");
    is_u64(info->acpi_dmar, 0x1234, "IOMMU table");
    is_u64(info->framebuffer.base, 0xc0000000, "framebuffer");
    is_str(text + info->command_line, "tests=*", "command line");
    is_str(text + info->boot_loader, "loader", "boot loader's name");
    is_u64(info->modules.count, 2, "modules");
    is_str(text + module[0].name, "data", "a module's name");
    is_str(text + module[0].arguments, "path name=data x", "its arguments");
    is_u64(module[1].base, 0x400000, "its address");
    is_u64(module[1].size, 4096, "its size");
    is_u64(cpu[1].apic_id, 9, "a CPU's APIC id");
    is_u64(cpu[1].tsc_skew, 7, "what its TSC differs by at most");
    is_u64(info->ports.count, 2, "port ranges");
    is_u64(ports[0].base, 0x3f8, "COM1");
    is_u64(ports[1].base, 0x608, "PM timer");
    is_u64(ports[1].count, 4, "its number of ports");
    is_u64(function[0].device_function, 0x18, "functions with bus mastering on");
}

/* Build in an allocation of exactly the size that info_size asks for. */
static struct boot_info *area_make(uint8_t **area)
{
    uint64_t size = info_size(&source, 0);

    *area = aligned_alloc(4096, size);
    memset(*area, 0xaa, size);
    is_u64(size % 4096, 0, "whole pages");
    is_u64(info_build(&source, *area, AREA_BASE, size), INFO_SUCCESS, "it is built");
    return (struct boot_info *)(void *)*area;
}

static void test_area(void)
{
    uint8_t *area;
    struct boot_info *info;

    facts_make();
    info = area_make(&area);
    tables_check(info);
    memory_check(area, info);
    content_check(area, info);
    is_u64(info->acpi_rsdp, 0xf5000, "a root pointer found in memory stays there");
    is_u64(area[info->size], 0, "what is not used is zero");
    free(area);
}

static void test_rsdp_copy(void)
{
    uint8_t *area;
    struct boot_info *info;

    facts_make();
    memcpy(input.rsdp, "RSD PTR !", 9);
    input.rsdp_size = 36;
    hardware.rsdp = (uint64_t)input.rsdp;
    hardware.pm_timer_port = 0;
    info = area_make(&area);
    ok(info->acpi_rsdp >= AREA_BASE && info->acpi_rsdp + 36 <= AREA_BASE + info->size,
       "a root pointer that was given moves into the area");
    ok(!memcmp(area + (info->acpi_rsdp - AREA_BASE), "RSD PTR !", 9), "unchanged");
    is_u64(info->ports.count, 1, "no PM timer, no ports for it");
    free(area);
}

/* Every size too small is refused and nothing is written behind it. */
static void test_too_small(void)
{
    unsigned wrong = 0;
    uint32_t used;
    uint8_t *area = NULL;

    facts_make();
    used = area_make(&area)->size;
    free(area);
    for (uint64_t size = 1; size < used; size += 3) {
        area = malloc(size);
        wrong += info_build(&source, area, AREA_BASE, size) != INFO_TOO_LARGE;
        free(area);
    }
    is_u64(wrong, 0, "an area that is too small is refused");
}

int main(void)
{
    test_area();
    test_rsdp_copy();
    test_too_small();
    return done_testing();
}
