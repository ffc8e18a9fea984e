/*
 * Builds the kernel's half. Every page is mapped with the least rights that work; global, because
 * it is the same in all address spaces.
 */
#include "address_space.h"

#include "boot.h"
#include "cpu.h"
#include "entry.h"
#include "reserve.h"
#include "stop.h"

extern char sealed_start[], sealed_end[];

uint64_t kernel_root SEALED;

/* Page offset of each device's registers: I/O APICs need not start a page. */
static uint64_t device_offset[1 + BOOT_MAX_IOAPICS] SEALED;

void space_map(hpa_t root, uint64_t address, hpa_t frame, uint64_t size, enum page_rights rights,
               uint64_t extra)
{
    for (uint64_t offset = 0; offset < size; offset += FRAME_SIZE)
        if (!paging_map(root, address + offset, hpa_add(frame, offset), rights, extra))
            stop("0x%lx is mapped twice", address + offset);
}

static void kernel_map(uint64_t address, hpa_t frame, uint64_t size, enum page_rights rights)
{
    space_map(hpa(kernel_root), address, frame, size, rights, PAGE_GLOBAL);
}

enum page_rights segment_rights(uint32_t rights)
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

static void window_map(uint32_t index, struct io_bitmap ports)
{
    static const uint32_t data[] = {
        CPU_STACK,    CPU_STACK + FRAME_SIZE, CPU_DATA,     CPU_NMI_STACK,
        CPU_DF_STACK, CPU_MC_STACK,           CPU_DB_STACK, CPU_TSS_PAGE};
    uint64_t area = cpu_area(index);

    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        kernel_map(area + data[i], reserve_take(), FRAME_SIZE, PAGE_RW);
    kernel_map(area + CPU_ENTRY, image_frame((uint64_t)entry_page), FRAME_SIZE, PAGE_RX);
    for (unsigned i = 0; i < 2; i++)
        kernel_map(area + CPU_IO_BITMAP + i * FRAME_SIZE, ports.frame[i], FRAME_SIZE, PAGE_RO);
}

static void device_map(unsigned device, uint64_t registers)
{
    device_offset[device] = registers % FRAME_SIZE;
    space_map(hpa(kernel_root), DEVICES + device * FRAME_SIZE,
              hpa(registers - registers % FRAME_SIZE), FRAME_SIZE, PAGE_RW,
              PAGE_GLOBAL | PAGE_UNCACHED);
}

volatile uint32_t *device_registers(unsigned device)
{
    return (volatile uint32_t *)(DEVICES + device * FRAME_SIZE + device_offset[device]);
}

struct io_bitmap io_bitmap_make(void)
{
    struct io_bitmap bitmap = {{reserve_take(), reserve_take()}};

    for (unsigned i = 0; i < 2; i++) {
        uint64_t *words = frame_pointer(bitmap.frame[i]);
        for (unsigned w = 0; w < FRAME_SIZE / sizeof(*words); w++)
            words[w] = UINT64_MAX;
    }
    return bitmap;
}

void kernel_space_build(struct io_bitmap ports)
{
    const struct boot_info *info = boot_info();
    const struct boot_ioapic *ioapics = boot_table(&info->ioapics);
    struct io_bitmap none = io_bitmap_make();

    kernel_root = reserve_take().value;
    image_map();
    for (uint32_t i = 0; i < boot_handoff.cpus; i++)
        window_map(i, i == 0 ? ports : none);
    kernel_map(FRAME_MAP + boot_handoff.boot_info, hpa(boot_handoff.boot_info),
               boot_handoff.boot_info_size, PAGE_RW);
    device_map(DEVICE_LAPIC, boot_handoff.lapic_base);
    for (uint32_t i = 0; i < info->ioapics.count; i++)
        device_map(DEVICE_IOAPIC(i), ioapics[i].base);
}
