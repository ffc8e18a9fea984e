/*
 * PVH: ELF images with Xen's note, the state and the start info; and the ELF loader's refusals.
 */
#include "vmm_boot.h"

#define ENTRY (MIB + 0x40)
#define NOTES 0x200u

static uint8_t initrd[5000], module[10];

/* A note of Xen's; returns where the next one goes. */
static uint8_t *note_put(uint8_t *to, uint32_t type, uint64_t value, uint32_t size)
{
    put32(to, 4);
    put32(to + 4, size);
    put32(to + 8, type);
    memcpy(to + 12, "Xen", 4);
    memcpy(to + 16, &value, size);
    return to + 16 + (size + 3ull) / 4 * 4;
}

static struct elf_segment segments[] = {
    {1, 0x1000, 0xffffffff80100000, MIB, 0x2000, 0x2000},
    {1, 0x3000, 0xffffffff80200000, 2 * MIB + 0x123, 0x100, 0x3000},
    {4, NOTES, 0, 0, 0x100, 0x100},
    {6, UINT64_MAX, 0, 0, UINT64_MAX, 0}, /* of a type that is of no interest */
    {1, 0x3000, 0, UINT64_MAX, 0, 0},     /* nothing is to be loaded */
};

static void kernel_make(bool is_64)
{
    elf_make(is_64, 0, segments, 5);
    memset(image + NOTES, 0, 0x100);
    note_put(note_put(image + NOTES, 6, 0x12345, 3), 18, ENTRY, is_64 ? 8 : 4);
}

static void pvh_begin(void)
{
    guest_begin(16 * MIB);
    kernel_make(true);
}

static bool boot(void)
{
    return boot_pvh(&request, &guest_state, &guest_changed, &guest_error);
}

static void test_kernel(void)
{
    for (unsigned is_64 = 0; is_64 < 2; is_64++) {
        guest_begin(16 * MIB);
        kernel_make(is_64);
        ok(boot(), "an ELF%u image boots", is_64 ? 64 : 32);
        is_protected_mode(ENTRY);
        ok(memcmp(at(MIB), image + 0x1000, 0x2000) == 0, "its first segment");
        ok(memcmp(at(2 * MIB + 0x123), image + 0x3000, 0x100) == 0, "its second one");
        ok(at(2 * MIB + 0x223)[0] == 0 && at(2 * MIB + 0x3122)[0] == 0, "what is not in the file");
        ok(untouched(MIB + 0x2000, MIB - 0x2000 + 0x123), "nothing between them is touched");
        ok(untouched(2 * MIB + 0x3123, 13 * MIB), "nor behind them");
        is_untouched_low();
    }
}

static void test_info(void)
{
    const uint8_t *info, *map;

    pvh_begin();
    ok(boot(), "a guest boots");
    info = at(guest_state.rbx);
    map = at(get64(info + 40));
    is_u64(get32(info), 0x336ec578, "magic number");
    is_u64(get32(info + 4), 1, "version");
    is_u64(get32(info + 8), 0, "flags");
    is_u64(get32(info + 12), 0, "no modules");
    is_u64(get64(info + 16), 0, "and no list of them");
    is_str((const char *)at(get64(info + 24)), "a b", "command line");
    is_u64(get64(info + 32), GUEST_ACPI + 16, "ACPI's root pointer");
    is_u64(get32(info + 48), 4, "a map of four entries");
    is_u64(get32(info + 52), 0, "reserved");
    ok(get64(map) == 0 && get64(map + 8) == 0xa0000 && get32(map + 16) == 1, "RAM below 640 KiB");
    ok(get64(map + 24) == GUEST_ACPI && get32(map + 40) == 3, "ACPI tables");
    ok(get64(map + 48) == MIB && get64(map + 56) == 15 * MIB && get32(map + 64) == 1, "RAM");
    is_u64(get32(map + 20) + get32(map + 44), 0, "reserved");
}

static void test_modules(void)
{
    const uint8_t *info, *list;

    pvh_begin();
    memset(initrd, 0x11, sizeof(initrd));
    memset(module, 0x22, sizeof(module));
    request.initrd = (struct boot_image){.data = initrd, .size = sizeof(initrd)};
    guest_modules[0] = (struct boot_image){module, sizeof(module), "x y"};
    guest_modules[1] = (struct boot_image){.arguments = ""};
    request.module_count = 2;
    ok(boot(), "with an initrd and two modules");
    info = at(guest_state.rbx);
    list = at(get64(info + 16));
    is_u64(get32(info + 12), 3, "three modules");
    is_u64(get64(list), 16 * MIB - 8192, "the initrd first, at the end of RAM");
    is_u64(get64(list + 8), sizeof(initrd), "its size");
    is_u64(get64(list + 16), 0, "no arguments");
    ok(memcmp(at(get64(list)), initrd, sizeof(initrd)) == 0, "its content");
    is_u64(get64(list + 32), 16 * MIB - 12288, "then the first module");
    is_u64(get64(list + 40), sizeof(module), "its size");
    is_str((const char *)at(get64(list + 48)), "x y", "its arguments");
    ok(memcmp(at(get64(list + 32)), module, sizeof(module)) == 0, "its content");
    is_u64(get64(list + 72), 0, "then one that is empty");
    request.initrd.size = 0;
    ok(boot(), "without an initrd");
    info = at(guest_state.rbx);
    is_u64(get32(info + 12), 2, "two modules");
    is_str((const char *)at(get64(at(get64(info + 16)) + 16)), "x y", "the first is the first");
    guest_modules[0].size = 16 * MIB;
    is_refused(boot(), "module: no 1000000 bytes of RAM are free from 100000 to 100000000");
}

static void test_notes(void)
{
    uint8_t *second;

    pvh_begin();
    memset(image + NOTES, 0, 0x100);
    second = image + NOTES + 32;
    note_put(image + NOTES, 5, 1, 8);
    put32(image + NOTES, 3); /* with 8-byte alignment: name 3, description at 16 */
    put32(image + NOTES + 4, 12);
    put32(second, 4);
    note_put(second, 18, ENTRY, 8);
    ok(boot(), "notes that are aligned to 8 bytes");
    is_u64(guest_state.rip, ENTRY, "have an entry too");
    static const struct {
        uint32_t offset, value;
        const char *why;
    } cases[] = {
        {8, 17, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {12, 0x6e6559, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {0, 5, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {0, UINT32_MAX, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {4, UINT32_MAX, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {4, 5, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {4, 0xf0, "kernel: no ELF note of Xen's of type 18, which tells the PVH entry"},
        {20, 1, "kernel: the PVH entry 100100040 is not in it, expected 100000 to 203123"},
        {16, 0xfffff, "kernel: the PVH entry fffff is not in it, expected 100000 to 203123"},
        {16, 0x203123, "kernel: the PVH entry 203123 is not in it, expected 100000 to 203123"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pvh_begin();
        memset(image + NOTES, 0, 0x100);
        note_put(image + NOTES, 18, ENTRY, 8);
        put32(image + NOTES + cases[i].offset, cases[i].value);
        is_refused(boot(), cases[i].why);
    }
    pvh_begin();
    put64(image + 64 + 2 * 56ull + 32, 8); /* bytes of the segment of notes */
    is_refused(boot(), cases[0].why);
}

#define ROW(n, field) (64 + (n)*56 + (field))

static void test_refused(void)
{
    static const struct {
        uint32_t offset, size;
        uint64_t value;
        const char *why;
    } cases[] = {
        {0, 1, 0, "kernel: expected an ELF file"},
        {4, 1, 3, "kernel: ELF class 3, data 1: expected a whole header of x86"},
        {5, 1, 2, "kernel: ELF class 2, data 2: expected a whole header of x86"},
        {18, 2, 3, "kernel: ELF machine 3 at offset 12, expected x86"},
        {16, 2, 1, "kernel: ELF type 1 at offset 10, expected an executable"},
        {56, 2, 65, "kernel: 65 program headers, expected at most 64"},
        {54, 2, 55, "kernel: 5 program headers of 55 bytes at offset 40 are not all in the file"},
        {54, 2, 0xffff,
         "kernel: 5 program headers of 65535 bytes at offset 40 are not all in the file"},
        {32, 8, UINT64_MAX,
         "kernel: 5 program headers of 56 bytes at offset ffffffffffffffff are not all in the "
         "file"},
        {56, 2, 0, "kernel: no segment of it is to be loaded"},
        {ROW(0, 8), 8, UINT64_MAX,
         "kernel: segment 0, 2000 bytes at offset ffffffffffffffff, ends behind the file"},
        {ROW(0, 32), 8, UINT64_MAX,
         "kernel: segment 0, ffffffffffffffff bytes at offset 1000, ends behind the file"},
        {ROW(0, 40), 8, 0x1fff, "kernel: segment 0 has 2000 bytes in the file, but 1fff in memory"},
        {ROW(0, 40), 8, UINT64_MAX,
         "kernel segment: ffffffffffffffff bytes at 100000 are not RAM that is free"},
        {ROW(0, 24), 8, UINT64_MAX - 0x1000,
         "kernel segment: 2000 bytes at ffffffffffffefff are not RAM that is free"},
        {ROW(0, 24), 8, 16 * MIB - 0x1fff,
         "kernel segment: 2000 bytes at ffe001 are not RAM that is free"},
        {ROW(0, 24), 8, GUEST_ACPI - 0x1fff,
         "kernel segment: 2000 bytes at de001 are not RAM that is free"},
        {ROW(0, 24), 8, 2 * MIB,
         "kernel segment: 3000 bytes at 200123 lie over the kernel segment"},
        {ROW(2, 8), 8, IMAGE_SIZE,
         "kernel: segment 2, 100 bytes at offset 6000, ends behind the file"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pvh_begin();
        memcpy(image + cases[i].offset, &cases[i].value, cases[i].size);
        is_refused(boot(), cases[i].why);
    }
    pvh_begin();
    request.kernel.size = 63;
    is_refused(boot(), "kernel: ELF class 2, data 1: expected a whole header of x86");
    request.kernel.size = 51;
    is_refused(boot(), "kernel: expected an ELF file");
    pvh_begin();
    request.acpi_base = BOOT_LOW_END;
    is_refused(boot(), "ACPI tables: 20000 bytes at a0000 are not RAM");
}

int main(void)
{
    test_kernel();
    test_info();
    test_modules();
    test_notes();
    test_refused();
    free(guest_host);
    return done_testing();
}
