/*
 * ELF64 executables: checked as a whole before any byte of them is used. See elf.h.
 *
 * Sums are written so that they cannot wrap: a size is compared with what is left of its bound.
 */
#include "elf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "format.h"
#include "ranges.h"

/* Field layout: System V ABI, "ELF Header" and "Program Header". */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t header_size, program_size, program_count;
    uint16_t section_size, section_count, section_names;
};

struct elf_program {
    uint32_t type, flags;
    uint64_t offset, virtual, physical, file_size, memory_size, align;
};

enum {
    CLASS_64 = 2,
    LITTLE_ENDIAN_DATA = 1,
    VERSION_CURRENT = 1,
    TYPE_EXECUTABLE = 2,
    MACHINE_X86_64 = 62,
    PROGRAM_LOAD = 1,
    PROGRAM_DYNAMIC = 2,
    PROGRAM_INTERPRETER = 3,
    FLAG_EXECUTE = 1,
    FLAG_WRITE = 2,
    FLAG_READ = 4,
    MAX_PROGRAM_HEADERS = 64,
};

static enum elf_status header_check(const uint8_t *file, uint64_t size, struct elf_header *header)
{
    static const uint8_t ident[] = {0x7f,           'E', 'L', 'F', CLASS_64, LITTLE_ENDIAN_DATA,
                                    VERSION_CURRENT};

    if (size < sizeof(*header))
        return ELF_NOT_ELF64;
    memcpy(header, file, sizeof(*header));
    if (memcmp(header->ident, ident, sizeof(ident)) != 0 || header->version != VERSION_CURRENT)
        return ELF_NOT_ELF64;
    if (header->machine != MACHINE_X86_64)
        return ELF_WRONG_MACHINE;
    if (header->type != TYPE_EXECUTABLE)
        return ELF_NOT_EXECUTABLE;
    if (header->program_size != sizeof(struct elf_program) || header->program_count == 0 ||
        header->program_count > MAX_PROGRAM_HEADERS || header->program_offset > size ||
        header->program_count * sizeof(struct elf_program) > size - header->program_offset)
        return ELF_BAD_HEADER;
    return ELF_SUCCESS;
}

static uint32_t segment_rights(uint32_t flags)
{
    return (flags & FLAG_READ ? SEGMENT_READ : 0) | (flags & FLAG_WRITE ? SEGMENT_WRITE : 0) |
           (flags & FLAG_EXECUTE ? SEGMENT_EXECUTE : 0);
}

static enum elf_status segment_check(const struct elf_program *program, uint64_t size,
                                     const struct elf_limits *limits)
{
    if (program->offset > size || program->file_size > size - program->offset)
        return ELF_OUTSIDE_FILE;
    if (program->file_size > program->memory_size)
        return ELF_FILE_TOO_LARGE;
    if (program->virtual % PAGE_SIZE)
        return ELF_NOT_ALIGNED;
    if (program->virtual < limits->low || program->virtual >= limits->high ||
        program->memory_size > limits->high - program->virtual)
        return ELF_OUTSIDE_MEMORY;
    if ((program->flags & FLAG_WRITE) && (program->flags & FLAG_EXECUTE))
        return ELF_WRITE_EXECUTE;
    return ELF_SUCCESS;
}

/* Segments lie within the limits, so no end wraps. Returns the number of an earlier one, or 0. */
static uint32_t segment_overlaps(const struct elf_image *image, const struct elf_segment *segment)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *earlier = &image->segment[i];

        if (segment->virtual < earlier->virtual + earlier->memory_size &&
            earlier->virtual < segment->virtual + segment->memory_size)
            return i + 1;
    }
    return 0;
}

static bool entry_inside(const struct elf_image *image)
{
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *segment = &image->segment[i];

        if ((segment->rights & SEGMENT_EXECUTE) && image->entry >= segment->virtual &&
            image->entry - segment->virtual < segment->file_size)
            return true;
    }
    return false;
}

static enum elf_status segment_take(const struct elf_program *program, uint64_t size,
                                    const struct elf_limits *limits, struct elf_image *image,
                                    struct elf_fault *fault)
{
    struct elf_segment *segment;
    enum elf_status status;

    fault->segment = image->count + 1;
    status = segment_check(program, size, limits);
    if (status)
        return status;
    if (image->count == ELF_MAX_SEGMENTS)
        return ELF_TOO_MANY_SEGMENTS;
    segment = &image->segment[image->count];
    *segment = (struct elf_segment){
        .virtual = program->virtual,
        .offset = program->offset,
        .file_size = program->file_size,
        .memory_size = page_round_up(program->memory_size),
        .rights = segment_rights(program->flags),
    };
    fault->other = fault->segment;
    fault->segment = segment_overlaps(image, segment);
    if (fault->segment)
        return ELF_OVERLAP;
    image->count++;
    return ELF_SUCCESS;
}

static enum elf_status file_check(const uint8_t *file, uint64_t size,
                                  const struct elf_limits *limits, struct elf_image *image,
                                  struct elf_fault *fault)
{
    struct elf_header header;
    enum elf_status status = header_check(file, size, &header);

    if (status)
        return status;
    image->entry = header.entry;
    image->count = 0;
    for (uint32_t i = 0; i < header.program_count; i++) {
        struct elf_program program;

        memcpy(&program, file + header.program_offset + i * sizeof(program), sizeof(program));
        if (program.type == PROGRAM_INTERPRETER || program.type == PROGRAM_DYNAMIC)
            return ELF_DYNAMIC;
        if (program.type != PROGRAM_LOAD || program.memory_size == 0)
            continue;
        status = segment_take(&program, size, limits, image, fault);
        if (status)
            return status;
    }
    if (image->count == 0)
        return ELF_NO_SEGMENT;
    return entry_inside(image) ? ELF_SUCCESS : ELF_ENTRY_OUTSIDE;
}

enum elf_status elf_check(const uint8_t *file, uint64_t size, const struct elf_limits *limits,
                          struct elf_image *image, struct elf_fault *fault)
{
    fault->segment = 0;
    fault->other = 0;
    fault->status = file_check(file, size, limits, image, fault);
    return fault->status;
}

static __attribute__((format(printf, 3, 4))) void text_make(char *text, size_t size,
                                                            const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_text(text, size, format, arguments);
    va_end(arguments);
}

void elf_fault_text(const struct elf_fault *fault, char *text, size_t size)
{
    static const char *const words[] = {
        [ELF_SUCCESS] = "no fault",
        [ELF_NOT_ELF64] = "not an ELF64 file",
        [ELF_WRONG_MACHINE] = "not an x86-64 ELF file",
        [ELF_NOT_EXECUTABLE] = "not an executable ELF file",
        [ELF_DYNAMIC] = "dynamically linked",
        [ELF_BAD_HEADER] = "bad ELF program headers",
        [ELF_NO_SEGMENT] = "no segment to load",
        [ELF_TOO_MANY_SEGMENTS] = "too many segments",
        [ELF_OUTSIDE_FILE] = "lies outside the file",
        [ELF_FILE_TOO_LARGE] = "has more bytes in the file than in memory",
        [ELF_NOT_ALIGNED] = "does not start on a page",
        [ELF_OUTSIDE_MEMORY] = "lies outside memory",
        [ELF_WRITE_EXECUTE] = "is writable and executable",
        [ELF_OVERLAP] = "overlap",
        [ELF_ENTRY_OUTSIDE] = "entry point outside the executable segments",
    };
    const char *what = words[fault->status];

    switch (fault->status) {
    case ELF_OVERLAP:
        text_make(text, size, "segments %u and %u %s", fault->segment, fault->other, what);
        break;
    case ELF_OUTSIDE_FILE:
    case ELF_FILE_TOO_LARGE:
    case ELF_NOT_ALIGNED:
    case ELF_OUTSIDE_MEMORY:
    case ELF_WRITE_EXECUTE:
        text_make(text, size, "segment %u %s", fault->segment, what);
        break;
    default:
        text_make(text, size, "%s", what);
    }
}
