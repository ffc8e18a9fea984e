/*
 * PVH: an ELF kernel with a note of Xen's that tells its 32-bit entry (Xen, docs/misc/pvh.pandoc,
 * xen/include/public/arch-x86/hvm/start_info.h and elfnote.h).
 */
#include <string.h>

#include "bytes.h"
#include "elf.h"
#include "load.h"
#include "state.h"

#define NOTE_ENTRY 18u /* XEN_ELFNOTE_PHYS32_ENTRY */

#define START_MAGIC   0x336ec578u
#define START_VERSION 1u
#define START_SIZE    56u /* bytes, of the structures that the guest is given */
#define MODULE_SIZE   32ull
#define MAP_SIZE      24ull

static uint64_t round_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* The entry in a segment of notes; false: it has none. Nothing in there is to be believed. */
static bool notes_find(const uint8_t *notes, uint64_t size, uint64_t align, uint64_t *entry)
{
    for (uint64_t at = 0; is_inside(at, 12, size);) {
        uint64_t name = at + 12, name_size = get32(notes + at);
        uint64_t value_size = get32(notes + at + 4);
        uint64_t value = round_up(name + name_size, align);
        if (!is_inside(value, value_size, size))
            return false;
        if (get32(notes + at + 8) == NOTE_ENTRY && name_size == 4 &&
            memcmp(notes + name, "Xen", 4) == 0 && (value_size == 4 || value_size == 8)) {
            *entry = value_size == 8 ? get64(notes + value) : get32(notes + value);
            return true;
        }
        at = round_up(value + value_size, align);
    }
    return false;
}

static bool entry_find(struct boot_load *load, const struct boot_elf *elf, uint32_t *entry)
{
    for (uint32_t i = 0; i < elf->headers; i++) {
        struct boot_segment s;
        uint64_t found;
        if (!boot_elf_segment(load, elf, i, &s))
            return false;
        if (s.type != BOOT_ELF_NOTE)
            continue;
        /* Notes are aligned to 4 bytes whatever the ABI says, but some linkers take it at its
         * word. */
        if (!notes_find(elf->image->data + s.offset, s.file_size, 4, &found) &&
            !notes_find(elf->image->data + s.offset, s.file_size, 8, &found))
            continue;
        if (found < elf->low || found >= elf->high || found >= BOOT_4G)
            return boot_fail(load, "kernel: the PVH entry %lx is not in it, expected %lx to %lx",
                             found, elf->low, elf->high);
        *entry = (uint32_t)found;
        return true;
    }
    return boot_fail(load, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry");
}

/* Module number i of the list: the initrd is the first one. */
static const struct boot_image *module_of(const struct boot_request *r, uint32_t i)
{
    if (!r->initrd.size)
        return &r->modules[i];
    return i ? &r->modules[i - 1] : &r->initrd;
}

static bool modules_place(struct boot_load *load, uint32_t count, uint8_t *list)
{
    const struct boot_wish wish = {
        .what = "module", .min = BOOT_HIGH, .end = BOOT_4G, .highest = true};

    for (uint32_t i = 0; i < count; i++) {
        const struct boot_image *module = module_of(load->request, i);
        uint64_t gpa, arguments = 0;
        if (!boot_place_image(load, module, wish, &gpa))
            return false;
        if (module->arguments &&
            !boot_place_string(load, module->arguments, "module's arguments", &arguments))
            return false;
        put64(list + i * MODULE_SIZE, gpa);
        put64(list + i * MODULE_SIZE + 8, module->size);
        put64(list + i * MODULE_SIZE + 16, arguments);
    }
    return true;
}

static void map_write(const struct boot_map *map, uint8_t *to)
{
    for (uint32_t i = 0; i < map->count; i++) {
        put64(to + i * MAP_SIZE, map->entry[i].base);
        put64(to + i * MAP_SIZE + 8, map->entry[i].size);
        put32(to + i * MAP_SIZE + 16, map->entry[i].type);
    }
}

/* The start info, followed by its lists. */
static bool info_write(struct boot_load *load, uint64_t *gpa)
{
    const struct boot_request *r = load->request;
    uint32_t modules = r->module_count + (r->initrd.size ? 1 : 0);
    uint64_t map = START_SIZE, list = map + BOOT_MAP_ENTRIES * MAP_SIZE, line;
    struct boot_wish wish = {"start info", list + modules * MODULE_SIZE, 16, BOOT_LOW, BOOT_4G,
                             false};
    uint8_t *info = boot_place_find(load, &wish, gpa);

    if (!info)
        return false;
    memset(info, 0, wish.size);
    if (!boot_place_string(load, r->command_line, "command line", &line) ||
        !modules_place(load, modules, info + list))
        return false;
    map_write(&load->map, info + map);
    put32(info, START_MAGIC);
    put32(info + 4, START_VERSION);
    put32(info + 12, modules);
    put64(info + 16, modules ? *gpa + list : 0);
    put64(info + 24, line);
    put64(info + 32, r->rsdp);
    put64(info + 40, *gpa + map);
    put32(info + 48, load->map.count);
    return true;
}

bool boot_pvh(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
              struct boot_error *error)
{
    struct boot_load load;
    struct boot_elf elf;
    uint64_t info;
    uint32_t entry;

    if (!boot_load_begin(&load, request, error) || !boot_elf_open(&load, &request->kernel, &elf) ||
        !boot_elf_load(&load, &elf) || !entry_find(&load, &elf, &entry) ||
        !info_write(&load, &info))
        return false;
    *changed = boot_state_protected(state, entry);
    state->rbx = info;
    return true;
}
