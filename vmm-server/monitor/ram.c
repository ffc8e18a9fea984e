#include "ram.h"

#include "cairn/resources.h"

#define PAGE 4096ull
#define MIB2 (2ull << 20)
#define GIB  (1ull << 30)

static const struct environment_resource *ram_find(void)
{
    const struct environment_resource *r = environment_entries(&ENVIRONMENT->resources);

    for (uint32_t i = 0; i < ENVIRONMENT->resources.count; i++)
        if (r[i].kind == RESOURCE_RAM)
            return &r[i];
    give_up("root gives no RAM: the program's section needs `ram`");
}

/* [offset, offset + size) of the RAM to an address of a domain or VM, in pages of one level. */
static void map_pages(uint32_t memory, uint32_t domain, struct map map, uint64_t size)
{
    const uint64_t page = PAGE << 9 * map.level;

    while (size) {
        uint64_t count = size / page;
        struct answer a;
        map.count = count < 512 ? (uint32_t)count : 512;
        WITH_FUNDS(a, memory_map(memory, domain, &map));
        if (a.status != STATUS_SUCCESS)
            give_up("RAM at 0x%lx cannot be mapped: status %u", map.address, a.status);
        map.address += map.count * page;
        map.offset += map.count * page;
        size -= map.count * page;
    }
}

/* The same in the largest pages that fit; both ends are at multiples of 2 MiB. */
static void map_large(uint32_t memory, uint32_t domain, struct map map, uint64_t size, bool huge)
{
    while (size) {
        uint64_t part = size;
        map.level = 1;
        if (huge && (map.address | map.offset) % GIB == 0 && size >= GIB) {
            map.level = 2;
            part = size / GIB * GIB;
        } else if (huge && (map.address ^ map.offset) % GIB == 0) {
            uint64_t up_to = GIB - map.address % GIB;
            part = size < up_to ? size : up_to;
        }
        map_pages(memory, domain, map, part);
        map.address += part;
        map.offset += part;
        size -= part;
    }
}

/* The first 2 MiB have the VGA's window in them, so they are small pages. */
static void map_guest(const struct vm *vm)
{
    const bool huge = ENVIRONMENT->guest.features & GUEST_LARGE && !ram_find()->base;
    const struct map low = {.rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE};
    struct map map = low;

    map_pages(vm->ram_selector, MONITOR_VM, low, GUEST_VGA);
    map.address = map.offset = GUEST_VGA_END;
    map_pages(vm->ram_selector, MONITOR_VM, map, MIB2 - GUEST_VGA_END);
    map.address = map.offset = MIB2;
    uint64_t end = vm->ram_size < GUEST_LOW_END ? vm->ram_size : GUEST_LOW_END;
    map_large(vm->ram_selector, MONITOR_VM, map, end - MIB2, huge);
    if (vm->ram_size <= GUEST_LOW_END)
        return;
    map.address = GUEST_HIGH;
    map.offset = GUEST_LOW_END;
    map_large(vm->ram_selector, MONITOR_VM, map, vm->ram_size - GUEST_LOW_END, huge);
}

void ram_open(struct vm *vm)
{
    const struct environment_resource *ram = ram_find();
    const struct map map = {.address = MONITOR_RAM_AT, .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};

    if (ram->count != vm->config.memory)
        give_up("the VM file wants %lu MiB of RAM, and root gives %lu", vm->config.memory >> 20,
                ram->count >> 20);
    vm->ram_selector = ram->selector;
    vm->ram_size = ram->count;
    map_large(vm->ram_selector, PROCESS_PD, map, vm->ram_size, false);
    map_guest(vm);
    guest_memory_lay(&vm->memory, (uint8_t *)MONITOR_RAM_AT, vm->ram_size);
}
