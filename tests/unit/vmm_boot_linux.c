/*
 * Linux's boot protocol: what a guest finds, field by field, and what is refused. And where things
 * are put, which the three protocols share.
 */
#include "vmm_boot.h"

#define SETUP   (3 * 512ull) /* two sectors and the first one */
#define KERNEL  0x3000u      /* bytes in protected mode */
#define LOAD_AT (16 * MIB)

static uint8_t initrd[5000];

static void bzimage_make(void)
{
    for (unsigned i = 0; i < IMAGE_SIZE; i++)
        image[i] = (uint8_t)(i * 7 + i / 256);
    memset(image, 0, SETUP);
    image[0x1f1] = 2;
    put32(image + 0x1f4, KERNEL / 16);
    put16(image + 0x1fe, 0xaa55);
    image[0x200] = 0xeb;
    image[0x201] = 0x6a;
    memcpy(image + 0x202, "HdrS", 4);
    put16(image + 0x206, 0x20f);
    image[0x211] = 0x81;
    put32(image + 0x218, 0xdead0000);
    put32(image + 0x22c, 0x7fffffff);
    put32(image + 0x230, 2 * MIB);
    image[0x234] = 1;
    put16(image + 0x236, 1);
    put32(image + 0x238, 2047);
    put64(image + 0x250, 0xdead0000);
    put64(image + 0x258, LOAD_AT);
    put32(image + 0x260, 4 * MIB);
    image_use(SETUP + KERNEL);
}

static void linux_begin(uint64_t memory)
{
    guest_begin(memory);
    bzimage_make();
}

static bool boot(void)
{
    return boot_linux(&request, &guest_state, &guest_changed, &guest_error);
}

static void test_kernel(void)
{
    linux_begin(64 * MIB);
    memset(&guest_state, 0xff, sizeof(guest_state));
    ok(boot(), "a bzImage boots");
    ok(memcmp(at(LOAD_AT), image + SETUP, KERNEL) == 0, "the kernel is at its preferred address");
    ok(untouched(LOAD_AT + KERNEL, 40 * MIB), "nothing is behind it");
    ok(untouched(MIB, 15 * MIB), "nor in front of it");
    is_untouched_low();
    is_u64(guest_state.rip, LOAD_AT + 0x200, "it begins at its 64-bit entry");
    image[0x1f1] = 0;
    image_use(5 * 512ull + KERNEL);
    ok(boot(), "no sectors of setup mean four");
    ok(memcmp(at(LOAD_AT), image + 5 * 512ull, KERNEL) == 0, "and the kernel is behind them");
}

static void test_state(void)
{
    const struct vcpu_state *s = &guest_state;
    uint64_t gdt[4];

    linux_begin(64 * MIB);
    ok(boot(), "a guest boots");
    is_u64(s->rflags, 2, "interrupts are off");
    is_u64(s->cr0, 0x80000011, "CR0: PG, ET, PE");
    is_u64(s->cr4, 0x20, "CR4: PAE");
    is_u64(s->efer, 0x500, "EFER: LMA, LME");
    is_u64(s->cs.selector, 0x10, "CS: __BOOT_CS");
    is_u64(s->cs.attributes, 0xa9b, "64-bit code");
    is_u64(s->ds.selector, 0x18, "DS: __BOOT_DS");
    is_u64(s->ss.attributes, 0xc93, "flat data");
    is_u64(s->gdtr.limit, 31, "a GDT of four entries");
    ok(guest_read(&guest_memory, s->gdtr.base, gdt, sizeof(gdt)), "is in RAM");
    is_u64(gdt[2], 0x00af9b000000ffff, "with the code segment");
    is_u64(gdt[3], 0x00cf93000000ffff, "and that of data");
    is_u64(guest_changed & (STATE_CR | STATE_EFER | STATE_GDTR_IDTR | STATE_CS_SS),
           STATE_CR | STATE_EFER | STATE_GDTR_IDTR | STATE_CS_SS, "the groups are named");
    ok(s->rax + s->rbx + s->rcx + s->rdx + s->rdi + s->rbp + s->rsp == 0,
       "registers but RSI are 0");
}

/* Follows the tables as the processor does. */
static uint64_t translate(uint64_t linear)
{
    uint64_t table = guest_state.cr3;

    for (int level = 3; level > 0; level--) {
        uint64_t entry = get64(at(table + ((linear >> (12 + 9 * level)) & 511) * 8));
        if ((entry & 3) != 3)
            return 1;
        if (entry & 0x80)
            return (entry & ~0x1fffffull) + (linear & 0x1fffff);
        table = entry & ~0xfffull;
    }
    return 1;
}

static void test_tables(void)
{
    linux_begin(64 * MIB);
    ok(boot(), "a guest boots");
    for (uint64_t linear = 0; linear < BOOT_4G; linear += 511 * MIB)
        is_u64(translate(linear), linear, "%lx is mapped to itself", linear);
    is_u64(translate(BOOT_4G - 1), BOOT_4G - 1, "up to 4 GiB");
    is_u64(translate(BOOT_4G), 1, "and no further");
}

static void test_zero_page(void)
{
    const uint8_t *zero;
    char line[4];

    linux_begin(64 * MIB);
    ok(boot(), "a guest boots");
    zero = at(guest_state.rsi);
    ok(memcmp(zero + 0x1f1, image + 0x1f1, 9) == 0, "the setup header is copied");
    is_u64(get32(zero + 0x230), 2 * MIB, "to its end");
    is_u64(get16(zero + 0x1fa), 0xffff, "video mode: normal");
    is_u64(zero[0x210], 0xff, "a loader without a number");
    is_u64(zero[0x211], 1, "loaded high, and nothing else");
    is_u64(get32(zero + 0x214), LOAD_AT, "where the kernel is");
    is_u64(get64(zero + 0x218), 0, "no initrd");
    is_u64(get64(zero + 0x250), 0, "no setup data");
    is_u64(get64(zero + 0x70), GUEST_ACPI + 16, "ACPI's root pointer");
    is_u64(zero[0x1ef], 0, "the sentinel");
    ok(guest_read(&guest_memory, get32(zero + 0x228), line, 4) && memcmp(line, "a b", 4) == 0,
       "the command line, with its end");
}

static void is_entry(const uint8_t *zero, unsigned i, uint64_t base, uint64_t end, uint32_t type)
{
    const uint8_t *entry = zero + 0x2d0 + i * 20ull;

    ok(get64(entry) == base && get64(entry) + get64(entry + 8) == end && get32(entry + 16) == type,
       "entry %u: %lx to %lx, type %u", i, base, end, type);
}

static void test_map(void)
{
    const uint8_t *zero;

    linux_begin(64 * MIB);
    ok(boot(), "a guest boots");
    zero = at(guest_state.rsi);
    is_u64(zero[0x1e8], 4, "its map has four entries");
    is_entry(zero, 0, 0, 0xa0000, 1);
    is_entry(zero, 1, GUEST_ACPI, MIB, 3);
    is_entry(zero, 2, MIB, 64 * MIB, 1);
    is_entry(zero, 3, 0xe0000000, 0xf0000000, 2);
    request.acpi_base = 32 * MIB;
    ok(boot(), "with tables in the middle of RAM");
    is_u64(zero[0x1e8], 5, "five entries");
    is_entry(zero, 1, MIB, 32 * MIB, 1);
    is_entry(zero, 2, 32 * MIB, 32 * MIB + GUEST_ACPI_N, 3);
    is_entry(zero, 3, 32 * MIB + GUEST_ACPI_N, 64 * MIB, 1);
    request.acpi_size = 0;
    ok(boot(), "without tables");
    is_u64(zero[0x1e8], 3, "three entries");
    request.acpi_base = 64 * MIB;
    request.acpi_size = 1;
    is_refused(boot(), "ACPI tables: 1 bytes at 4000000 are not RAM");
}

/* RAM on both sides of the hole, at addresses that are not there: only its layout matters. */
static void test_map_high(void)
{
    struct boot_load load;

    linux_begin(2 * MIB);
    guest_memory_lay(&guest_memory, guest_host, 5ull << 30);
    ok(boot_load_begin(&load, &request, &guest_error), "5 GiB of RAM");
    is_u64(load.map.count, 5, "five entries");
    is_u64(load.map.entry[2].base + load.map.entry[2].size, GUEST_LOW_END, "up to the hole");
    is_u64(load.map.entry[4].base, BOOT_4G, "and from 4 GiB");
    is_u64(load.map.entry[4].size, 2ull << 30, "what is left");
}

static void test_initrd(void)
{
    const uint8_t *zero;
    uint64_t start;

    linux_begin(64 * MIB);
    for (unsigned i = 0; i < sizeof(initrd); i++)
        initrd[i] = (uint8_t)(i * 13 + 1);
    request.initrd = (struct boot_image){.data = initrd, .size = sizeof(initrd)};
    ok(boot(), "with an initrd");
    zero = at(guest_state.rsi);
    start = get32(zero + 0x218);
    is_u64(start, 64 * MIB - 8192, "which is at the end of RAM");
    is_u64(get32(zero + 0x21c), sizeof(initrd), "with its size");
    ok(memcmp(at(start), initrd, sizeof(initrd)) == 0, "and content");
    is_u64(get32(zero + 0x1c) + get32(zero + 0xc0) + get32(zero + 0xc4), 0, "all below 4 GiB");
    put32(image + 0x22c, 40 * MIB - 1);
    ok(boot(), "a kernel wants it lower");
    is_u64(get32(zero + 0x218), 40 * MIB - 8192, "and has it just there");
    put32(image + 0x22c, LOAD_AT + 2 * MIB);
    ok(boot(), "or wants it where itself will be");
    is_u64(get32(zero + 0x218), LOAD_AT - 8192, "and has it in front of that");
    put32(image + 0x22c, MIB + 8000);
    is_refused(boot(), "initrd: no 2000 bytes of RAM are free from 100000 to 101f41");
    put32(image + 0x22c, UINT32_MAX);
    request.initrd.size = 64 * MIB; /* is not read: there is no place */
    is_refused(boot(), "initrd: no 4000000 bytes of RAM are free from 100000 to 100000000");
    request.initrd.size = UINT64_MAX;
    is_refused(boot(), "initrd: ffffffffffffffff bytes are too many");
}

static void test_places(void)
{
    linux_begin(16 * MIB);
    ok(boot(), "a guest too small for the preferred address");
    is_u64(guest_state.rip, 2 * MIB + 0x200, "has the kernel lower, aligned");
    linux_begin(64 * MIB);
    image[0x234] = 0;
    ok(boot(), "a kernel that cannot be moved");
    is_u64(guest_state.rip, LOAD_AT + 0x200, "is at its address");
    linux_begin(16 * MIB);
    image[0x234] = 0;
    is_refused(boot(), "kernel: 400000 bytes at 1000000 are not RAM that is free");
    linux_begin(64 * MIB);
    request.acpi_base = LOAD_AT + MIB;
    ok(boot(), "ACPI tables where the kernel would be");
    is_u64(guest_state.rip, LOAD_AT + 2 * MIB + 0x200, "push it behind them");
    ok(untouched(LOAD_AT + MIB, GUEST_ACPI_N), "and are not touched");
    linux_begin(64 * MIB);
    put64(image + 0x258, UINT64_MAX - 4);
    ok(boot(), "a preferred address that is none");
    is_u64(guest_state.rip, 2 * MIB + 0x200, "is not believed");
    linux_begin(64 * MIB);
    put32(image + 0x260, UINT32_MAX);
    is_refused(boot(), "kernel: no ffffffff bytes of RAM are free from 100000 to 100000000");
    linux_begin(64 * MIB);
    put32(image + 0x260, 0);
    ok(boot(), "a kernel that needs no more than it has");
    linux_begin(64 * MIB);
    request.acpi_base = BOOT_LOW;
    request.acpi_size = BOOT_LOW_END - BOOT_LOW;
    is_refused(boot(), "zero page: no 1000 bytes of RAM are free from 1000 to a0000");
    request.acpi_base += BOOT_PAGE;
    request.acpi_size -= BOOT_PAGE;
    is_refused(boot(), "page tables: no 6000 bytes of RAM are free from 1000 to a0000");
    request.acpi_base += 6 * BOOT_PAGE;
    request.acpi_size -= 6 * BOOT_PAGE;
    is_refused(boot(), "GDT: no 1000 bytes of RAM are free from 1000 to a0000");
}

static void test_command_line(void)
{
    static char line[2049];

    linux_begin(64 * MIB);
    memset(line, 'x', 2047);
    request.command_line = line;
    ok(boot(), "a command line as long as the kernel takes");
    ok(strcmp((const char *)at(get32(at(guest_state.rsi) + 0x228)), line) == 0, "is there");
    line[2047] = 'x';
    is_refused(boot(), "command line: 2048 bytes, expected at most 2047 by the kernel");
}

static void test_refused(void)
{
    static const struct {
        uint32_t offset, value, size;
        const char *why;
    } cases[] = {
        {0x1fe, 0, 2, "kernel: no 'HdrS' at offset 202, expected a bzImage"},
        {0x202, 0, 4, "kernel: no 'HdrS' at offset 202, expected a bzImage"},
        {0x206, 0x20b, 2, "kernel: boot protocol 20b at offset 206, expected 20c or later"},
        {0x211, 0x80, 1, "kernel: loadflags at offset 211 tell a zImage, expected a bzImage"},
        {0x236, 0xfffe, 2, "kernel: xloadflags at offset 236 tell no 64-bit entry"},
        {0x201, 0x61, 1, "kernel: its header ends at offset 263, expected 264 to 290"},
        {0x201, 0x8f, 1, "kernel: its header ends at offset 291, expected 264 to 290"},
        {0x1f4, KERNEL / 16 + 1, 4,
         "kernel: 3000 bytes behind offset 600, expected 3010 by syssize"},
        {0x1f4, UINT32_MAX, 4,
         "kernel: 3000 bytes behind offset 600, expected ffffffff0 by syssize"},
        {0x1f1, 0xff, 1, "kernel: 0 bytes behind offset 20000, expected 3000 by syssize"},
        {0x230, 0, 4, "kernel: alignment 0 at offset 230, expected a power of two from 1000 on"},
        {0x230, 0x3000, 4,
         "kernel: alignment 3000 at offset 230, expected a power of two from 1000 on"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        linux_begin(64 * MIB);
        memcpy(image + cases[i].offset, &cases[i].value, cases[i].size);
        is_refused(boot(), cases[i].why);
    }
    linux_begin(64 * MIB);
    request.kernel.size = 0x263;
    is_refused(boot(), "kernel: 263 bytes, expected at least 264");
    request.kernel.size = 0;
    is_refused(boot(), "kernel: 0 bytes, expected at least 264");
    linux_begin(64 * MIB);
    put32(image + 0x1f4, 0);
    request.kernel.size = SETUP + 0x200;
    is_refused(boot(), "kernel: 200 bytes behind offset 600, expected 0 by syssize");
}

/* Each place is taken once, whoever asks. */
static void test_load(void)
{
    struct boot_load load;
    struct boot_wish wish = {"thing", 4096, 4096, MIB, 2 * MIB, false};
    uint64_t gpa, last = 0;

    guest_begin(4 * MIB);
    ok(boot_load_begin(&load, &request, &guest_error), "a guest of 4 MiB");
    ok(boot_place_at(&load, MIB + 4096, 4096, "first"), "a page is taken");
    ok(!boot_place_at(&load, MIB + 8191, 2, "second"), "not twice");
    is_str(guest_error.text, "second: 2 bytes at 101fff lie over the first", "and it says why");
    ok(!boot_place_at(&load, UINT64_MAX, 2, "none"), "not beyond the end of addresses");
    ok(!boot_place_at(&load, MIB, UINT64_MAX, "none"), "nor so much");
    ok(!boot_place_at(&load, MIB, 0, "none"), "nor nothing");
    ok(!boot_place_at(&load, 0x9ffff, 2, "none"), "nor into the VGA's window");
    ok(!boot_place_at(&load, 0xc0000, 2, "none"), "nor into ROMs");
    ok(boot_place_find(&load, &wish, &gpa) && gpa == MIB, "found in front of it");
    ok(boot_place_find(&load, &wish, &gpa) && gpa == MIB + 8192, "then behind it");
    wish.highest = true;
    ok(boot_place_find(&load, &wish, &gpa) && gpa == 2 * MIB - 4096, "or as high as can be");
    wish.size = MIB;
    ok(!boot_place_find(&load, &wish, &gpa), "what is not free is not found");
    wish = (struct boot_wish){"thing", 4096, 4096, MIB, UINT64_MAX, true};
    for (unsigned i = load.count; i < BOOT_PLACES; i++) {
        if (!boot_place_find(&load, &wish, &gpa) || (last && gpa + 4096 != last))
            break;
        last = gpa;
    }
    is_u64(load.count, BOOT_PLACES, "many, side by side");
    ok(!boot_place_find(&load, &wish, &gpa), "there is an end to that");
    is_str(guest_error.text, "thing: more than 64 pieces", "and it says so");
    wish = (struct boot_wish){"thing", 0, 4096, MIB, UINT64_MAX, true};
    ok(!boot_place_find(&load, &wish, &gpa), "nothing is not to be found");
}

int main(void)
{
    test_kernel();
    test_state();
    test_tables();
    test_zero_page();
    test_map();
    test_map_high();
    test_initrd();
    test_places();
    test_command_line();
    test_refused();
    test_load();
    free(guest_host);
    return done_testing();
}
