/*
 * The loader's ELF checks: a good file, then one fault at a time, each with its own words; and
 * every byte of the headers changed in turn, which must never read outside the file.
 */
#include "elf.h"

#include <linux/elf.h>
#include <stdlib.h>

#include "tap.h"

#define LOW      0xffffffff80000000ull
#define HIGH     0xfffffffffffff000ull
#define SEGMENTS 3
#define PAGE     4096ull
#define PAGES    4

struct file {
    Elf64_Ehdr header;
    Elf64_Phdr program[10];
    uint8_t rest[PAGES * PAGE - sizeof(Elf64_Ehdr) - 10 * sizeof(Elf64_Phdr)];
};

static const struct elf_limits limits = {LOW, HIGH};

/* Text, constants and data of one page each in the file; data has three pages in memory. */
static struct file file_good(void)
{
    static const uint32_t flags[SEGMENTS] = {PF_R | PF_X, PF_R, PF_R | PF_W};
    struct file file = {.header = {
                            .e_type = ET_EXEC,
                            .e_machine = EM_X86_64,
                            .e_version = EV_CURRENT,
                            .e_entry = LOW + 16,
                            .e_phoff = sizeof(Elf64_Ehdr),
                            .e_ehsize = sizeof(Elf64_Ehdr),
                            .e_phentsize = sizeof(Elf64_Phdr),
                            .e_phnum = SEGMENTS,
                        }};

    memcpy(file.header.e_ident, "\177ELF\2\1\1", 7);
    for (unsigned i = 0; i < SEGMENTS; i++)
        file.program[i] = (Elf64_Phdr){
            .p_type = PT_LOAD,
            .p_flags = flags[i],
            .p_offset = (i + 1) * PAGE,
            .p_vaddr = LOW + i * PAGE,
            .p_filesz = 100 + i,
            .p_memsz = i == 2 ? 9000 : 100 + i,
            .p_align = 4096,
        };
    return file;
}

/* Check a copy that ends where its allocation ends, so that the sanitizer sees a read behind it. */
static enum elf_status check(const struct file *file, size_t size, struct elf_image *image,
                             struct elf_fault *fault)
{
    uint8_t *copy = malloc(size ? size : 1);
    enum elf_status status;

    memcpy(copy, file, size);
    status = elf_check(copy, size, &limits, image, fault);
    free(copy);
    return status;
}

static void test_good(void)
{
    struct file file = file_good();
    struct elf_image image;
    struct elf_fault fault;

    is_u64(check(&file, sizeof(file), &image, &fault), ELF_SUCCESS, "a good file is accepted");
    is_u64(image.entry, LOW + 16, "its entry point");
    is_u64(image.count, 3, "its number of segments");
    is_u64(image.segment[2].virtual, LOW + 8192, "a segment's address");
    is_u64(image.segment[2].offset, 3 * PAGE, "its place in the file");
    is_u64(image.segment[2].file_size, 102, "its size in the file");
    is_u64(image.segment[2].memory_size, 3 * PAGE, "its size in memory, whole pages");
    is_u64(image.segment[0].rights, SEGMENT_READ | SEGMENT_EXECUTE, "rights of text");
    is_u64(image.segment[1].rights, SEGMENT_READ, "rights of constants");
    is_u64(image.segment[2].rights, SEGMENT_READ | SEGMENT_WRITE, "rights of data");
}

static void refused(const struct file *file, size_t size, enum elf_status want, const char *words)
{
    struct elf_image image;
    struct elf_fault fault;
    char text[100];

    is_u64(check(file, size, &image, &fault), want, "refused: %s", words);
    elf_fault_text(&fault, text, sizeof(text));
    is_str(text, words, "in these words");
}

#define WITH(field, value) (file = file_good(), file.field = (value), &file)
#define ALL                sizeof(struct file)

static void test_header_faults(void)
{
    struct file file = file_good();

    refused(&file, 63, ELF_NOT_ELF64, "not an ELF64 file");
    refused(WITH(header.e_ident[0], 0x7e), ALL, ELF_NOT_ELF64, "not an ELF64 file");
    refused(WITH(header.e_ident[EI_CLASS], ELFCLASS32), ALL, ELF_NOT_ELF64, "not an ELF64 file");
    refused(WITH(header.e_ident[EI_DATA], ELFDATA2MSB), ALL, ELF_NOT_ELF64, "not an ELF64 file");
    refused(WITH(header.e_version, 2), ALL, ELF_NOT_ELF64, "not an ELF64 file");
    refused(WITH(header.e_machine, EM_AARCH64), ALL, ELF_WRONG_MACHINE, "not an x86-64 ELF file");
    refused(WITH(header.e_type, ET_DYN), ALL, ELF_NOT_EXECUTABLE, "not an executable ELF file");
    refused(WITH(header.e_phentsize, 55), ALL, ELF_BAD_HEADER, "bad ELF program headers");
    refused(WITH(header.e_phnum, 0), ALL, ELF_BAD_HEADER, "bad ELF program headers");
    refused(WITH(header.e_phnum, 65), ALL, ELF_BAD_HEADER, "bad ELF program headers");
    refused(WITH(header.e_phoff, UINT64_MAX), ALL, ELF_BAD_HEADER, "bad ELF program headers");
    refused(WITH(header.e_phoff, ALL - 10), ALL, ELF_BAD_HEADER, "bad ELF program headers");
    file = file_good();
    refused(&file, 100, ELF_BAD_HEADER, "bad ELF program headers");
}

static void test_segment_faults(void)
{
    struct file file;
    const char *outside_file = "segment 3 lies outside the file";
    const char *outside = "segment 1 lies outside memory";

    refused(WITH(program[2].p_offset, UINT64_MAX), ALL, ELF_OUTSIDE_FILE, outside_file);
    refused(WITH(program[2].p_offset, ALL - 101), ALL, ELF_OUTSIDE_FILE, outside_file);
    file = file_good();
    refused(&file, 3 * PAGE + 101, ELF_OUTSIDE_FILE, outside_file);
    refused(WITH(program[1].p_memsz, 100), ALL, ELF_FILE_TOO_LARGE,
            "segment 2 has more bytes in the file than in memory");
    refused(WITH(program[1].p_vaddr, LOW + 4097), ALL, ELF_NOT_ALIGNED,
            "segment 2 does not start on a page");
    refused(WITH(program[0].p_vaddr, LOW - 4096), ALL, ELF_OUTSIDE_MEMORY, outside);
    refused(WITH(program[0].p_vaddr, HIGH), ALL, ELF_OUTSIDE_MEMORY, outside);
    refused(WITH(program[0].p_memsz, HIGH - LOW + 1), ALL, ELF_OUTSIDE_MEMORY, outside);
    refused(WITH(program[0].p_memsz, UINT64_MAX), ALL, ELF_OUTSIDE_MEMORY, outside);
    refused(WITH(program[0].p_flags, PF_R | PF_W | PF_X), ALL, ELF_WRITE_EXECUTE,
            "segment 1 is writable and executable");
    refused(WITH(program[1].p_vaddr, LOW), ALL, ELF_OVERLAP, "segments 1 and 2 overlap");
    refused(WITH(program[0].p_memsz, 4097), ALL, ELF_OVERLAP, "segments 1 and 2 overlap");
    refused(WITH(program[0].p_vaddr, LOW + 4 * PAGE), ALL, ELF_OVERLAP, "segments 1 and 3 overlap");
    refused(WITH(program[0].p_type, PT_INTERP), ALL, ELF_DYNAMIC, "dynamically linked");
    refused(WITH(program[0].p_type, PT_DYNAMIC), ALL, ELF_DYNAMIC, "dynamically linked");
}

static void test_entry_faults(void)
{
    static const uint64_t entries[] = {LOW + 100, LOW - 1, LOW + 4096, 0, UINT64_MAX};
    struct file file;

    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        refused(WITH(header.e_entry, entries[i]), ALL, ELF_ENTRY_OUTSIDE,
                "entry point outside the executable segments");
}

static void test_counts(void)
{
    struct file file = file_good();

    for (unsigned i = 0; i < SEGMENTS; i++)
        file.program[i].p_type = PT_NOTE;
    refused(&file, ALL, ELF_NO_SEGMENT, "no segment to load");
    file = file_good();
    file.header.e_phnum = 9;
    for (unsigned i = SEGMENTS; i < 9; i++) {
        file.program[i] = file.program[1];
        file.program[i].p_vaddr = LOW + (i + 10) * PAGE;
    }
    refused(&file, ALL, ELF_TOO_MANY_SEGMENTS, "too many segments");
}

/* Whatever one byte of the headers becomes: accepted images keep every promise of elf.h. */
static void test_every_byte(void)
{
    unsigned wrong = 0, accepted = 0;

    for (size_t at = 0; at < sizeof(Elf64_Ehdr) + SEGMENTS * sizeof(Elf64_Phdr); at++)
        for (unsigned value = 0; value < 256; value += 5) {
            struct file file = file_good();
            struct elf_image image;
            struct elf_fault fault;

            ((uint8_t *)&file)[at] ^= (uint8_t)value;
            if (check(&file, sizeof(file), &image, &fault))
                continue;
            accepted++;
            for (unsigned i = 0; i < image.count; i++) {
                const struct elf_segment *s = &image.segment[i];

                wrong += s->virtual < LOW || s->virtual % 4096 || s->memory_size % 4096 ||
                         s->memory_size > HIGH - s->virtual || s->file_size > s->memory_size ||
                         s->offset > sizeof(file) || s->file_size > sizeof(file) - s->offset;
            }
        }
    is_u64(wrong, 0, "no changed byte lets a bad segment through");
    ok(accepted > 0, "%u changes were harmless", accepted);
}

int main(void)
{
    test_good();
    test_header_faults();
    test_segment_faults();
    test_entry_faults();
    test_counts();
    test_every_byte();
    return done_testing();
}
