#include "elf.h"

#include <string.h>

#include "bytes.h"

#define CLASS_32   1u
#define CLASS_64   2u
#define EXECUTABLE 2u
#define SHARED     3u
#define I386       3u
#define X86_64     62u

bool boot_elf_is(const struct boot_image *image)
{
    return image->size >= 52 && memcmp(image->data,
                                       "\x7f"
                                       "ELF",
                                       4) == 0;
}

bool boot_elf_open(struct boot_load *load, const struct boot_image *image, struct boot_elf *elf)
{
    const uint8_t *p = image->data;

    if (!boot_elf_is(image))
        return boot_fail(load, "kernel: expected an ELF file");
    *elf = (struct boot_elf){.image = image, .is_64 = p[4] == CLASS_64, .low = UINT64_MAX};
    if ((p[4] != CLASS_32 && p[4] != CLASS_64) || p[5] != 1 || (elf->is_64 && image->size < 64))
        return boot_fail(load, "kernel: ELF class %lu, data %lu: expected a whole header of x86",
                         (unsigned long)p[4], (unsigned long)p[5]);
    if (get16(p + 18) != (elf->is_64 ? X86_64 : I386))
        return boot_fail(load, "kernel: ELF machine %lu at offset 12, expected x86",
                         (unsigned long)get16(p + 18));
    if (get16(p + 16) != EXECUTABLE && get16(p + 16) != SHARED)
        return boot_fail(load, "kernel: ELF type %lu at offset 10, expected an executable",
                         (unsigned long)get16(p + 16));
    elf->entry = elf->is_64 ? get64(p + 24) : get32(p + 24);
    elf->table = elf->is_64 ? get64(p + 32) : get32(p + 28);
    elf->row = get16(p + (elf->is_64 ? 54 : 42));
    elf->headers = get16(p + (elf->is_64 ? 56 : 44));
    if (elf->headers > BOOT_PLACES)
        return boot_fail(load, "kernel: %lu program headers, expected at most %lu",
                         (unsigned long)elf->headers, (unsigned long)BOOT_PLACES);
    if (elf->row < (elf->is_64 ? 56u : 32u) ||
        !is_inside(elf->table, elf->headers * elf->row, image->size))
        return boot_fail(load,
                         "kernel: %lu program headers of %lu bytes at offset %lx are not all "
                         "in the file",
                         (unsigned long)elf->headers, elf->row, elf->table);
    return true;
}

bool boot_elf_segment(struct boot_load *load, const struct boot_elf *elf, uint32_t i,
                      struct boot_segment *s)
{
    const uint8_t *p = elf->image->data + elf->table + i * elf->row;

    if (elf->is_64)
        *s = (struct boot_segment){get32(p),      get64(p + 8),  get64(p + 32),
                                   get64(p + 16), get64(p + 24), get64(p + 40)};
    else
        *s = (struct boot_segment){get32(p),     get32(p + 4),  get32(p + 16),
                                   get32(p + 8), get32(p + 12), get32(p + 20)};
    if (s->type != BOOT_ELF_LOAD && s->type != BOOT_ELF_NOTE)
        return true;
    if (!is_inside(s->offset, s->file_size, elf->image->size))
        return boot_fail(load, "kernel: segment %lu, %lx bytes at offset %lx, ends behind the file",
                         (unsigned long)i, s->file_size, s->offset);
    if (s->type == BOOT_ELF_LOAD && s->file_size > s->size)
        return boot_fail(load, "kernel: segment %lu has %lx bytes in the file, but %lx in memory",
                         (unsigned long)i, s->file_size, s->size);
    return true;
}

bool boot_elf_load(struct boot_load *load, struct boot_elf *elf)
{
    for (uint32_t i = 0; i < elf->headers; i++) {
        struct boot_segment s;
        uint8_t *to;
        if (!boot_elf_segment(load, elf, i, &s))
            return false;
        if (s.type != BOOT_ELF_LOAD || !s.size)
            continue;
        to = boot_place_at(load, s.physical, s.size, "kernel segment");
        if (!to)
            return false;
        if (s.file_size)
            memcpy(to, elf->image->data + s.offset, s.file_size);
        memset(to + s.file_size, 0, s.size - s.file_size);
        if (s.physical < elf->low)
            elf->low = s.physical;
        if (s.physical + s.size > elf->high)
            elf->high = s.physical + s.size;
    }
    return elf->high || boot_fail(load, "kernel: no segment of it is to be loaded");
}
