/*
 * The kernel's half. See kernel_space.h. SDM 3A, 4.5.
 *
 * Only 4 KiB pages: rights differ from page to page, and the kernel has few of them. Entries of
 * upper levels allow everything but the user; the last level decides.
 */
#include "kernel_space.h"

#include <string.h>

#include "descriptors.h"
#include "event_trace.h"

#define ENTRY_PRESENT    (1ull << 0)
#define ENTRY_WRITE      (1ull << 1)
#define ENTRY_UNCACHED   (3ull << 3)             /* entry 3 of the PAT */
#define ENTRY_MARKED     (1ull << 5 | 1ull << 6) /* accessed, dirty: the CPU never writes to it */
#define ENTRY_GLOBAL     (1ull << 8)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS    0x000ffffffffff000ull

#define READ_WRITE (ENTRY_WRITE | ENTRY_NO_EXECUTE)

#define LARGE_PAGE (2ull << 20)
#define GIGABYTE   (1ull << 30)
#define TABLES     32u /* root, windows, devices, and what is lost by rounding */

/* Frames with content of a window, and those of the bitmap that all windows share. */
static const uint32_t window_data[] = {CPU_STACK,     CPU_STACK + PAGE_SIZE, CPU_DATA,
                                       CPU_NMI_STACK, CPU_DF_STACK,          CPU_MC_STACK,
                                       CPU_DB_STACK,  CPU_TSS_PAGE};
#define WINDOW_FRAMES (sizeof(window_data) / sizeof(window_data[0]))
#define PORTS_FRAMES  2u

struct builder {
    uint64_t root;
    uint64_t next; /* first frame not taken */
};

static uint64_t frames_take(struct builder *builder, uint64_t count, int content)
{
    uint64_t base = builder->next;

    memset((void *)base, content, count * PAGE_SIZE);
    builder->next += count * PAGE_SIZE;
    return base;
}

/* The last level's entry for an address; missing tables are made. */
static uint64_t *last_entry(struct builder *builder, uint64_t address)
{
    uint64_t *table = (uint64_t *)builder->root;

    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[address >> shift & 511];
        if (!*entry)
            *entry = frames_take(builder, 1, 0) | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_MARKED;
        table = (uint64_t *)(*entry & ENTRY_ADDRESS);
    }
    return &table[address >> 12 & 511];
}

static void pages_map(struct builder *builder, uint64_t address, uint64_t frame, uint64_t size,
                      uint64_t rights)
{
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE)
        *last_entry(builder, address + offset) =
            (frame + offset) | rights | ENTRY_PRESENT | ENTRY_MARKED | ENTRY_GLOBAL;
}

static uint64_t segment_rights(const struct handoff_segment *segment)
{
    return (segment->rights & SEGMENT_WRITE ? ENTRY_WRITE : 0) |
           (segment->rights & SEGMENT_EXECUTE ? 0 : ENTRY_NO_EXECUTE);
}

static void window_map(struct builder *builder, uint32_t cpu, const struct handoff_segment *image,
                       uint64_t ports)
{
    uint64_t area = CPU_AREAS + (uint64_t)cpu * CPU_AREA_SIZE;

    for (unsigned i = 0; i < WINDOW_FRAMES; i++) {
        uint64_t frame = frames_take(builder, 1, 0);
        pages_map(builder, area + window_data[i], frame, PAGE_SIZE, READ_WRITE);
        if (window_data[i] == CPU_TSS_PAGE)
            descriptors_fill((void *)frame, cpu);
    }
    pages_map(builder, area + CPU_ENTRY, image->physical, PAGE_SIZE, segment_rights(image));
    pages_map(builder, area + CPU_IO_BITMAP, ports, PORTS_FRAMES * PAGE_SIZE, ENTRY_NO_EXECUTE);
}

static void device_map(struct builder *builder, unsigned device, uint64_t registers)
{
    pages_map(builder, DEVICES + device * PAGE_SIZE, registers & ~(PAGE_SIZE - 1), PAGE_SIZE,
              READ_WRITE | ENTRY_UNCACHED);
}

static bool is_memory(const struct boot_memory *range)
{
    return range->type == MEMORY_FREE || range->type >= MEMORY_KERNEL;
}

/* Tables for all RAM, and in them the frames that were taken, these tables included. */
static void frame_map_build(struct builder *builder, const struct ranges *map, uint64_t base)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct boot_memory *range = &map->entry[i];
        uint64_t end = range->base + range->size;

        for (uint64_t at = range->base; is_memory(range) && at < end;
             at = (at / LARGE_PAGE + 1) * LARGE_PAGE)
            (void)last_entry(builder, FRAME_MAP + at);
    }
    pages_map(builder, FRAME_MAP + base, base, builder->next - base, READ_WRITE);
}

uint64_t kernel_space_frames(const struct kernel_space_source *source)
{
    uint64_t frames = TABLES + PORTS_FRAMES + HANDOFF_POOL_FRAMES;

    frames +=
        source->hardware->cpus * (WINDOW_FRAMES + 1 + HANDOFF_CPU_FRAMES + TRACE_BYTES / PAGE_SIZE);
    for (uint32_t i = 0; i < source->segments; i++)
        frames += source->segment[i].size / LARGE_PAGE + 2 + 1;
    for (uint32_t i = 0; i < source->map->count; i++)
        if (is_memory(&source->map->entry[i]))
            frames += source->map->entry[i].size / LARGE_PAGE + 2 +
                      source->map->entry[i].size / GIGABYTE + 2 + 1;
    return frames;
}

uint64_t kernel_space_build(const struct kernel_space_source *source, uint64_t base,
                            struct handoff *handoff)
{
    const struct hardware *hardware = source->hardware;
    struct builder builder = {.next = base};

    builder.root = frames_take(&builder, 1, 0);
    handoff->root = builder.root;
    handoff->ports_none = frames_take(&builder, PORTS_FRAMES, 0xff);
    handoff->trace = frames_take(&builder, hardware->cpus * TRACE_BYTES / PAGE_SIZE, 0);
    handoff->cpu_frames = builder.next;
    for (uint32_t cpu = 0; cpu < hardware->cpus; cpu++) {
        frames_take(&builder, HANDOFF_GUEST, 0);
        frames_take(&builder, HANDOFF_GUEST_MAPS, 0xff);
        frames_take(&builder, HANDOFF_CPU_FRAMES - HANDOFF_GUEST - HANDOFF_GUEST_MAPS, 0);
    }
    handoff->pool = frames_take(&builder, HANDOFF_POOL_FRAMES, 0);
    for (uint32_t i = 0; i < source->segments; i++)
        pages_map(&builder, source->segment[i].virtual, source->segment[i].physical,
                  source->segment[i].size, segment_rights(&source->segment[i]));
    for (uint32_t cpu = 0; cpu < hardware->cpus; cpu++)
        window_map(&builder, cpu, &source->segment[0], handoff->ports_none);
    device_map(&builder, 0, hardware->lapic_base);
    for (uint32_t i = 0; i < hardware->ioapics; i++)
        device_map(&builder, 1 + i, hardware->ioapic[i].base);
    pages_map(&builder, FRAME_MAP + handoff->boot_info, handoff->boot_info, handoff->boot_info_size,
              READ_WRITE);
    frame_map_build(&builder, source->map, base);
    return builder.next;
}
