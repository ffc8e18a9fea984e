/*
 * Multiboot 1 (Multiboot Specification 0.6.96): kernels as ELF files, or of any format with the
 * addresses in their header.
 */
#include <string.h>

#include "bytes.h"
#include "elf.h"
#include "load.h"
#include "state.h"

/* 3.1: the header is in the image's first 8 KiB, at a multiple of 4. */
#define SEARCH        8192u
#define HEADER_MAGIC  0x1badb002u
#define HEADER_SIZE   12u /* without addresses */
#define HEADER_LONG   32u /* with them */
#define WANTS_PAGES   (1u << 0)
#define WANTS_MEMORY  (1u << 1)
#define WANTS_VIDEO   (1u << 2)
#define WANTS         0xffffu /* what a loader must do or refuse */
#define HAS_ADDRESSES (1u << 16)

/* 3.3: what the kernel is given. */
#define START_MAGIC  0x2badb002u
#define INFO_MEMORY  (1u << 0)
#define INFO_LINE    (1u << 2)
#define INFO_MODULES (1u << 3)
#define INFO_MAP     (1u << 6)
#define INFO_LOADER  (1u << 9)
#define INFO_SIZE    88u
#define MODULE_SIZE  16ull
#define MAP_SIZE     24ull /* of an entry, with its size in front */

#define LOADER "Cairn"

/* The offset of the header; false: there is none. */
static bool header_find(const struct boot_image *image, uint64_t *offset)
{
    uint64_t end = image->size < SEARCH ? image->size : SEARCH;

    for (uint64_t at = 0; at + HEADER_SIZE <= end; at += 4) {
        const uint8_t *p = image->data + at;
        if (get32(p) == HEADER_MAGIC && get32(p) + get32(p + 4) + get32(p + 8) == 0) {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* By the addresses in the header (3.1.3). */
static bool load_addresses(struct boot_load *load, uint64_t header, uint32_t *entry, uint64_t *end)
{
    const struct boot_image *image = &load->request->kernel;
    const uint8_t *p = image->data + header;
    uint64_t header_addr, load_addr, load_end, bss_end, offset, size, memory;
    uint8_t *to;

    if (!is_inside(header, HEADER_LONG, image->size))
        return boot_fail(load, "kernel: its header at offset %lx is cut off", header);
    header_addr = get32(p + 12);
    load_addr = get32(p + 16);
    load_end = get32(p + 20);
    bss_end = get32(p + 24);
    *entry = get32(p + 28);
    if (load_addr > header_addr || header_addr - load_addr > header)
        return boot_fail(load,
                         "kernel: load_addr %lx and header_addr %lx do not fit to a header at "
                         "offset %lx",
                         load_addr, header_addr, header);
    offset = header - (header_addr - load_addr);
    if (!load_end)
        load_end = load_addr + (image->size - offset);
    size = load_end - load_addr;
    if (load_end < load_addr || !is_inside(offset, size, image->size))
        return boot_fail(load,
                         "kernel: load_end_addr %lx is not in the file, which has %lx bytes "
                         "from %lx on",
                         load_end, image->size - offset, load_addr);
    if (bss_end && bss_end < load_end)
        return boot_fail(load, "kernel: bss_end_addr %lx is below load_end_addr %lx", bss_end,
                         load_end);
    *end = bss_end ? bss_end : load_end;
    memory = *end - load_addr;
    if (*entry < load_addr || *entry >= *end)
        return boot_fail(load, "kernel: entry_addr %lx is not in it, expected %lx to %lx",
                         (unsigned long)*entry, load_addr, *end);
    to = boot_place_at(load, load_addr, memory, "kernel");
    if (!to)
        return false;
    memcpy(to, image->data + offset, size);
    memset(to + size, 0, memory - size);
    return true;
}

/* By the program headers: an entry is a virtual address, which is made physical as its segment is,
 * and of a 64-bit file is entered in 32-bit mode all the same (as GRUB does). */
static bool load_elf(struct boot_load *load, uint32_t *entry, uint64_t *end)
{
    struct boot_elf elf;
    struct boot_segment s;

    if (!boot_elf_is(&load->request->kernel))
        return boot_fail(load, "kernel: no ELF file, and no addresses in its Multiboot header");
    if (!boot_elf_open(load, &load->request->kernel, &elf) || !boot_elf_load(load, &elf))
        return false;
    *end = elf.high;
    for (uint32_t i = 0; i < elf.headers; i++) {
        if (!boot_elf_segment(load, &elf, i, &s))
            return false;
        if (s.type != BOOT_ELF_LOAD || elf.entry < s.virtual || elf.entry - s.virtual >= s.size)
            continue;
        if (s.physical + (elf.entry - s.virtual) >= BOOT_4G)
            return boot_fail(load, "kernel: its entry is above 4 GiB");
        *entry = (uint32_t)(s.physical + (elf.entry - s.virtual));
        return true;
    }
    return boot_fail(load, "kernel: entry %lx is in none of its segments", elf.entry);
}

static bool kernel_load(struct boot_load *load, uint32_t *entry, uint64_t *end)
{
    const struct boot_image *image = &load->request->kernel;
    uint64_t header;
    uint32_t flags;

    if (!header_find(image, &header))
        return boot_fail(load, "kernel: no Multiboot header in its first 8192 bytes");
    flags = get32(image->data + header + 4);
    if (flags & WANTS_VIDEO)
        return boot_fail(load,
                         "kernel: its header at offset %lx wants a video mode, which there is "
                         "not",
                         header);
    if (flags & WANTS & ~(WANTS_PAGES | WANTS_MEMORY))
        return boot_fail(load, "kernel: flags %lx in its header at offset %lx are not known",
                         (unsigned long)flags, header);
    if (flags & HAS_ADDRESSES)
        return load_addresses(load, header, entry, end);
    return load_elf(load, entry, end);
}

/* Behind the kernel, each at the start of a page. */
static bool modules_place(struct boot_load *load, uint64_t behind, uint8_t *list)
{
    const struct boot_request *r = load->request;
    const struct boot_wish wish = {
        .what = "module", .min = behind > BOOT_HIGH ? behind : BOOT_HIGH, .end = BOOT_4G};

    for (uint32_t i = 0; i < r->module_count; i++) {
        const struct boot_image *module = &r->modules[i];
        const char *arguments = module->arguments ? module->arguments : "";
        uint64_t gpa, text;
        if (!boot_place_image(load, module, wish, &gpa) ||
            !boot_place_string(load, arguments, "module's arguments", &text))
            return false;
        put32(list + i * MODULE_SIZE, (uint32_t)gpa);
        put32(list + i * MODULE_SIZE + 4, (uint32_t)(gpa + module->size));
        put32(list + i * MODULE_SIZE + 8, (uint32_t)text);
    }
    return true;
}

/* Returns KiB from 1 MiB on, up to the first hole. */
static uint32_t map_write(const struct boot_map *map, uint8_t *to)
{
    uint32_t upper = 0;

    for (uint32_t i = 0; i < map->count; i++) {
        const struct boot_map_entry *e = &map->entry[i];
        put32(to + i * MAP_SIZE, (uint32_t)MAP_SIZE - 4);
        put64(to + i * MAP_SIZE + 4, e->base);
        put64(to + i * MAP_SIZE + 12, e->size);
        put32(to + i * MAP_SIZE + 20, e->type);
        if (e->type == BOOT_RAM && e->base == BOOT_HIGH)
            upper = (uint32_t)(e->size >> 10);
    }
    return upper;
}

/* The information, followed by its lists. */
static bool info_write(struct boot_load *load, uint64_t behind, uint64_t *gpa)
{
    const struct boot_request *r = load->request;
    uint64_t map = INFO_SIZE, list = map + BOOT_MAP_ENTRIES * MAP_SIZE, line, loader;
    struct boot_wish wish = {"Multiboot information",
                             list + r->module_count * MODULE_SIZE,
                             16,
                             BOOT_LOW,
                             BOOT_4G,
                             false};
    uint8_t *info = boot_place_find(load, &wish, gpa);

    if (!info)
        return false;
    memset(info, 0, wish.size);
    if (!boot_place_string(load, r->command_line, "command line", &line) ||
        !boot_place_string(load, LOADER, "loader's name", &loader) ||
        !modules_place(load, behind, info + list))
        return false;
    put32(info, INFO_MEMORY | INFO_LINE | INFO_MODULES | INFO_MAP | INFO_LOADER);
    put32(info + 4, BOOT_LOW_END >> 10);
    put32(info + 8, map_write(&load->map, info + map));
    put32(info + 16, (uint32_t)line);
    put32(info + 20, r->module_count);
    put32(info + 24, (uint32_t)(*gpa + list));
    put32(info + 44, (uint32_t)(load->map.count * MAP_SIZE));
    put32(info + 48, (uint32_t)(*gpa + map));
    put32(info + 64, (uint32_t)loader);
    return true;
}

/* 3.2: EAX has the magic number, EBX the information. */
bool boot_multiboot(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
                    struct boot_error *error)
{
    struct boot_load load;
    uint64_t info, end;
    uint32_t entry;

    if (!boot_load_begin(&load, request, error) || !kernel_load(&load, &entry, &end) ||
        !info_write(&load, end, &info))
        return false;
    *changed = boot_state_protected(state, entry);
    state->rax = START_MAGIC;
    state->rbx = info;
    return true;
}
