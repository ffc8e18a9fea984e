/* The memory map: its own rules, and against what the test runner says the machine has. */
#include "print.h"
#include "suites.h"
#include "tap.h"

#define MIB  (1ull << 20)
#define GIB4 (1ull << 32)

/* What firmware may keep of the RAM: SeaBIOS and Bochs under 1 MiB, OVMF some MiB. */
#define FIRMWARE_LIMIT (8 * MIB)

/*
 * The first program's pool, the image and the tables that do not grow; windows, stacks and trace
 * rings; and the last-level tables of the frame map, 8 bytes for each frame, with a table at either
 * end of each of the map's pieces.
 */
#define KERNEL_LIMIT(cpus, ram) (2 * MIB + (cpus) * (256ull << 10) + (ram) / 512)

static bool is_page_typed(uint32_t type)
{
    return type == MEMORY_FREE || type == MEMORY_KERNEL || type == MEMORY_BOOT_INFO ||
           type == MEMORY_FIRST || type == MEMORY_MODULE || type == MEMORY_LOADER;
}

static void check_ranges(const struct machine *m)
{
    const struct boot_memory *range, *last = NULL;
    bool sorted = true, overflow = false, pages = true, types = true, indices = true;
    uint64_t end = 0;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (last && (range->base < last->base || (range->size && range->base < end))) {
            sorted = false;
        }
        overflow = overflow || __builtin_add_overflow(range->base, range->size, &end);
        if (is_page_typed(range->type)) {
            pages = pages && range->base % 4096 == 0 && range->size % 4096 == 0;
        }
        types = types && range->type >= MEMORY_FREE && range->type <= MEMORY_FRAMEBUFFER;
        indices = indices && (range->type == MEMORY_MODULE ? range->index < m->info->modules.count
                                                           : range->index == 0);
        last = range;
    }
    tap_ok(sorted, "sorted and without overlap");
    tap_ok(!overflow, "no range wraps around");
    tap_ok(pages, "ranges of our own types are whole pages");
    tap_ok(types, "types are known");
    tap_ok(indices, "index is a module's for module ranges, otherwise zero");
}

/* A range of the type contains [base, base + size) whole. */
static bool range_contains(const struct machine *m, enum memory_type type, uint64_t base,
                           uint64_t size)
{
    const struct boot_memory *range;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (range->type == type && base >= range->base && base - range->base <= range->size &&
            size <= range->size - (base - range->base)) {
            return true;
        }
    }
    return false;
}

static uint64_t ram_from(const struct machine *m, uint64_t floor)
{
    const struct boot_memory *range;
    uint64_t sum = 0;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (memory_is_ram(range->type) && range->base >= floor) {
            sum += range->size;
        }
    }
    return sum;
}

static void check_amount(const struct machine *m)
{
    uint64_t ram = machine_ram(m);

    if (!m->memory) {
        tap_skip("RAM is what the machine has", "no expect.memory on the command line");
        return;
    }
    tap_at_most(ram, m->memory, "no more RAM than the machine has");
    tap_at_most(m->memory - (ram < m->memory ? ram : m->memory), FIRMWARE_LIMIT,
                "firmware keeps a little of the RAM at most");
    if (m->memory > GIB4) {
        tap_ok(ram_from(m, GIB4) >= m->memory - GIB4, "RAM above 4 GiB is seen");
        tap_ok(ram - ram_from(m, GIB4) < GIB4, "there is a hole below 4 GiB");
    } else {
        tap_equal(ram_from(m, 16 * GIB4), 0, "no RAM at addresses that the machine has not");
    }
}

static void check_owners(const struct machine *m)
{
    uint64_t kernel = machine_memory_of(m, MEMORY_KERNEL);
    uint64_t info = machine_memory_of(m, MEMORY_BOOT_INFO);

    tap_equal(machine_memory_of(m, MEMORY_LOADER), 0, "the loader's memory was given back");
    tap_ok(kernel > 0, "the kernel's own frames are listed");
    tap_at_most(kernel, KERNEL_LIMIT(m->info->cpus.count, machine_ram(m)),
                "the kernel takes little for itself");
    tap_equal(info, (m->view.size + 4095ull) & ~4095ull, "boot information area is listed");
    tap_ok(machine_memory_of(m, MEMORY_FIRST) >= 4 * 4096ull,
           "first program's segments are listed");
    tap_ok(machine_memory_of(m, MEMORY_FREE) >= machine_ram(m) / 2, "most RAM is free");
}

/* The BIOS data area and the legacy hole are never RAM to give away. */
static void check_low(const struct machine *m)
{
    const struct boot_memory *range;
    bool hole = true;

    for (uint32_t i = 0; (range = machine_memory(m, i)); i++) {
        if (memory_is_ram(range->type) && range->size && range->base < MIB &&
            range->base + range->size > 0xa0000) {
            hole = false;
        }
    }
    tap_ok(hole, "640 KiB to 1 MiB is not RAM");
    tap_ok(!range_contains(m, MEMORY_FREE, 0, 4096), "frame 0 is not free");
}

static void check_modules(const struct machine *m)
{
    const struct boot_module *module;
    bool inside = true;

    for (uint32_t i = 0; (module = machine_module(m, i)); i++) {
        inside = inside && range_contains(m, MEMORY_MODULE, module->base, module->size);
    }
    tap_ok(inside, "modules lie in module ranges");
}

void suite_memory(const struct machine *m)
{
    check_ranges(m);
    check_owners(m);
    check_amount(m);
    check_low(m);
    check_modules(m);
    tap_comment();
    print_size(machine_ram(m));
    print(" of RAM, the kernel has ");
    print_size(machine_memory_of(m, MEMORY_KERNEL));
    print("\n");
}
