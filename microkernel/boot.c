/*
 * The loader is trusted like the kernel, but a mismatch of versions must be told, not suffered.
 */
#include "boot.h"

#include "reserve.h"
#include "stop.h"

#define LOW_LIMIT (1ull << 32) /* the loader maps the first 4 GiB one to one */

struct handoff boot_handoff SEALED;

static bool low_pages(uint64_t address, uint64_t size)
{
    return address % FRAME_SIZE == 0 && size % FRAME_SIZE == 0 && size && size <= LOW_LIMIT &&
           address <= LOW_LIMIT - size;
}

static void segments_check(const struct handoff_segment *segments, uint32_t count,
                           const char *program)
{
    if (!count || count > HANDOFF_MAX_SEGMENTS)
        stop("handoff: the %s has %u segments", program, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct handoff_segment *s = &segments[i];
        if (!low_pages(s->physical, s->size) || s->virtual % FRAME_SIZE ||
            ((s->rights & SEGMENT_WRITE) && (s->rights & SEGMENT_EXECUTE)))
            stop("handoff: segment %u of the %s is impossible", i, program);
    }
}

static void table_check(const struct boot_info *info, const struct boot_table *table,
                        uint32_t entry_size, const char *name)
{
    if (table->entry_size != entry_size || table->offset % 8 || table->offset > info->size ||
        (uint64_t)table->count * entry_size > info->size - table->offset)
        stop("boot information: the table of %s is impossible", name);
}

static void boot_info_check(const struct handoff *handoff)
{
    const struct boot_info *info = (const struct boot_info *)handoff->boot_info;

    if (!low_pages(handoff->boot_info, handoff->boot_info_size))
        stop("handoff: the boot information is not in pages below 4 GiB");
    if (info->magic != BOOT_INFO_MAGIC || info->version_major != ABI_VERSION_MAJOR ||
        info->version_minor != ABI_VERSION_MINOR || info->header_size != sizeof(*info) ||
        info->size > handoff->boot_info_size)
        stop("boot information: not version %u.%u", ABI_VERSION_MAJOR, ABI_VERSION_MINOR);
    table_check(info, &info->memory, sizeof(struct boot_memory), "memory");
    table_check(info, &info->cpus, sizeof(struct boot_cpu), "CPUs");
    table_check(info, &info->ioapics, sizeof(struct boot_ioapic), "I/O APICs");
    table_check(info, &info->ports, sizeof(struct boot_ports), "I/O ports");
    table_check(info, &info->functions, sizeof(struct boot_function), "PCI functions");
    if (info->cpus.count != handoff->cpus || info->ioapics.count > BOOT_MAX_IOAPICS ||
        info->memory.count < 2 || handoff->reserve_index > info->memory.count - 2)
        stop("boot information: it does not fit the handoff");
}

void boot_accept(const struct handoff *handoff)
{
    if (handoff->magic != HANDOFF_MAGIC || handoff->version != HANDOFF_VERSION ||
        handoff->size != sizeof(*handoff))
        stop("the loader and this kernel are of different versions");
    power_off_setup(&handoff->power_off);
    if (!handoff->cpus || handoff->cpus > BOOT_MAX_CPUS)
        stop("handoff: %u CPUs", handoff->cpus);
    if (!handoff->tsc_hz)
        stop("handoff: no TSC frequency");
    segments_check(handoff->kernel, handoff->kernel_segments, "kernel");
    segments_check(handoff->first, handoff->first_segments, "first program");
    boot_info_check(handoff);
    boot_handoff = *handoff;
}

struct boot_info *boot_info(void)
{
    return frame_pointer(hpa(boot_handoff.boot_info));
}

void *boot_table(const struct boot_table *table)
{
    return (char *)boot_info() + table->offset;
}

void boot_free_loader(void)
{
    struct boot_info *info = boot_info();
    struct boot_memory *memory = boot_table(&info->memory);

    for (uint32_t i = 0; i < info->memory.count; i++)
        if (memory[i].type == MEMORY_LOADER)
            memory[i].type = MEMORY_FREE;
}
