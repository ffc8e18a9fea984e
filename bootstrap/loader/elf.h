/*
 * ELF64 executables: checked as a whole before any byte of them is used.
 *
 * elf_check reads nothing outside the file and accepts only what the loader can place: static
 * executables whose segments start on pages, share none, lie inside the caller's limits, and are
 * never writable and executable at once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "handoff.h"

#define ELF_MAX_SEGMENTS HANDOFF_MAX_SEGMENTS

enum elf_status {
    ELF_SUCCESS = 0,
    ELF_NOT_ELF64,      /* no ELF magic, wrong class, byte order or version */
    ELF_WRONG_MACHINE,  /* not x86-64 */
    ELF_NOT_EXECUTABLE, /* not ET_EXEC */
    ELF_DYNAMIC,        /* wants an interpreter or a dynamic linker */
    ELF_BAD_HEADER,     /* program headers missing, of a wrong size or outside the file */
    ELF_NO_SEGMENT,
    ELF_TOO_MANY_SEGMENTS,
    ELF_OUTSIDE_FILE,   /* from here on .segment says which */
    ELF_FILE_TOO_LARGE, /* more bytes in the file than in memory */
    ELF_NOT_ALIGNED,
    ELF_OUTSIDE_MEMORY, /* outside the caller's limits */
    ELF_WRITE_EXECUTE,
    ELF_OVERLAP,       /* .segment and .other */
    ELF_ENTRY_OUTSIDE, /* entry point not inside an executable segment */
};

struct elf_fault {
    enum elf_status status;
    uint32_t segment, other; /* numbers of loadable segments in the file, from 1 */
};

/* Virtual addresses that a segment may occupy: [low, high). Both multiples of 4096. */
struct elf_limits {
    uint64_t low, high;
};

/* A segment to load: file_size bytes from offset, then zeroes up to memory_size. */
struct elf_segment {
    uint64_t virtual;
    uint64_t offset, file_size;
    uint64_t memory_size; /* rounded up to whole pages */
    uint32_t rights;      /* SEGMENT_* */
};

struct elf_image {
    uint64_t entry;
    uint32_t count;
    struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/*
 * Check a file of size bytes and describe its segments in *image. The file need not be aligned.
 * On an error *fault says which and *image means nothing. Source: System V ABI, "Object Files" and
 * "Program Loading"; x86-64 psABI 1.0, 4.1.
 */
enum elf_status elf_check(const uint8_t *file, uint64_t size, const struct elf_limits *limits,
                          struct elf_image *image, struct elf_fault *fault)
    __attribute__((warn_unused_result));

/* The fault in words, into text[size]; cut off where it does not fit. */
void elf_fault_text(const struct elf_fault *fault, char *text, size_t size);
