/*
 * ELF executables for x86, 32-bit and 64-bit, as kernels are (System V ABI, "Object Files", and its
 * supplements for i386 and AMD64).
 */
#pragma once

#include "load.h"

struct boot_elf {
    const struct boot_image *image;
    bool is_64;
    uint32_t headers;   /* program headers */
    uint64_t table;     /* their offset in the image; all of them are inside */
    uint64_t row;       /* bytes from one to the next */
    uint64_t entry;     /* as the file says: an address that may be virtual */
    uint64_t low, high; /* physical addresses of what was loaded: [low, high) */
};

enum { BOOT_ELF_LOAD = 1, BOOT_ELF_NOTE = 4 };

struct boot_segment {
    uint32_t type;
    uint64_t offset, file_size; /* inside of the image */
    uint64_t virtual, physical, size;
};

/* Is it an ELF file at all? */
bool boot_elf_is(const struct boot_image *image);

/* Reads the header. */
bool boot_elf_open(struct boot_load *load, const struct boot_image *image, struct boot_elf *elf);

/* Program header number i, below `headers`. False: what it says of the file is not in the file. */
bool boot_elf_segment(struct boot_load *load, const struct boot_elf *elf, uint32_t i,
                      struct boot_segment *segment);

/* Puts all segments that are to be loaded at their physical addresses. */
bool boot_elf_load(struct boot_load *load, struct boot_elf *elf);
