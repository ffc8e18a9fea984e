/*
 * The loader's way through a boot, from the boot loader's information to the kernel's entry.
 *
 * Everything the boot loader left is copied before any memory is taken; everything that will be
 * handed on is checked before it is used; what is done last is what cannot be undone.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "console.h"
#include "elf.h"
#include "handoff.h"
#include "hardware.h"
#include "info.h"
#include "kernel_space.h"
#include "modules.h"
#include "multiboot.h"
#include "paging.h"
#include "prepare.h"
#include "ranges.h"
#include "x86.h"

#define FIRST_LOW 0x1000ull
#define REAL_MODE 0xa0000ull /* memory that a starting CPU can address, below the VGA window */

enum e820_type {
    E820_RAM = 1,
    E820_ACPI_TABLES = 3,
    E820_ACPI_NVS = 4,
    E820_DEFECTIVE = 5,
};

extern char loader_image_start[], loader_image_end[];
_Noreturn void loader_main(uint32_t magic, uint64_t information);
_Noreturn void kernel_enter(uint64_t entry, struct handoff *handoff, uint32_t index);

static struct input input;
static struct ranges map;
static struct modules modules;
static struct hardware hardware;
static struct boot_function functions[BOOT_MAX_FUNCTIONS];
static struct handoff handoff;
static struct handoff_segment kernel[HANDOFF_MAX_SEGMENTS];
static uint32_t kernel_segments;

const uint8_t *memory_view(uint64_t address, uint64_t size)
{
    if (address < PAGE_SIZE || address >= MEMORY_BELOW || size > MEMORY_BELOW - address)
        return NULL;
    return (const uint8_t *)address;
}

static void hardware_require(enum hardware_status status)
{
    if (status)
        fail("%s", hardware_status_text(status));
}

static void map_require(enum ranges_status status)
{
    if (status)
        fail("the memory map has too many entries");
}

static enum memory_type type_of_e820(uint32_t type)
{
    switch ((enum e820_type)type) {
    case E820_RAM:
        return MEMORY_FREE;
    case E820_ACPI_TABLES:
        return MEMORY_ACPI_TABLES;
    case E820_ACPI_NVS:
        return MEMORY_ACPI_NVS;
    case E820_DEFECTIVE:
        return MEMORY_DEFECTIVE;
    default:
        return MEMORY_RESERVED;
    }
}

/* What the firmware says, the loader's own image, and the modules where they are now. */
static void memory_find(void)
{
    const struct boot_framebuffer *framebuffer = &input.framebuffer;
    uint64_t image = (uint64_t)loader_image_start;

    for (uint32_t i = 0; i < input.memory_count; i++)
        map_require(ranges_add(&map, input.memory[i].base, input.memory[i].size,
                               type_of_e820(input.memory[i].type)));
    if (framebuffer->base)
        map_require(ranges_add(&map, framebuffer->base,
                               (uint64_t)framebuffer->pitch * framebuffer->height,
                               MEMORY_FRAMEBUFFER));
    /* Real-mode vectors and firmware data; also keeps physical address 0 from being used. */
    map_require(ranges_add(&map, 0, PAGE_SIZE, MEMORY_RESERVED));
    ranges_trim_free(&map);
    console_line("memory: %lu KiB free, %lu KiB of it above 4 GiB",
                 ranges_total(&map, MEMORY_FREE, 0, RANGES_LIMIT) >> 10,
                 ranges_total(&map, MEMORY_FREE, MEMORY_BELOW, RANGES_LIMIT) >> 10);
    map_require(ranges_set(&map, image, (uint64_t)loader_image_end - image, MEMORY_LOADER, 0));
    modules_claim(&modules, &input, &map);
}

/* Returns the kernel's entry point. */
static uint64_t programs_load(void)
{
    static const struct elf_limits kernel_limits = {KERNEL_IMAGE, CPU_AREAS};
    static const struct elf_limits first_limits = {FIRST_LOW, BOOT_INFO_ADDRESS};
    uint64_t entry;

    kernel_segments =
        modules_load(&modules, &map, "kernel", &kernel_limits, MEMORY_KERNEL, kernel, &entry);
    handoff.first_segments = modules_load(&modules, &map, "first", &first_limits, MEMORY_FIRST,
                                          handoff.first, &handoff.first_entry);
    modules_unpack_data(&modules, &map);
    paging_seal();
    return entry;
}

/* Starts the other CPUs; the memory that they start in comes from below 640 KiB. */
static void cpus_start(void)
{
    const struct ranges_place place = {PAGE_SIZE, PAGE_SIZE, REAL_MODE};
    uint64_t trampoline;

    if (ranges_take(&map, PAGE_SIZE, place, MEMORY_LOADER, 0, &trampoline))
        fail("no free memory below 640 KiB to start CPUs in");
    hardware_require(hardware_start_cpus(&hardware, trampoline, &handoff));
    if (hardware.cpus_silent)
        map_require(ranges_set(&map, trampoline, PAGE_SIZE, MEMORY_RESERVED, 0));
    console_line("CPUs: %u, TSC %lu kHz", handoff.cpus, handoff.tsc_hz / 1000);
}

/*
 * The kernel's half, the boot information area and what is in it. Nothing is taken afterwards: what
 * the kernel's half did not need is given back.
 */
static struct boot_info *information_build(uint32_t function_count)
{
    struct kernel_space_source space = {&map, &hardware, kernel, kernel_segments};
    struct info_source source = {
        .input = &input,
        .modules = &modules,
        .hardware = &hardware,
        .map = &map,
        .functions = functions,
        .function_count = function_count,
    };

    handoff.boot_info_size = info_size(&source, 4);
    handoff.boot_info = memory_require(&map, handoff.boot_info_size, MEMORY_BOOT_INFO, 0,
                                       "the boot information area");
    uint64_t size = kernel_space_frames(&space) * PAGE_SIZE;
    uint64_t base = memory_require(&map, size, MEMORY_KERNEL, 0, "the kernel's memory");
    uint64_t end = kernel_space_build(&space, base, &handoff);
    map_require(ranges_set(&map, end, base + size - end, MEMORY_FREE, 0));
    paging_add_kernel((const uint64_t *)handoff.root);
    if (info_build(&source, (uint8_t *)handoff.boot_info, handoff.boot_info,
                   handoff.boot_info_size))
        fail("the boot information does not fit its area");
    handoff.first[handoff.first_segments++] =
        (struct handoff_segment){.virtual = BOOT_INFO_ADDRESS,
                                 .physical = handoff.boot_info,
                                 .size = handoff.boot_info_size,
                                 .rights = SEGMENT_READ};
    return (struct boot_info *)handoff.boot_info;
}

/* All CPUs, for the kernel; from now on the boot information is complete but for the time. */
static void cpus_prepare(struct boot_info *info)
{
    hardware_require(hardware_prepare_cpus(
        &hardware, &handoff, (struct boot_cpu *)(handoff.boot_info + info->cpus.offset)));
    info->guest = handoff.guest.limits;
}

_Noreturn void loader_main(uint32_t magic, uint64_t information)
{
    enum multiboot_status status;
    uint32_t function_count;
    struct boot_info *info;
    uint64_t entry;

    console_init();
    console_line("Cairn %u.%u.%u", ABI_VERSION_MAJOR, ABI_VERSION_MINOR, ABI_VERSION_PATCH);
    status = multiboot_read(magic, information, &input);
    if (status)
        fail("%s", multiboot_status_text(status));
    console_set_text_screen(input.text_screen);
    hardware_require(hardware_check_cpu());

    memory_find();
    hardware_require(hardware_find_tables(input.rsdp_size ? (uint64_t)input.rsdp : 0, &hardware));
    entry = programs_load();

    handoff.magic = HANDOFF_MAGIC;
    handoff.version = HANDOFF_VERSION;
    handoff.size = sizeof(handoff);
    hardware_require(hardware_calibrate(&hardware));
    cpus_start();
    function_count = hardware_stop_bus_masters(&hardware, functions);
    if (function_count > BOOT_MAX_FUNCTIONS)
        function_count = BOOT_MAX_FUNCTIONS;
    hardware_mask_interrupts(&hardware, &handoff);
    info = information_build(function_count);
    cpus_prepare(info);
    info->kernel_entry_tsc = tsc_read();
    kernel_enter(entry, &handoff, 0);
}
