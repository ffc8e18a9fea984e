/*
 * What the boot loader tells, read from a made-up physical memory: good information of both
 * versions, and each size, address and text wrong in turn.
 */
#include "multiboot.h"

#include <stdlib.h>

#include "tap.h"

#define MEMORY_BASE 0x10000u
#define MEMORY_SIZE 0x8000u

static uint8_t *memory; /* its own allocation, so that the sanitizer guards its ends */
static struct input input;

const uint8_t *memory_view(uint64_t address, uint64_t size)
{
    if (address < MEMORY_BASE || address > MEMORY_BASE + MEMORY_SIZE ||
        size > MEMORY_BASE + MEMORY_SIZE - address)
        return NULL;
    return memory + (address - MEMORY_BASE);
}

static void put(uint32_t address, const void *bytes, size_t size)
{
    memcpy(memory + (address - MEMORY_BASE), bytes, size);
}

static void put32(uint32_t address, uint32_t value)
{
    put(address, &value, sizeof(value));
}

static void put_text(uint32_t address, const char *text)
{
    put(address, text, strlen(text) + 1);
}

/* --- Multiboot 1 --- */

#define INFO1    MEMORY_BASE
#define MODULES1 (MEMORY_BASE + 0x200u)
#define MAP1     (MEMORY_BASE + 0x400u)
#define TEXT1    (MEMORY_BASE + 0x600u)
#define CONTENT1 (MEMORY_BASE + 0x1000u)

static void information1_make(void)
{
    memset(memory, 0, MEMORY_SIZE);
    put32(INFO1 + 0, 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9);
    put32(INFO1 + 16, TEXT1);
    put_text(TEXT1, "path tests=*");
    put32(INFO1 + 20, 2);
    put32(INFO1 + 24, MODULES1);
    for (uint32_t i = 0; i < 2; i++) {
        put32(MODULES1 + 16 * i + 0, CONTENT1 + 0x1000 * i);
        put32(MODULES1 + 16 * i + 4, CONTENT1 + 0x1000 * i + 100);
        put32(MODULES1 + 16 * i + 8, TEXT1 + 32 + 32 * i);
    }
    put_text(TEXT1 + 32, "a name=kernel");
    put_text(TEXT1 + 64, "b name=first");
    put32(INFO1 + 44, 48);
    put32(INFO1 + 48, MAP1);
    for (uint32_t i = 0; i < 2; i++) {
        put32(MAP1 + 24 * i + 0, 20);
        put32(MAP1 + 24 * i + 4, 0x1000);
        put32(MAP1 + 24 * i + 8, i);
        put32(MAP1 + 24 * i + 12, 0x2000);
        put32(MAP1 + 24 * i + 16, 3);
        put32(MAP1 + 24 * i + 20, 1 + i);
    }
    put32(INFO1 + 64, TEXT1 + 96);
    put_text(TEXT1 + 96, "loader");
}

static enum multiboot_status read1(void)
{
    return multiboot_read(MULTIBOOT1_LOADER_MAGIC, INFO1, &input);
}

static void test_good1(void)
{
    information1_make();
    is_u64(read1(), MULTIBOOT_SUCCESS, "version 1 is read");
    memset(memory, 0xff, MEMORY_SIZE);
    is_str(input.command_line, "path tests=*", "command line, copied");
    is_str(input.boot_loader, "loader", "boot loader's name");
    is_u64(input.module_count, 2, "modules");
    is_u64(input.module[1].base, CONTENT1 + 0x1000, "a module's address");
    is_u64(input.module[1].size, 100, "its size");
    is_str(input.module[1].arguments, "b name=first", "its arguments");
    is_u64(input.memory_count, 2, "memory ranges");
    is_u64(input.memory[1].base, 0x100001000, "a range's 64-bit address");
    is_u64(input.memory[1].size, 0x300002000, "its 64-bit size");
    is_u64(input.memory[1].type, 2, "its type");
    ok(input.text_screen, "the screen is taken to be in text mode");
    is_u64(input.framebuffer.base, 0, "no framebuffer");
}

static void test_framebuffer1(void)
{
    static const uint8_t tail[] = {32, 1, 16, 8, 8, 7, 0, 6};

    information1_make();
    put32(INFO1, 1u << 6 | 1u << 12);
    put32(INFO1 + 88, 0xc0000000);
    put32(INFO1 + 96, 3200);
    put32(INFO1 + 100, 800);
    put32(INFO1 + 104, 600);
    put(INFO1 + 108, tail, sizeof(tail));
    is_u64(read1(), MULTIBOOT_SUCCESS, "version 1 with a framebuffer");
    ok(!input.text_screen, "then the screen is not in text mode");
    is_u64(input.framebuffer.base, 0xc0000000, "its address");
    is_u64(input.framebuffer.height, 600, "its height");
    is_u64(input.framebuffer.green_size, 7, "its colours");
    is_u64(input.framebuffer.blue_size, 6, "all of them");
}

/* One 32-bit field changed; the answer expected. */
static void bad1(uint32_t address, uint32_t value, enum multiboot_status want, const char *what)
{
    information1_make();
    put32(address, value);
    is_u64(read1(), want, "version 1, %s: %s", what, multiboot_status_text(want));
}

static void test_bad1(void)
{
    bad1(INFO1, 0, MULTIBOOT_NO_MEMORY_MAP, "no flags");
    bad1(INFO1 + 16, 1, MULTIBOOT_BAD_INFORMATION, "command line outside memory");
    bad1(INFO1 + 20, 0xffffffff, MULTIBOOT_MANY_MODULES, "too many modules");
    bad1(INFO1 + 24, 0xfffffff8, MULTIBOOT_BAD_INFORMATION, "module list outside memory");
    bad1(INFO1 + 44, 0xffffffff, MULTIBOOT_BAD_INFORMATION, "huge map");
    bad1(INFO1 + 44, 47, MULTIBOOT_BAD_INFORMATION, "map ends in an entry");
    bad1(INFO1 + 44, 50, MULTIBOOT_BAD_INFORMATION, "map ends in an entry's size");
    bad1(INFO1 + 44, 0, MULTIBOOT_NO_MEMORY_MAP, "empty map");
    bad1(INFO1 + 48, 0xfffffff0, MULTIBOOT_BAD_INFORMATION, "map outside memory");
    bad1(MAP1, 19, MULTIBOOT_BAD_INFORMATION, "entry too small");
    bad1(MAP1, 0xfffffffc, MULTIBOOT_BAD_INFORMATION, "entry's size wraps");
    bad1(MODULES1 + 4, CONTENT1 - 1, MULTIBOOT_BAD_MODULE, "module ends before it begins");
    bad1(MODULES1 + 4, 0xffffffff, MULTIBOOT_BAD_MODULE, "module outside memory");
    bad1(MODULES1 + 8, 8, MULTIBOOT_BAD_INFORMATION, "arguments outside memory");
    bad1(MODULES1 + 8, 0, MULTIBOOT_SUCCESS, "no arguments");
    information1_make();
    memset(memory + (CONTENT1 - MEMORY_BASE), 'a', INPUT_TEXT_MAX + 1);
    put32(INFO1 + 16, CONTENT1);
    is_u64(read1(), MULTIBOOT_LONG_TEXT, "a text without an end");
    is_u64(multiboot_read(MULTIBOOT1_LOADER_MAGIC, 4, &input), MULTIBOOT_BAD_INFORMATION,
           "information outside memory");
    is_u64(multiboot_read(0x12345678, INFO1, &input), MULTIBOOT_BAD_MAGIC, "wrong magic number");
}

static void test_many_texts(void)
{
    information1_make();
    memset(memory + (CONTENT1 - MEMORY_BASE), 'a', 4000);
    put32(INFO1 + 20, 12);
    for (uint32_t i = 0; i < 12; i++) {
        put32(MODULES1 + 16 * i + 0, CONTENT1);
        put32(MODULES1 + 16 * i + 4, CONTENT1);
        put32(MODULES1 + 16 * i + 8, CONTENT1);
    }
    is_u64(read1(), MULTIBOOT_LONG_TEXT, "more text than there is room for");
}

/* --- Multiboot 2 --- */

static uint32_t information2_end;

static void information2_start(void)
{
    memset(memory, 0, MEMORY_SIZE);
    information2_end = MEMORY_BASE + 8;
}

static void tag_add(uint32_t type, const void *body, uint32_t size)
{
    put32(information2_end, type);
    put32(information2_end + 4, 8 + size);
    put(information2_end + 8, body, size);
    information2_end += (8 + size + 7) & ~7u;
}

static enum multiboot_status read2(void)
{
    tag_add(0, "", 0);
    put32(MEMORY_BASE, information2_end - MEMORY_BASE);
    return multiboot_read(MULTIBOOT2_LOADER_MAGIC, MEMORY_BASE, &input);
}

static void tag_memory_map(uint32_t entry_size, uint32_t bytes)
{
    uint8_t body[128] = {0};
    uint32_t words[] = {entry_size, 0, 0x1000, 0, 0x9000, 0, 1, 0};

    memcpy(body, words, sizeof(words));
    tag_add(6, body, bytes);
}

static void tag_module(uint32_t start, uint32_t end, const char *text, uint32_t text_size)
{
    uint8_t body[128];

    memcpy(body, &start, 4);
    memcpy(body + 4, &end, 4);
    memcpy(body + 8, text, text_size);
    tag_add(3, body, 8 + text_size);
}

static void test_good2(void)
{
    uint8_t rgb[] = {0, 0,  0, 0xc0, 0, 0,  0, 0, 128, 12, 0, 0, 32, 3, 0,
                     0, 88, 2, 0,    0, 32, 1, 0, 0,   16, 8, 8, 8,  0, 8};
    uint8_t rsdp[36];

    for (unsigned i = 0; i < sizeof(rsdp); i++)
        rsdp[i] = (uint8_t)i;
    information2_start();
    tag_add(1, "tests=*", 8);
    tag_add(2, "GRUB", 5);
    tag_memory_map(24, 32);
    tag_module(CONTENT1, CONTENT1 + 50, "name=kernel", 12);
    tag_add(15, rsdp, 36);
    tag_add(14, "old pointer.........", 20);
    tag_add(12, "efi tabl", 8);
    tag_add(99, "unknown", 7);
    tag_add(8, rgb, sizeof(rgb));
    is_u64(read2(), MULTIBOOT_SUCCESS, "version 2 is read");
    memset(memory, 0xff, MEMORY_SIZE);
    is_str(input.command_line, "tests=*", "command line, copied");
    is_str(input.boot_loader, "GRUB", "boot loader's name");
    is_u64(input.memory_count, 1, "memory ranges");
    is_u64(input.memory[0].size, 0x9000, "a range's size");
    is_u64(input.module_count, 1, "modules");
    is_u64(input.module[0].size, 50, "a module's size");
    is_str(input.module[0].arguments, "name=kernel", "its arguments");
    is_u64(input.rsdp_size, 36, "the newer root pointer");
    is_u64(input.rsdp[35], 35, "all of it");
    is_u64(input.framebuffer.base, 0xc0000000, "framebuffer's address");
    is_u64(input.framebuffer.width, 800, "its width");
    is_u64(input.framebuffer.red_position, 16, "its colours");
    ok(!input.text_screen, "the screen is not in text mode");
}

static void test_screen2(void)
{
    uint8_t text[24] = {0};

    text[21] = 2;
    information2_start();
    tag_memory_map(24, 32);
    is_u64(read2(), MULTIBOOT_SUCCESS, "version 2 on a BIOS, no framebuffer tag");
    ok(input.text_screen, "the screen is in text mode");
    information2_start();
    tag_memory_map(24, 32);
    tag_add(12, "efi tabl", 8);
    ok(read2() == MULTIBOOT_SUCCESS && !input.text_screen, "not so under UEFI");
    information2_start();
    tag_memory_map(24, 32);
    tag_add(8, text, sizeof(text));
    ok(read2() == MULTIBOOT_SUCCESS && input.text_screen && !input.framebuffer.base,
       "a text framebuffer is a text screen and no linear framebuffer");
}

static void test_bad_tags2(void)
{
    static const struct {
        uint32_t entry_size, bytes;
    } map[] = {{23, 31}, {0, 32}, {24, 33}, {24, 7}, {0xffffffff, 32}};

    for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        information2_start();
        tag_memory_map(map[i].entry_size, map[i].bytes);
        is_u64(read2(), MULTIBOOT_BAD_INFORMATION, "map of %u bytes with entries of %u",
               map[i].bytes, map[i].entry_size);
    }
    information2_start();
    tag_module(CONTENT1, CONTENT1, "no end", 6);
    is_u64(read2(), MULTIBOOT_LONG_TEXT, "module text that does not end in its tag");
    information2_start();
    tag_add(3, "short", 5);
    is_u64(read2(), MULTIBOOT_BAD_INFORMATION, "module tag too short");
    information2_start();
    tag_module(CONTENT1 + 1, CONTENT1, "", 1);
    is_u64(read2(), MULTIBOOT_BAD_MODULE, "module ends before it begins");
    information2_start();
    tag_add(8, "short", 5);
    is_u64(read2(), MULTIBOOT_BAD_INFORMATION, "framebuffer tag too short");
    information2_start();
    tag_memory_map(24, 8);
    is_u64(read2(), MULTIBOOT_NO_MEMORY_MAP, "empty map");
}

static void test_bad_structure2(void)
{
    static const uint32_t tag_sizes[] = {0, 7, 0x8000, 0xffffffff, 0xfffffff9};
    static const uint32_t totals[] = {0, 7, 8, 15, 47, 0x8001, 0xffffffff};

    for (unsigned i = 0; i < sizeof(tag_sizes) / sizeof(tag_sizes[0]); i++) {
        information2_start();
        tag_memory_map(24, 32);
        put32(MEMORY_BASE + 12, tag_sizes[i]);
        is_u64(read2(), MULTIBOOT_BAD_INFORMATION, "tag of %u bytes", tag_sizes[i]);
    }
    for (unsigned i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        information2_start();
        tag_memory_map(24, 32);
        tag_add(0, "", 0);
        put32(MEMORY_BASE, totals[i]);
        is_u64(multiboot_read(MULTIBOOT2_LOADER_MAGIC, MEMORY_BASE, &input),
               MULTIBOOT_BAD_INFORMATION, "total of %u bytes", totals[i]);
    }
    is_u64(multiboot_read(MULTIBOOT2_LOADER_MAGIC, MEMORY_BASE + 4, &input),
           MULTIBOOT_BAD_INFORMATION, "information that is not aligned");
}

static void test_many2(void)
{
    information2_start();
    for (unsigned i = 0; i <= INPUT_MAX_MODULES; i++)
        tag_module(CONTENT1, CONTENT1, "", 1);
    is_u64(read2(), MULTIBOOT_MANY_MODULES, "one module too many");
    information2_start();
    for (unsigned i = 0; i <= INPUT_MAX_MEMORY; i++)
        tag_memory_map(24, 32);
    is_u64(read2(), MULTIBOOT_MANY_RANGES, "one memory range too many");
}

int main(void)
{
    memory = malloc(MEMORY_SIZE);
    test_good1();
    test_framebuffer1();
    test_bad1();
    test_many_texts();
    test_good2();
    test_screen2();
    test_bad_tags2();
    test_bad_structure2();
    test_many2();
    free(memory);
    return done_testing();
}
