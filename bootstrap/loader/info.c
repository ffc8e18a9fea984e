/*
 * The boot information area. See info.h.
 *
 * The area is laid out by one writer that never goes past the size it was given: whatever does not
 * fit makes it fail at the end, so info_size errs on the large side without harm.
 */
#include "info.h"

#include <stdbool.h>
#include <string.h>

#define COM1_BASE       0x3f8
#define COM1_COUNT      8
#define PM_TIMER_COUNT  4
#define ALIGNMENT_BYTES 64 /* for rounding each table to 8 */

struct writer {
    uint8_t *memory;
    uint64_t size, used;
    bool overflow;
};

/* Room for bytes at a multiple of 8, zeroed; an offset, 0 if there is no room. */
static uint32_t writer_reserve(struct writer *writer, uint64_t bytes)
{
    uint64_t start = (writer->used + 7) & ~7ull;

    if (start > writer->size || bytes > writer->size - start) {
        writer->overflow = true;
        return 0;
    }
    writer->used = start + bytes;
    return (uint32_t)start;
}

static uint32_t writer_put(struct writer *writer, const void *bytes, uint64_t size)
{
    uint32_t offset = writer_reserve(writer, size);

    if (offset)
        memcpy(writer->memory + offset, bytes, size);
    return offset;
}

/* Strings are packed without gaps. */
static uint32_t writer_string(struct writer *writer, const char *text)
{
    uint64_t size = strlen(text) + 1;
    uint64_t offset = writer->used;

    if (size > writer->size - offset) {
        writer->overflow = true;
        return 0;
    }
    memcpy(writer->memory + offset, text, size);
    writer->used += size;
    return (uint32_t)offset;
}

static struct boot_table writer_table(struct writer *writer, const void *entries, uint32_t count,
                                      uint32_t entry_size)
{
    return (struct boot_table){
        .offset = writer_put(writer, entries, (uint64_t)count * entry_size),
        .count = count,
        .entry_size = entry_size,
    };
}

static void put_memory(struct writer *writer, const struct info_source *source,
                       struct boot_table *table)
{
    const struct ranges *map = source->map;

    *table = (struct boot_table){
        .offset = writer->used ? (uint32_t)((writer->used + 7) & ~7ull) : 0,
        .entry_size = sizeof(struct boot_memory),
    };
    for (uint32_t i = 0; i < map->count; i++) {
        struct boot_memory range = map->entry[i];

        if (range.type != MEMORY_MODULE)
            range.index = 0;
        if (range.type == MEMORY_LOADER)
            range.type = MEMORY_FREE; /* as it is when somebody reads this */
        writer_put(writer, &range, sizeof(range));
        table->count++;
    }
}

static void put_cpus(struct writer *writer, const struct hardware *hardware,
                     struct boot_table *table)
{
    struct boot_cpu cpu[BOOT_MAX_CPUS] = {0};

    for (uint32_t i = 0; i < hardware->cpus; i++) {
        cpu[i].apic_id = hardware->apic_id[i];
        cpu[i].tsc_skew = hardware->tsc_skew[i];
    }
    *table = writer_table(writer, cpu, hardware->cpus, sizeof(cpu[0]));
}

static void put_ports(struct writer *writer, const struct hardware *hardware,
                      struct boot_table *table)
{
    struct boot_ports ports[] = {
        {COM1_BASE, COM1_COUNT, PORTS_COM1},
        {hardware->pm_timer_port, PM_TIMER_COUNT, PORTS_PM_TIMER},
    };

    *table = writer_table(writer, ports, hardware->pm_timer_port ? 2 : 1, sizeof(ports[0]));
}

/* The table comes before the strings, so it is filled in when these are known. */
static void put_modules(struct writer *writer, const struct modules *modules,
                        const struct boot_table *table)
{
    for (uint32_t i = 0; i < modules->data_count && !writer->overflow; i++) {
        const struct data_module *data = &modules->data[i];
        struct boot_module entry = {
            .base = data->base,
            .size = data->size,
            .name = writer_string(writer, data->module->name),
            .arguments = writer_string(writer, data->module->arguments),
        };

        if (!writer->overflow)
            memcpy(writer->memory + table->offset + i * sizeof(entry), &entry, sizeof(entry));
    }
}

static void put_tables(struct writer *writer, const struct info_source *source,
                       struct boot_info *info)
{
    const struct hardware *hardware = source->hardware;

    put_memory(writer, source, &info->memory);
    info->modules = (struct boot_table){
        .offset = writer_reserve(writer, source->modules->data_count * sizeof(struct boot_module)),
        .count = source->modules->data_count,
        .entry_size = sizeof(struct boot_module),
    };
    put_cpus(writer, hardware, &info->cpus);
    info->ioapics =
        writer_table(writer, hardware->ioapic, hardware->ioapics, sizeof(hardware->ioapic[0]));
    info->overrides = writer_table(writer, hardware->override, hardware->overrides,
                                   sizeof(hardware->override[0]));
    info->pci =
        writer_table(writer, hardware->segment, hardware->segments, sizeof(hardware->segment[0]));
    put_ports(writer, hardware, &info->ports);
    info->functions = writer_table(writer, source->functions, source->function_count,
                                   sizeof(source->functions[0]));
}

/* The root pointer that the boot loader gave is a copy in the loader's memory; it moves here. */
static uint64_t put_rsdp(struct writer *writer, const struct info_source *source, uint64_t base)
{
    const struct input *input = source->input;

    if (source->hardware->rsdp != (uint64_t)input->rsdp)
        return source->hardware->rsdp;
    return base + writer_put(writer, input->rsdp, input->rsdp_size);
}

enum info_status info_build(const struct info_source *source, uint8_t *memory, uint64_t base,
                            uint64_t size)
{
    struct writer writer = {memory, size, sizeof(struct boot_info), false};
    struct boot_info info = {
        .magic = BOOT_INFO_MAGIC,
        .header_size = sizeof(info),
        .version_major = ABI_VERSION_MAJOR,
        .version_minor = ABI_VERSION_MINOR,
        .version_patch = ABI_VERSION_PATCH,
        .flags = source->hardware->boot_flags,
        .tsc_hz = source->hardware->tsc_hz,
        .acpi_dmar = source->hardware->dmar,
        .framebuffer = source->input->framebuffer,
    };

    if (size < sizeof(info))
        return INFO_TOO_LARGE;
    memset(memory, 0, size);
    put_tables(&writer, source, &info);
    info.acpi_rsdp = put_rsdp(&writer, source, base);
    info.command_line = writer_string(&writer, source->input->command_line);
    info.boot_loader = writer_string(&writer, source->input->boot_loader);
    put_modules(&writer, source->modules, &info.modules);
    if (writer.overflow)
        return INFO_TOO_LARGE;
    info.size = (uint32_t)writer.used;
    memcpy(memory, &info, sizeof(info));
    return INFO_SUCCESS;
}

uint64_t info_size(const struct info_source *source, uint32_t more_ranges)
{
    const struct hardware *hardware = source->hardware;
    const struct modules *modules = source->modules;
    uint64_t size = sizeof(struct boot_info) + ALIGNMENT_BYTES + INPUT_RSDP_MAX;

    size += (source->map->count + more_ranges) * sizeof(struct boot_memory);
    size += hardware->cpus * sizeof(struct boot_cpu);
    size += hardware->ioapics * sizeof(struct boot_ioapic);
    size += hardware->overrides * sizeof(struct boot_override);
    size += hardware->segments * sizeof(struct boot_pci);
    size += 2 * sizeof(struct boot_ports);
    size += source->function_count * sizeof(struct boot_function);
    size += strlen(source->input->command_line) + strlen(source->input->boot_loader) + 2;
    for (uint32_t i = 0; i < modules->data_count; i++)
        size += sizeof(struct boot_module) + strlen(modules->data[i].module->name) +
                strlen(modules->data[i].module->arguments) + 2;
    return page_round_up(size);
}
