/*
 * Reading the boot loader's information. See multiboot.h.
 *
 * All reads go through memory_view with their size, so a bad address is an error, not a fault.
 * Fields are copied out with memcpy: nothing is promised about alignment.
 */
#include "multiboot.h"

#include <stddef.h>
#include <string.h>

#define FLAG1_COMMAND_LINE (1u << 2)
#define FLAG1_MODULES      (1u << 3)
#define FLAG1_MEMORY_MAP   (1u << 6)
#define FLAG1_BOOT_LOADER  (1u << 9)
#define FLAG1_FRAMEBUFFER  (1u << 12)

#define INFORMATION2_MAX (1u << 20) /* GRUB's is a few KiB */
#define ENTRY2_MIN       24u        /* struct map_entry and a reserved field */
#define MEMORY_MAP1_MAX  (INPUT_MAX_MEMORY * 64u)

enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_BOOT_LOADER = 2,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI32 = 11,
    TAG_EFI64 = 12,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

enum framebuffer_type {
    FRAMEBUFFER_INDEXED = 0,
    FRAMEBUFFER_RGB = 1,
    FRAMEBUFFER_TEXT = 2,
};

/* Multiboot 0.6.96, 3.3, as far as used. */
struct information1 {
    uint32_t flags, memory_lower, memory_upper, boot_device, command_line;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t map_size, map;
    uint32_t drives_size, drives, config_table, boot_loader, apm_table;
    uint32_t vbe[4];
    uint32_t framebuffer[7]; /* struct framebuffer_fields; not aligned for it */
};

struct module1 {
    uint32_t start, end, arguments, reserved;
};

/* The same in Multiboot 1 and in the tag of Multiboot 2. */
struct framebuffer_fields {
    uint32_t base_low, base_high, pitch, width, height;
    uint8_t bits_per_pixel, type;
    uint8_t reserved[2]; /* Multiboot 1 has the colours here already, Multiboot 2 after these */
};

struct map_entry {
    uint32_t base_low, base_high, size_low, size_high, type;
};

struct tag {
    uint32_t type, size;
};

static uint64_t wide(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* Copy a text of at most limit bytes, its NUL included, to strings[]. */
static enum multiboot_status text_copy(struct input *input, uint64_t address, uint64_t limit,
                                       const char **text)
{
    char *start = &input->strings[input->strings_used];

    for (uint32_t length = 0; length < limit && length < INPUT_TEXT_MAX; length++) {
        const uint8_t *character = memory_view(address + length, 1);

        if (!character)
            return MULTIBOOT_BAD_INFORMATION;
        if (input->strings_used == INPUT_STRING_BYTES)
            return MULTIBOOT_LONG_TEXT;
        input->strings[input->strings_used++] = (char)*character;
        if (!*character) {
            *text = start;
            return MULTIBOOT_SUCCESS;
        }
    }
    return MULTIBOOT_LONG_TEXT;
}

static enum multiboot_status module_add(struct input *input, uint64_t start, uint64_t end,
                                        const char *arguments)
{
    if (input->module_count == INPUT_MAX_MODULES)
        return MULTIBOOT_MANY_MODULES;
    if (end < start || (end > start && !memory_view(start, end - start)))
        return MULTIBOOT_BAD_MODULE;
    input->module[input->module_count++] = (struct input_module){start, end - start, arguments};
    return MULTIBOOT_SUCCESS;
}

static enum multiboot_status memory_add(struct input *input, const uint8_t *raw)
{
    struct map_entry entry;

    if (input->memory_count == INPUT_MAX_MEMORY)
        return MULTIBOOT_MANY_RANGES;
    memcpy(&entry, raw, sizeof(entry));
    input->memory[input->memory_count++] = (struct input_memory){
        wide(entry.base_low, entry.base_high), wide(entry.size_low, entry.size_high), entry.type};
    return MULTIBOOT_SUCCESS;
}

/* colours: position and size of red, green and blue, 6 bytes. */
static void framebuffer_set(struct input *input, const struct framebuffer_fields *fields,
                            const uint8_t *colours)
{
    struct boot_framebuffer *framebuffer = &input->framebuffer;

    input->text_screen = fields->type == FRAMEBUFFER_TEXT;
    if (fields->type != FRAMEBUFFER_RGB)
        return;
    framebuffer->base = wide(fields->base_low, fields->base_high);
    framebuffer->pitch = fields->pitch;
    framebuffer->width = fields->width;
    framebuffer->height = fields->height;
    framebuffer->bits_per_pixel = fields->bits_per_pixel;
    framebuffer->red_position = colours[0];
    framebuffer->red_size = colours[1];
    framebuffer->green_position = colours[2];
    framebuffer->green_size = colours[3];
    framebuffer->blue_position = colours[4];
    framebuffer->blue_size = colours[5];
}

static enum multiboot_status read_modules1(const struct information1 *information,
                                           struct input *input)
{
    if (information->module_count > INPUT_MAX_MODULES)
        return MULTIBOOT_MANY_MODULES;
    for (uint32_t i = 0; i < information->module_count; i++) {
        const uint8_t *raw = memory_view(
            information->modules + i * (uint64_t)sizeof(struct module1), sizeof(struct module1));
        struct module1 module;
        const char *arguments = "";
        enum multiboot_status status = MULTIBOOT_SUCCESS;

        if (!raw)
            return MULTIBOOT_BAD_INFORMATION;
        memcpy(&module, raw, sizeof(module));
        if (module.arguments)
            status = text_copy(input, module.arguments, INPUT_TEXT_MAX, &arguments);
        if (!status)
            status = module_add(input, module.start, module.end, arguments);
        if (status)
            return status;
    }
    return MULTIBOOT_SUCCESS;
}

/* Each entry is preceded by its size, which does not count the size field itself. */
static enum multiboot_status read_map1(const struct information1 *information, struct input *input)
{
    const uint8_t *map = memory_view(information->map, information->map_size);
    uint32_t left = information->map_size;

    if (!map || left > MEMORY_MAP1_MAX)
        return MULTIBOOT_BAD_INFORMATION;
    while (left) {
        enum multiboot_status status;
        uint32_t size;

        if (left < sizeof(size))
            return MULTIBOOT_BAD_INFORMATION;
        memcpy(&size, map, sizeof(size));
        if (size < sizeof(struct map_entry) || size > left - sizeof(size))
            return MULTIBOOT_BAD_INFORMATION;
        status = memory_add(input, map + sizeof(size));
        if (status)
            return status;
        map += sizeof(size) + size;
        left -= (uint32_t)sizeof(size) + size;
    }
    return MULTIBOOT_SUCCESS;
}

static enum multiboot_status read_information1(uint64_t address, struct input *input)
{
    const uint8_t *raw = memory_view(address, sizeof(struct information1));
    struct information1 information;
    enum multiboot_status status = MULTIBOOT_SUCCESS;

    if (!raw)
        return MULTIBOOT_BAD_INFORMATION;
    memcpy(&information, raw, sizeof(information));
    if (information.flags & FLAG1_COMMAND_LINE)
        status = text_copy(input, information.command_line, INPUT_TEXT_MAX, &input->command_line);
    if (!status && (information.flags & FLAG1_BOOT_LOADER))
        status = text_copy(input, information.boot_loader, INPUT_TEXT_MAX, &input->boot_loader);
    if (!status && (information.flags & FLAG1_MODULES))
        status = read_modules1(&information, input);
    if (!status && (information.flags & FLAG1_MEMORY_MAP))
        status = read_map1(&information, input);
    if (!status && (information.flags & FLAG1_FRAMEBUFFER)) {
        struct framebuffer_fields fields;

        memcpy(&fields, information.framebuffer, sizeof(fields));
        framebuffer_set(input, &fields,
                        (const uint8_t *)information.framebuffer +
                            offsetof(struct framebuffer_fields, reserved));
    }
    return status;
}

static enum multiboot_status read_map2(const uint8_t *body, uint32_t size, struct input *input)
{
    uint32_t entry_size;

    if (size < 8)
        return MULTIBOOT_BAD_INFORMATION;
    memcpy(&entry_size, body, sizeof(entry_size));
    body += 8;
    size -= 8;
    if (entry_size < ENTRY2_MIN || entry_size % 8 || size % entry_size)
        return MULTIBOOT_BAD_INFORMATION;
    for (; size; size -= entry_size, body += entry_size) {
        enum multiboot_status status = memory_add(input, body);

        if (status)
            return status;
    }
    return MULTIBOOT_SUCCESS;
}

static enum multiboot_status read_module2(uint64_t address, uint32_t size, struct input *input)
{
    const uint8_t *body = memory_view(address, size);
    enum multiboot_status status;
    const char *arguments;
    uint32_t range[2];

    if (size < sizeof(range))
        return MULTIBOOT_BAD_INFORMATION;
    memcpy(range, body, sizeof(range));
    status = text_copy(input, address + sizeof(range), size - sizeof(range), &arguments);
    return status ? status : module_add(input, range[0], range[1], arguments);
}

static enum multiboot_status read_framebuffer2(const uint8_t *body, uint32_t size,
                                               struct input *input)
{
    static const uint8_t no_colours[6];
    struct framebuffer_fields fields;
    const uint8_t *colours = no_colours;

    if (size < sizeof(fields))
        return MULTIBOOT_BAD_INFORMATION;
    memcpy(&fields, body, sizeof(fields));
    if (fields.type == FRAMEBUFFER_RGB) {
        if (size < sizeof(fields) + sizeof(no_colours))
            return MULTIBOOT_BAD_INFORMATION;
        colours = body + sizeof(fields);
    }
    framebuffer_set(input, &fields, colours);
    return MULTIBOOT_SUCCESS;
}

/* A newer root pointer replaces an older one, never the other way round. */
static enum multiboot_status read_rsdp2(const uint8_t *body, uint32_t size, struct input *input)
{
    if (size > INPUT_RSDP_MAX)
        size = INPUT_RSDP_MAX;
    if (size <= input->rsdp_size)
        return MULTIBOOT_SUCCESS;
    memcpy(input->rsdp, body, size);
    input->rsdp_size = size;
    return MULTIBOOT_SUCCESS;
}

/* One tag, whose body of size bytes lies at the address and can be read. */
static enum multiboot_status read_tag2(uint32_t type, uint64_t address, uint32_t size,
                                       struct input *input)
{
    const uint8_t *body = memory_view(address, size);

    switch ((enum tag_type)type) {
    case TAG_COMMAND_LINE:
        return text_copy(input, address, size, &input->command_line);
    case TAG_BOOT_LOADER:
        return text_copy(input, address, size, &input->boot_loader);
    case TAG_MODULE:
        return read_module2(address, size, input);
    case TAG_MEMORY_MAP:
        return read_map2(body, size, input);
    case TAG_FRAMEBUFFER:
        return read_framebuffer2(body, size, input);
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        return read_rsdp2(body, size, input);
    default:
        return MULTIBOOT_SUCCESS;
    }
}

static enum multiboot_status read_information2(uint64_t address, struct input *input)
{
    const uint8_t *raw = memory_view(address, 8);
    bool efi = false, framebuffer = false;
    uint32_t total, offset = 8;

    if (!raw || address % 8)
        return MULTIBOOT_BAD_INFORMATION;
    memcpy(&total, raw, sizeof(total));
    if (total > INFORMATION2_MAX || !memory_view(address, total))
        return MULTIBOOT_BAD_INFORMATION;

    /* Every tag is at least 8 bytes long, so this ends. */
    for (;;) {
        enum multiboot_status status;
        struct tag tag;

        if (offset > total || total - offset < sizeof(tag))
            return MULTIBOOT_BAD_INFORMATION;
        memcpy(&tag, raw + offset, sizeof(tag));
        if (tag.size < sizeof(tag) || tag.size > total - offset)
            return MULTIBOOT_BAD_INFORMATION;
        if (tag.type == TAG_END)
            break;
        efi = efi || tag.type == TAG_EFI32 || tag.type == TAG_EFI64;
        framebuffer = framebuffer || tag.type == TAG_FRAMEBUFFER;
        status = read_tag2(tag.type, address + offset + sizeof(tag),
                           tag.size - (uint32_t)sizeof(tag), input);
        if (status)
            return status;
        offset += (tag.size + 7) & ~7u;
    }
    if (efi && !framebuffer)
        input->text_screen = false;
    return MULTIBOOT_SUCCESS;
}

enum multiboot_status multiboot_read(uint32_t magic, uint64_t information, struct input *input)
{
    enum multiboot_status status = MULTIBOOT_BAD_MAGIC;

    memset(input, 0, sizeof(*input));
    input->command_line = "";
    input->boot_loader = "";
    input->text_screen = true;
    if (magic == MULTIBOOT1_LOADER_MAGIC)
        status = read_information1(information, input);
    else if (magic == MULTIBOOT2_LOADER_MAGIC)
        status = read_information2(information, input);
    if (!status && input->memory_count == 0)
        status = MULTIBOOT_NO_MEMORY_MAP;
    return status;
}

const char *multiboot_status_text(enum multiboot_status status)
{
    static const char *const words[] = {
        [MULTIBOOT_SUCCESS] = "no error",
        [MULTIBOOT_BAD_MAGIC] = "not started by a Multiboot loader",
        [MULTIBOOT_BAD_INFORMATION] = "the boot loader's information is malformed",
        [MULTIBOOT_NO_MEMORY_MAP] = "the boot loader gave no memory map",
        [MULTIBOOT_MANY_RANGES] = "the memory map has too many entries",
        [MULTIBOOT_MANY_MODULES] = "too many modules",
        [MULTIBOOT_BAD_MODULE] = "the boot loader's module list is malformed",
        [MULTIBOOT_LONG_TEXT] = "a boot loader text is too long or has no end",
    };

    return words[status];
}
