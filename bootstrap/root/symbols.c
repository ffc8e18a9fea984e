#include "symbols.h"

#include <string.h>

/* Field layout: System V ABI, "ELF Header", "Section Header", "Symbol Table Entry". */
struct section {
    uint32_t name, type;
    uint64_t flags, address, offset, size;
    uint32_t link, info;
    uint64_t align, entry_size;
};

struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};

enum {
    HEADER_BYTES = 64,
    HEADER_SECTIONS = 40,      /* e_shoff, */
    HEADER_SECTION_SIZE = 58,  /* e_shentsize, */
    HEADER_SECTION_COUNT = 60, /* e_shnum */
    SECTION_SYMBOLS = 2,
    SECTION_STRINGS = 3,
    SYMBOL_NO_TYPE = 0,
    SYMBOL_FUNCTION = 2,
    SYMBOL_TYPE = 15, /* of info */
    UNDEFINED = 0,
    ABSOLUTE = 0xfff1,
};

static bool inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return offset <= size && bytes <= size - offset;
}

static bool section_read(const uint8_t *file, uint64_t size, uint32_t number, struct section *s)
{
    uint64_t offset;
    uint16_t count, bytes;

    memcpy(&offset, file + HEADER_SECTIONS, sizeof(offset));
    memcpy(&bytes, file + HEADER_SECTION_SIZE, sizeof(bytes));
    memcpy(&count, file + HEADER_SECTION_COUNT, sizeof(count));
    if (number >= count || bytes != sizeof(*s) ||
        !inside(offset, (uint64_t)count * sizeof(*s), size))
        return false;
    memcpy(s, file + offset + number * sizeof(*s), sizeof(*s));
    return true;
}

bool symbols_open(const uint8_t *file, uint64_t size, struct symbols *symbols)
{
    struct section table, names;

    if (size < HEADER_BYTES)
        return false;
    for (uint32_t i = 0; section_read(file, size, i, &table); i++) {
        if (table.type != SECTION_SYMBOLS)
            continue;
        if (table.entry_size != sizeof(struct symbol) || !inside(table.offset, table.size, size) ||
            !section_read(file, size, table.link, &names) || names.type != SECTION_STRINGS ||
            !inside(names.offset, names.size, size))
            return false;
        *symbols = (struct symbols){.entry = file + table.offset,
                                    .count = table.size / sizeof(struct symbol),
                                    .names = file + names.offset,
                                    .names_size = names.size};
        return true;
    }
    return false;
}

/* Can an address be in it? */
static bool is_code(const struct symbol *s, const struct symbols *symbols)
{
    uint8_t type = s->info & SYMBOL_TYPE;

    return (type == SYMBOL_FUNCTION || type == SYMBOL_NO_TYPE) && s->section != UNDEFINED &&
           s->section < ABSOLUTE && s->name && s->name < symbols->names_size &&
           symbols->names[s->name];
}

static void name_copy(const struct symbols *symbols, uint32_t at, char name[SYMBOL_NAME_MAX])
{
    uint32_t n = 0;

    for (; n < SYMBOL_NAME_MAX - 1 && at + n < symbols->names_size && symbols->names[at + n]; n++)
        name[n] = (char)symbols->names[at + n];
    name[n] = 0;
}

bool symbols_find(const struct symbols *symbols, uint64_t address, char name[SYMBOL_NAME_MAX],
                  uint64_t *offset)
{
    struct symbol best = {0};

    for (uint64_t i = 0; i < symbols->count; i++) {
        struct symbol s;
        memcpy(&s, symbols->entry + i * sizeof(s), sizeof(s));
        /* The last one that begins at or before it; of several there, one that knows its size. */
        if (is_code(&s, symbols) && s.value <= address &&
            (!best.name || s.value > best.value || (s.value == best.value && s.size > best.size)))
            best = s;
    }
    if (!best.name || (best.size && address - best.value >= best.size))
        return false;
    name_copy(symbols, best.name, name);
    *offset = address - best.value;
    return true;
}
