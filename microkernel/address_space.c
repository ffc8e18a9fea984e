/*
 * Builds the kernel's half. Every page is mapped with the least rights that work; global, because
 * it is the same in all address spaces.
 */
#include "address_space.h"

#include "boot.h"
#include "cpu.h"
#include "entry.h"
#include "interrupt.h"
#include "reserve.h"
#include "stop.h"

extern char sealed_start[], sealed_end[];

#define LARGE_PAGE (2ull << 20)

uint64_t kernel_root SEALED;

/* I/O permission bitmap that forbids every port. */
static hpa_t no_ports[2] SEALED;

/* Page offset of each device's registers: I/O APICs need not start a page. */
static uint64_t device_offset[1 + BOOT_MAX_IOAPICS] SEALED;

/* Global, because it is the same in all address spaces. */
static void kernel_map_extra(uint64_t address, hpa_t frame, uint64_t size, enum page_rights rights,
                             uint64_t extra)
{
    for (uint64_t offset = 0; offset < size; offset += FRAME_SIZE)
        if (!paging_map(hpa(kernel_root), address + offset, hpa_add(frame, offset), rights,
                        PAGE_GLOBAL | extra))
            stop("0x%lx is mapped twice", address + offset);
}

static void kernel_map(uint64_t address, hpa_t frame, uint64_t size, enum page_rights rights)
{
    kernel_map_extra(address, frame, size, rights, 0);
}

/* Rights of a loaded segment (SEGMENT_*). */
static enum page_rights segment_rights(uint32_t rights)
{
    if (rights & SEGMENT_WRITE)
        return PAGE_RW;
    return rights & SEGMENT_EXECUTE ? PAGE_RX : PAGE_RO;
}

/* Physical address of something in the kernel's image. */
static hpa_t image_frame(uint64_t address)
{
    for (uint32_t i = 0; i < boot_handoff.kernel_segments; i++) {
        const struct handoff_segment *s = &boot_handoff.kernel[i];
        if (address >= s->virtual && address - s->virtual < s->size)
            return hpa(s->physical + (address - s->virtual));
    }
    stop("0x%lx is not in the kernel's image", address);
}

static void image_map(void)
{
    for (uint32_t i = 0; i < boot_handoff.kernel_segments; i++) {
        const struct handoff_segment *s = &boot_handoff.kernel[i];
        for (uint64_t offset = 0; offset < s->size; offset += FRAME_SIZE) {
            uint64_t address = s->virtual + offset;
            bool sealed = address >= (uint64_t)sealed_start && address < (uint64_t)sealed_end;
            kernel_map(address, hpa(s->physical + offset), FRAME_SIZE,
                       sealed ? PAGE_RO : segment_rights(s->rights));
        }
    }
}

static void window_map(uint32_t index)
{
    static const uint32_t data[] = {
        CPU_STACK,    CPU_STACK + FRAME_SIZE, CPU_DATA,     CPU_NMI_STACK,
        CPU_DF_STACK, CPU_MC_STACK,           CPU_DB_STACK, CPU_TSS_PAGE};
    uint64_t area = cpu_area(index);

    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        kernel_map(area + data[i], reserve_take(), FRAME_SIZE, PAGE_RW);
    kernel_map(area + CPU_ENTRY, image_frame((uint64_t)entry_page), FRAME_SIZE, PAGE_RX);
    for (unsigned i = 0; i < 2; i++)
        kernel_map(area + CPU_IO_BITMAP + i * FRAME_SIZE, no_ports[i], FRAME_SIZE, PAGE_RO);
}

static void device_map(unsigned device, uint64_t registers)
{
    device_offset[device] = registers % FRAME_SIZE;
    kernel_map_extra(DEVICES + device * FRAME_SIZE, hpa(registers - registers % FRAME_SIZE),
                     FRAME_SIZE, PAGE_RW, PAGE_UNCACHED);
}

volatile uint32_t *device_registers(unsigned device)
{
    return (volatile uint32_t *)(DEVICES + device * FRAME_SIZE + device_offset[device]);
}

static void no_ports_make(void)
{
    for (unsigned i = 0; i < 2; i++) {
        no_ports[i] = reserve_take();
        uint64_t *words = frame_pointer(no_ports[i]);
        for (unsigned w = 0; w < FRAME_SIZE / sizeof(*words); w++)
            words[w] = UINT64_MAX;
    }
}

hpa_t ports_none(unsigned i)
{
    return no_ports[i];
}

/* Tables for all RAM, and in them the frames that the kernel has taken, these tables included. */
static void frame_map_build(const struct boot_info *info)
{
    const struct boot_memory *memory = boot_table(&info->memory);

    for (uint32_t i = 0; i < info->memory.count; i++) {
        if (memory[i].type != MEMORY_FREE && memory[i].type < MEMORY_KERNEL)
            continue;
        uint64_t end = memory[i].base + memory[i].size;
        for (uint64_t at = memory[i].base; at < end; at = (at / LARGE_PAGE + 1) * LARGE_PAGE)
            paging_prepare(hpa(kernel_root), FRAME_MAP + at);
    }
    for (uint64_t i = 0; i < reserve_taken(); i++) {
        hpa_t frame = hpa_add(reserve_base(), i * FRAME_SIZE);
        kernel_map(FRAME_MAP + frame.value, frame, FRAME_SIZE, PAGE_RW);
    }
}

/* The last-level entry of an address whose tables are there. */
static uint64_t *kernel_entry(uint64_t address)
{
    uint64_t *table = frame_at(kernel_root);

    for (unsigned level = 3; level > 0; level--)
        table = frame_at(table[address >> (12 + 9 * level) & 511] & PAGE_ADDRESS);
    return &table[address >> 12 & 511];
}

void frame_map_add(hpa_t frame)
{
    *kernel_entry(FRAME_MAP + frame.value) =
        frame.value | (uint64_t)PAGE_RW | PAGE_GLOBAL | PAGE_ACCESSED | PAGE_DIRTY;
}

void frame_map_remove(hpa_t frame)
{
    *kernel_entry(FRAME_MAP + frame.value) = 0;
}

void window_ports_set(uint32_t index, unsigned i, hpa_t frame)
{
    *kernel_entry(cpu_area(index) + CPU_IO_BITMAP + i * FRAME_SIZE) =
        frame.value | (uint64_t)PAGE_RO | PAGE_GLOBAL | PAGE_ACCESSED | PAGE_DIRTY;
}

void kernel_space_build(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_ioapic *ioapics = boot_table(&info->ioapics);

    kernel_root = reserve_take().value;
    no_ports_make();
    interrupts_reserve();
    image_map();
    for (uint32_t i = 0; i < boot_handoff.cpus; i++)
        window_map(i);
    kernel_map(FRAME_MAP + boot_handoff.boot_info, hpa(boot_handoff.boot_info),
               boot_handoff.boot_info_size, PAGE_RW);
    device_map(DEVICE_LAPIC, boot_handoff.lapic_base);
    for (uint32_t i = 0; i < info->ioapics.count; i++)
        device_map(DEVICE_IOAPIC(i), ioapics[i].base);
    frame_map_build(info);
}
