/*
 * Any file as a program: what elf_check accepts, root maps and copies without looking again. The
 * limits are those of a program (process.h).
 */
#include "elf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->virtual < b->virtual + b->memory_size && b->virtual < a->virtual + a->memory_size;
}

static void require_segment(const struct elf_segment *s, size_t size)
{
    require(s->offset <= size && s->file_size <= size - s->offset);
    require(s->memory_size && s->memory_size % 4096 == 0 && s->file_size <= s->memory_size);
    require(s->virtual % 4096 == 0 && s->virtual >= PROCESS_IMAGE);
    require(s->virtual < PROCESS_IMAGE_END && s->memory_size <= PROCESS_IMAGE_END - s->virtual);
    require(!(s->rights & SEGMENT_WRITE && s->rights & SEGMENT_EXECUTE));
}

static void require_image(const struct elf_image *image, size_t size)
{
    bool entered = false;

    require(image->count && image->count <= ELF_MAX_SEGMENTS);
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segment[i];
        require_segment(s, size);
        entered = entered || (s->rights & SEGMENT_EXECUTE && image->entry >= s->virtual &&
                              image->entry - s->virtual < s->memory_size);
        for (uint32_t k = 0; k < i; k++)
            require(!overlap(s, &image->segment[k]));
    }
    require(entered);
}

/* Root reads the program headers' place from the file's header when it is accepted. */
static void require_headers(const uint8_t *file, size_t size)
{
    uint64_t offset;
    uint16_t count;

    require(size >= 64);
    memcpy(&offset, file + 32, sizeof(offset));
    memcpy(&count, file + 56, sizeof(count));
    require(offset <= size && count * 56ull <= size - offset);
}

/* Names of addresses that the file itself has, and of any. */
static void require_symbols(const uint8_t *file, size_t size)
{
    struct symbols symbols;
    char name[SYMBOL_NAME_MAX];
    uint64_t offset;

    if (!symbols_open(file, size, &symbols))
        return;
    for (uint64_t i = 0; i < 16; i++) {
        uint64_t address = i << (4 * i);
        if (i < symbols.count)
            memcpy(&address, symbols.entry + i * 24 + 8, sizeof(address));
        if (symbols_find(&symbols, address, name, &offset))
            require(name[0] ? strlen(name) < sizeof(name) && offset <= address : true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct elf_limits limits = {PROCESS_IMAGE, PROCESS_IMAGE_END};
    struct elf_image image;
    struct elf_fault fault = {.status = ELF_SUCCESS};
    char text[100];

    require_symbols(data, size);
    if (elf_check(data, size, &limits, &image, &fault) == ELF_SUCCESS) {
        require_image(&image, size);
        require_headers(data, size);
    } else {
        require(fault.status != ELF_SUCCESS);
        elf_fault_text(&fault, text, sizeof(text));
        require(strlen(text) > 0 && strlen(text) < sizeof(text));
    }
    return 0;
}
