/*
 * Multiboot 1: images with addresses in the header, ELF32 and ELF64; what the kernel is given; and
 * what is refused.
 */
#include "vmm_boot.h"

#define PLACE      0x400u
#define PAGES      1u
#define MEMORY     2u
#define BY_ADDRESS (1u << 16)

static uint8_t module[2][5000];

static void header_put(uint32_t offset, uint32_t flags)
{
    put32(image + offset, 0x1badb002);
    put32(image + offset + 4, flags);
    put32(image + offset + 8, 0 - 0x1badb002u - flags);
}

static bool boot(void)
{
    return boot_multiboot(&request, &guest_state, &guest_changed, &guest_error);
}

struct addresses {
    uint32_t header, load, load_end, bss_end, entry;
};

static void flat_begin(struct addresses a)
{
    guest_begin(16 * MIB);
    for (unsigned i = 0; i < IMAGE_SIZE; i++)
        image[i] = (uint8_t)(i * 7 + i / 256);
    header_put(PLACE, BY_ADDRESS | PAGES | MEMORY);
    memcpy(image + PLACE + 12, &a, sizeof(a));
    image_use(IMAGE_SIZE);
}

static const struct addresses plain = {MIB + 0x100, MIB, MIB + 0x2000, MIB + 0x3000, MIB + 0x10};

static void test_addresses(void)
{
    flat_begin(plain);
    ok(boot(), "an image with addresses");
    is_protected_mode(MIB + 0x10);
    is_u64(guest_state.rax, 0x2badb002, "EAX: the magic number");
    ok(memcmp(at(MIB), image + PLACE - 0x100, 0x2000) == 0, "is where its header says");
    ok(at(MIB + 0x2000)[0] == 0 && at(MIB + 0x2fff)[0] == 0, "and cleared up to bss_end_addr");
    ok(untouched(MIB + 0x3000, 12 * MIB), "nothing is touched behind it");
    is_untouched_low();
    flat_begin((struct addresses){MIB + 0x100, MIB, 0, 0, MIB});
    ok(boot(), "without ends");
    ok(memcmp(at(MIB), image + PLACE - 0x100, IMAGE_SIZE - PLACE + 0x100) == 0,
       "it is all of the file");
    ok(untouched(MIB + IMAGE_SIZE - PLACE + 0x100, MIB), "and no more");
    flat_begin((struct addresses){MIB, MIB, MIB + 16, 0, MIB + 15});
    ok(boot(), "a short one");
    ok(memcmp(at(MIB), image + PLACE, 16) == 0 && untouched(MIB + 16, MIB), "is short");
}

static void is_elf_booted(bool is_64)
{
    const uint64_t base = is_64 ? 0xffffffff80000000 : 0xc0000000;
    const struct elf_segment segments[] = {
        {1, 0x1000, base + MIB, MIB, 0x1000, 0x1000},
        {1, 0x2000, base + 2 * MIB, 3 * MIB, 0x100, 0x2000},
    };

    guest_begin(16 * MIB);
    elf_make(is_64, base + 2 * MIB + 0x10, segments, 2);
    header_put(PLACE, PAGES);
    ok(boot(), "an ELF%u image", is_64 ? 64 : 32);
    is_protected_mode(3 * MIB + 0x10);
    is_u64(guest_state.rax, 0x2badb002, "EAX: the magic number");
    ok(memcmp(at(MIB), image + 0x1000, 0x1000) == 0, "its first segment");
    ok(memcmp(at(3 * MIB), image + 0x2000, 0x100) == 0, "its second one");
    ok(at(3 * MIB + 0x100)[0] == 0 && at(3 * MIB + 0x1fff)[0] == 0, "its end is cleared");
    ok(untouched(3 * MIB + 0x2000, 12 * MIB), "nothing is touched behind it");
    is_untouched_low();
}

static void test_elf_refused(void)
{
    const struct elf_segment segments[] = {{1, 0x1000, MIB, MIB, 0x1000, 0x1000}};

    guest_begin(16 * MIB);
    elf_make(false, MIB + 0x1000, segments, 1);
    header_put(PLACE, 0);
    is_refused(boot(), "kernel: entry 101000 is in none of its segments");
    elf_make(false, MIB - 1, segments, 1);
    header_put(PLACE, 0);
    is_refused(boot(), "kernel: entry fffff is in none of its segments");
    image[0] = 0;
    is_refused(boot(), "kernel: no ELF file, and no addresses in its Multiboot header");
    image[0] = 0x7f;
    put32(image + 64 + 12, 17 * MIB);
    is_refused(boot(), "kernel segment: 1000 bytes at 1100000 are not RAM that is free");
    flat_begin(plain);
    memcpy(image,
           "\x7f"
           "ELF",
           4);
    ok(boot(), "an ELF file with addresses in its header");
    is_u64(guest_state.rip, MIB + 0x10, "is loaded by those");
}

static void test_search(void)
{
    const struct elf_segment segments[] = {{1, 0x2000, MIB, MIB, 0x1000, 0x1000}};

    guest_begin(16 * MIB);
    elf_make(false, MIB, segments, 1);
    header_put(8192 - 12, 0);
    ok(boot(), "a header at the end of the first 8 KiB");
    elf_make(false, MIB, segments, 1);
    header_put(8192 - 8, 0);
    is_refused(boot(), "kernel: no Multiboot header in its first 8192 bytes");
    elf_make(false, MIB, segments, 1);
    header_put(PLACE + 2, 0);
    is_refused(boot(), "kernel: no Multiboot header in its first 8192 bytes");
    elf_make(false, MIB, segments, 1);
    header_put(PLACE, 0);
    image[PLACE + 8]++;
    is_refused(boot(), "kernel: no Multiboot header in its first 8192 bytes");
    header_put(PLACE + 64, 0);
    ok(boot(), "one with a wrong sum is passed over");
    image_use(11);
    is_refused(boot(), "kernel: no Multiboot header in its first 8192 bytes");
    image_use(0);
    is_refused(boot(), "kernel: no Multiboot header in its first 8192 bytes");
}

static void test_info(void)
{
    const uint8_t *info, *map;

    flat_begin(plain);
    ok(boot(), "a guest boots");
    info = at(guest_state.rbx);
    map = at(get32(info + 48));
    is_u64(get32(info), 0x24d, "memory, command line, modules, map, loader's name; no boot device");
    is_u64(get32(info + 4), 640, "KiB of low memory");
    is_u64(get32(info + 8), 15 * 1024, "KiB of memory above 1 MiB");
    is_str((const char *)at(get32(info + 16)), "a b", "command line");
    is_u64(get32(info + 20), 0, "no modules");
    is_u64(get32(info + 44), 4 * 24, "a map of four entries");
    is_u64(get32(map), 20, "each with its size in front");
    ok(get64(map + 4) == 0 && get64(map + 12) == 0xa0000 && get32(map + 20) == 1, "low RAM");
    ok(get64(map + 28) == GUEST_ACPI && get32(map + 44) == 3, "ACPI tables");
    ok(get64(map + 52) == MIB && get64(map + 60) == 15 * MIB && get32(map + 68) == 1, "RAM");
    ok(get64(map + 76) == 0xe0000000 && get32(map + 92) == 2, "what is reserved");
    is_str((const char *)at(get32(info + 64)), "Cairn", "loader's name");
    request.acpi_base = 4 * MIB;
    ok(boot(), "with ACPI tables at 4 MiB");
    is_u64(get32(at(guest_state.rbx) + 8), 3 * 1024, "upper memory ends at the first hole");
}

static void test_modules(void)
{
    const uint8_t *info, *list;

    flat_begin(plain);
    memset(module[0], 0x11, sizeof(module[0]));
    memset(module[1], 0x22, sizeof(module[1]));
    guest_modules[0] = (struct boot_image){module[0], sizeof(module[0]), "first one"};
    guest_modules[1] = (struct boot_image){module[1], 1, NULL};
    guest_modules[2] = (struct boot_image){NULL, 0, "empty"};
    request.module_count = 3;
    ok(boot(), "with three modules");
    info = at(guest_state.rbx);
    list = at(get32(info + 24));
    is_u64(get32(info + 20), 3, "which are told");
    is_u64(get32(list), MIB + 0x3000, "the first one in the page behind the kernel");
    is_u64(get32(list + 4), MIB + 0x3000 + sizeof(module[0]), "its end");
    is_str((const char *)at(get32(list + 8)), "first one", "its string");
    is_u64(get32(list + 12), 0, "reserved");
    ok(memcmp(at(get32(list)), module[0], sizeof(module[0])) == 0, "its content");
    is_u64(get32(list + 16), MIB + 0x5000, "the second one in the next page");
    is_u64(get32(list + 20), MIB + 0x5001, "of one byte");
    is_str((const char *)at(get32(list + 24)), "", "without a string");
    is_u64(at(MIB + 0x5000)[0], 0x22, "its content");
    is_u64(get32(list + 36) - get32(list + 32), 0, "the third one is empty");
    ok(get32(list + 32) % 4096 == 0, "and has its page all the same");
    guest_modules[2].size = 15 * MIB; /* is not read: there is no place */
    is_refused(boot(), "module: no f00000 bytes of RAM are free from 103000 to 100000000");
}

static void test_refused(void)
{
    static const struct {
        struct addresses a;
        const char *why;
    } cases[] = {
        {{MIB, MIB + 1, 0, 0, MIB},
         "kernel: load_addr 100001 and header_addr 100000 do not fit to a header at offset 400"},
        {{MIB + 0x401, MIB, 0, 0, MIB},
         "kernel: load_addr 100000 and header_addr 100401 do not fit to a header at offset 400"},
        {{MIB, MIB, MIB - 1, 0, MIB},
         "kernel: load_end_addr fffff is not in the file, which has 5c00 bytes from 100000 on"},
        {{MIB, MIB, MIB + 0x5c01, 0, MIB},
         "kernel: load_end_addr 105c01 is not in the file, which has 5c00 bytes from 100000 on"},
        {{MIB, MIB, MIB + 0x100, MIB + 0xff, MIB},
         "kernel: bss_end_addr 1000ff is below load_end_addr 100100"},
        {{MIB, MIB, MIB + 0x100, 0, MIB + 0x100},
         "kernel: entry_addr 100100 is not in it, expected 100000 to 100100"},
        {{MIB, MIB, MIB + 0x100, 0, MIB - 1},
         "kernel: entry_addr fffff is not in it, expected 100000 to 100100"},
        {{MIB, MIB, MIB + 0x100, 17 * MIB, MIB},
         "kernel: 1000000 bytes at 100000 are not RAM that is free"},
        {{0xfffff000, 0xfffff000, 0, 0, 0xfffff000},
         "kernel: 5c00 bytes at fffff000 are not RAM that is free"},
        {{0xa0000, 0xa0000, 0, 0, 0xa0000}, "kernel: 5c00 bytes at a0000 are not RAM that is free"},
        {{GUEST_ACPI, GUEST_ACPI, 0, 0, GUEST_ACPI},
         "kernel: 5c00 bytes at e0000 are not RAM that is free"},
        {{MIB, MIB, MIB, 0, MIB},
         "kernel: entry_addr 100000 is not in it, expected 100000 to "
         "100000"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        flat_begin(cases[i].a);
        is_refused(boot(), cases[i].why);
    }
    flat_begin(plain);
    header_put(PLACE, BY_ADDRESS | 4);
    is_refused(boot(), "kernel: its header at offset 400 wants a video mode, which there is not");
    header_put(PLACE, 1u << 15);
    is_refused(boot(), "kernel: flags 8000 in its header at offset 400 are not known");
    header_put(PLACE, BY_ADDRESS | 1u << 17);
    ok(boot(), "a flag that a loader may pass over");
    flat_begin(plain);
    image_use(PLACE + 31);
    is_refused(boot(), "kernel: its header at offset 400 is cut off");
}

int main(void)
{
    test_addresses();
    is_elf_booted(false);
    is_elf_booted(true);
    test_elf_refused();
    test_search();
    test_info();
    test_modules();
    test_refused();
    free(guest_host);
    return done_testing();
}
