/*
 * Boot modules. See modules.h. Nothing of a module is used before its checks are done: a frame's
 * content only when its checksum was right, an ELF file's segments only when all are.
 */
#include "modules.h"

#include <string.h>

#include "console.h"
#include "elf.h"
#include "unpack.h"

/* Unpacked bytes, and the memory to give back when they were used. */
struct content {
    uint8_t *bytes;
    uint64_t size;
};

static void map_check(enum ranges_status status)
{
    if (status == RANGES_FULL)
        fail("the memory map has too many entries");
}

static void memory_release(struct ranges *map, uint64_t base, uint64_t size)
{
    uint64_t start = base & ~(PAGE_SIZE - 1);

    map_check(ranges_set(map, start, page_round_up(base + size) - start, MEMORY_FREE, 0));
}

uint64_t memory_require(struct ranges *map, uint64_t size, enum memory_type type, uint32_t index,
                        const char *what)
{
    const struct ranges_place place = {PAGE_SIZE, MEMORY_ABOVE, MEMORY_BELOW};
    enum ranges_status status;
    uint64_t base = 0;

    if (!size)
        size = PAGE_SIZE;
    status = ranges_take(map, size, place, type, index, &base);
    map_check(status);
    if (status)
        fail("%s: too little memory: %lu bytes needed in one piece, %lu bytes free below 4 GiB",
             what, size, ranges_total(map, MEMORY_FREE, MEMORY_ABOVE, MEMORY_BELOW));
    return base;
}

/* "module 'NAME'", for messages. */
static const char *module_label(const struct module *module)
{
    static char label[NAME_MAX_BYTES + 16];
    size_t length = strlen(module->name);

    memcpy(label, "module '", 8);
    memcpy(label + 8, module->name, length);
    memcpy(label + 8 + length, "'", 2);
    return label;
}

static void module_claim(struct modules *modules, const struct input_module *given,
                         struct ranges *map)
{
    struct module *module = &modules->module[modules->count];
    uint64_t start = given->base & ~(PAGE_SIZE - 1);
    uint64_t end = page_round_up(given->base + given->size);
    enum name_status status = name_find(given->arguments, module->name);

    if (status)
        fail("module %u %s", modules->count + 1, name_status_text(status));
    for (uint32_t i = 0; i < modules->count; i++)
        if (!strcmp(modules->module[i].name, module->name))
            fail("module '%s': given twice", module->name);
    module->base = given->base;
    module->size = given->size;
    module->arguments = given->arguments;
    modules->count++;
    if (!given->size)
        return;
    if (!ranges_covered(map, start, end - start, MEMORY_FREE))
        fail("module '%s': lies outside free memory or overlaps another", module->name);
    map_check(ranges_set(map, start, end - start, MEMORY_LOADER, modules->count));
}

void modules_claim(struct modules *modules, const struct input *input, struct ranges *map)
{
    modules->count = 0;
    modules->data_count = 0;
    for (uint32_t i = 0; i < input->module_count; i++)
        module_claim(modules, &input->module[i], map);
}

/*
 * The module's content in fresh memory of this type, the last page zero-filled; the memory it
 * arrived in is released. A plain module is copied: that puts it on a page of its own.
 */
static struct content module_unpack(const struct module *module, struct ranges *map,
                                    enum memory_type type, uint32_t index)
{
    const uint8_t *packed = (const uint8_t *)module->base;
    bool is_frame = unpack_is_frame(packed, module->size);
    struct unpack_sizes sizes = {.content = module->size};
    struct content content;

    if (is_frame) {
        enum unpack_status status = unpack_inspect(packed, module->size, &sizes);

        if (status)
            fail("%s: %s", module_label(module), unpack_status_text(status));
    }
    content.size = sizes.content;
    content.bytes = (uint8_t *)memory_require(map, content.size, type, index, module_label(module));
    if (is_frame) {
        uint8_t *work =
            (uint8_t *)memory_require(map, sizes.work, MEMORY_LOADER, 0, module_label(module));
        enum unpack_status status = unpack_frame(packed, module->size, &sizes, content.bytes, work);

        if (status)
            fail("%s: %s", module_label(module), unpack_status_text(status));
        memory_release(map, (uint64_t)work, sizes.work);
    } else {
        memcpy(content.bytes, packed, content.size);
    }
    memset(content.bytes + content.size, 0,
           (content.size ? page_round_up(content.size) : PAGE_SIZE) - content.size);
    if (module->size)
        memory_release(map, module->base, module->size);
    console_line("module %s: %s%lu -> %lu bytes", module->name, is_frame ? "lz4 " : "",
                 module->size, content.size);
    return content;
}

static void segment_load(const struct module *module, const struct content *file,
                         const struct elf_segment *source, struct ranges *map,
                         enum memory_type type, struct handoff_segment *target)
{
    uint8_t *memory =
        (uint8_t *)memory_require(map, source->memory_size, type, 0, module_label(module));

    memcpy(memory, file->bytes + source->offset, source->file_size);
    memset(memory + source->file_size, 0, source->memory_size - source->file_size);
    *target = (struct handoff_segment){
        .virtual = source->virtual,
        .physical = (uint64_t)memory,
        .size = source->memory_size,
        .rights = source->rights,
    };
}

uint32_t modules_load(struct modules *modules, struct ranges *map, const char *name,
                      const struct elf_limits *limits, enum memory_type type,
                      struct handoff_segment *segment, uint64_t *entry)
{
    const struct module *module = NULL;
    struct elf_image image;
    struct elf_fault fault;
    struct content file;

    for (uint32_t i = 0; i < modules->count; i++)
        if (!strcmp(modules->module[i].name, name))
            module = &modules->module[i];
    if (!module)
        fail("no module named %s", name);
    file = module_unpack(module, map, MEMORY_LOADER, INPUT_MAX_MODULES + 1);
    if (elf_check(file.bytes, file.size, limits, &image, &fault)) {
        char words[80];

        elf_fault_text(&fault, words, sizeof(words));
        fail("%s: %s", module_label(module), words);
    }
    for (uint32_t i = 0; i < image.count; i++)
        segment_load(module, &file, &image.segment[i], map, type, &segment[i]);
    memory_release(map, (uint64_t)file.bytes, file.size ? file.size : 1);
    *entry = image.entry;
    return image.count;
}

void modules_unpack_data(struct modules *modules, struct ranges *map)
{
    for (uint32_t i = 0; i < modules->count; i++) {
        const struct module *module = &modules->module[i];
        struct content content;

        if (!strcmp(module->name, "kernel") || !strcmp(module->name, "first"))
            continue;
        if (modules->data_count == BOOT_MAX_MODULES)
            fail("too many modules");
        content = module_unpack(module, map, MEMORY_MODULE, modules->data_count);
        modules->data[modules->data_count++] =
            (struct data_module){module, (uint64_t)content.bytes, content.size};
    }
}
