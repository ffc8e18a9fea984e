/* Names from the symbol table of an ELF file: what is there, and tables that lie. */
#include <stdlib.h>
#include <string.h>

#include "symbols.h"
#include "tap.h"

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

/* A file of a header, three sections, a table of symbols and its names, and nothing else. */
struct file {
    uint8_t head[40];
    uint64_t sections;
    uint8_t flags[10];
    uint16_t section_size, section_count, names;
    struct section section[3];
    struct symbol symbol[7];
    char name[32];
};

_Static_assert(offsetof(struct file, section) == 64, "the header");

static const struct file good = {
    .sections = 64,
    .section_size = 64,
    .section_count = 3,
    .section = {{0},
                {.type = 2,
                 .link = 2,
                 .offset = offsetof(struct file, symbol),
                 .size = sizeof(good.symbol),
                 .entry_size = 24},
                {.type = 3, .offset = offsetof(struct file, name), .size = sizeof(good.name)}},
    .symbol = {{0},
               {.name = 1, .info = 0x12, .section = 1, .value = 0x1000, .size = 0x20},
               {.name = 7, .info = 0x02, .section = 1, .value = 0x1040, .size = 0x10},
               {.name = 13, .info = 0x10, .section = 1, .value = 0x2000},
               {.name = 20, .info = 0x11, .section = 1, .value = 0x1008, .size = 0x8},
               {.name = 20, .info = 0x12, .section = 0, .value = 0x1009, .size = 0x8},
               {.name = 20, .info = 0x12, .section = 0xfff1, .value = 0x100a, .size = 0x8}},
    .name = "\0first\0other\0_start\0object",
};

static struct symbols symbols;
static char name[SYMBOL_NAME_MAX];
static uint64_t offset;

/* In memory of exactly its size. */
static struct file *file_copy(void)
{
    return memcpy(malloc(sizeof(good)), &good, sizeof(good));
}

static bool opens(const struct file *file, uint64_t size)
{
    return symbols_open((const uint8_t *)file, size, &symbols);
}

static const char *find(uint64_t address)
{
    return symbols_find(&symbols, address, name, &offset) ? name : "";
}

static void test_find(void)
{
    struct file *file = file_copy();

    ok(opens(file, sizeof(*file)), "a table");
    is_str(find(0x1000), "first", "the first byte of a function");
    is_str(find(0x101f), "first", "the last one");
    is_u64(offset, 0x1f, "its place");
    is_str(find(0x1020), "", "behind it");
    is_str(find(0xfff), "", "before all");
    is_str(find(0x1009), "first", "data and what is elsewhere are no functions");
    is_str(find(0x104f), "other", "another one");
    is_str(find(0x2345), "_start", "one without a size");
    is_u64(offset, 0x345, "its place");
    is_str(find(UINT64_MAX), "_start", "the last address");
    free(file);
}

/* Every field of the tables, with values that lead outside. */
static void test_lies(void)
{
    const uint64_t values[] = {0, 1, 2, 23, 63, 64, 65, sizeof(good), UINT32_MAX, UINT64_MAX};
    unsigned opened = 0, refused = 0;

    for (unsigned at = 0; at + 8 <= sizeof(good); at++)
        for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
                struct file *file = file_copy();
                memcpy((char *)file + at, &values[i], bytes);
                if (opens(file, sizeof(*file))) {
                    opened++;
                    for (uint64_t address = 0xfff; address < 0x3000; address += 0x7f)
                        (void)find(address);
                } else {
                    refused++;
                }
                free(file);
            }
    ok(opened && refused, "%u tables hold, %u do not, nothing is read outside", opened, refused);
}

static void test_short(void)
{
    bool any = false;

    for (uint64_t size = 0; size < sizeof(good); size++) {
        uint8_t *file = malloc(size ? size : 1);
        memcpy(file, &good, size);
        any = any || symbols_open(file, size, &symbols);
        free(file);
    }
    ok(!any, "a file that is cut anywhere has no table");
}

static void test_long_name(void)
{
    struct {
        struct file file;
        char more[128];
    } *long_one = malloc(sizeof(*long_one));

    memset(long_one, 'x', sizeof(*long_one));
    long_one->file = good;
    long_one->file.section[2].offset = sizeof(good);
    long_one->file.section[2].size = sizeof(long_one->more);
    ok(opens(&long_one->file, sizeof(*long_one)), "names without an end");
    is_u64(strlen(find(0x1000)), SYMBOL_NAME_MAX - 1, "are cut");
    long_one->file.section[2].size = 4;
    ok(opens(&long_one->file, sizeof(*long_one)), "names of four bytes");
    is_u64(strlen(find(0x1000)), 3, "end with them");
    free(long_one);
}

int main(void)
{
    test_find();
    test_lies();
    test_short();
    test_long_name();
    return done_testing();
}
