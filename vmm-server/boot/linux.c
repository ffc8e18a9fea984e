/*
 * Linux: a bzImage of boot protocol 2.12 or later, entered in 64-bit mode (Linux,
 * Documentation/x86/boot.rst and zero-page.rst).
 */
#include <string.h>

#include "bytes.h"
#include "load.h"
#include "state.h"

/* The setup header, in the image and in the zero page. */
#define HEADER           0x1f1u
#define SETUP_SECTS      0x1f1u
#define SYSSIZE          0x1f4u
#define VID_MODE         0x1fau
#define BOOT_FLAG        0x1feu
#define JUMP_LENGTH      0x201u /* the header ends so many bytes behind 0x202 */
#define MAGIC            0x202u
#define VERSION          0x206u
#define TYPE_OF_LOADER   0x210u
#define LOADFLAGS        0x211u
#define CODE32_START     0x214u
#define RAMDISK_IMAGE    0x218u
#define RAMDISK_SIZE     0x21cu
#define CMD_LINE_PTR     0x228u
#define INITRD_ADDR_MAX  0x22cu
#define KERNEL_ALIGNMENT 0x230u
#define RELOCATABLE      0x234u
#define XLOADFLAGS       0x236u
#define CMDLINE_SIZE     0x238u
#define SETUP_DATA       0x250u
#define PREF_ADDRESS     0x258u
#define INIT_SIZE        0x260u
#define HEADER_LEAST     0x264u /* a header of 2.12 has all of the above */
#define HEADER_MOST      0x290u /* in the zero page something else follows */

/* Others in the zero page. */
#define ACPI_RSDP    0x070u
#define E820_ENTRIES 0x1e8u
#define E820_TABLE   0x2d0u
#define E820_SIZE    20ull

#define HDRS             0x53726448u /* "HdrS" */
#define VERSION_LEAST    0x20cu
#define LOADED_HIGH      0x01u
#define LOADER_UNDEFINED 0xffu
#define XLF_KERNEL_64    0x01u
#define ENTRY_64         0x200u /* behind the start of the protected-mode kernel */

/* What the image says, checked. */
struct kernel {
    const uint8_t *image;
    uint32_t header_end;   /* of the setup header */
    uint64_t offset, size; /* of the protected-mode kernel in the image */
    uint64_t memory;       /* that it needs from its start on */
    uint64_t preferred, alignment;
    bool relocatable;
};

static bool kernel_check(struct boot_load *load, struct kernel *k)
{
    const struct boot_image *image = &load->request->kernel;
    const uint8_t *p = image->data;

    if (image->size < HEADER_LEAST)
        return boot_fail(load, "kernel: %lx bytes, expected at least %lx", image->size,
                         (unsigned long)HEADER_LEAST);
    if (get16(p + BOOT_FLAG) != 0xaa55 || get32(p + MAGIC) != HDRS)
        return boot_fail(load, "kernel: no 'HdrS' at offset 202, expected a bzImage");
    if (get16(p + VERSION) < VERSION_LEAST)
        return boot_fail(load, "kernel: boot protocol %lx at offset 206, expected 20c or later",
                         (unsigned long)get16(p + VERSION));
    if (!(p[LOADFLAGS] & LOADED_HIGH))
        return boot_fail(load, "kernel: loadflags at offset 211 tell a zImage, expected a bzImage");
    if (!(get16(p + XLOADFLAGS) & XLF_KERNEL_64))
        return boot_fail(load, "kernel: xloadflags at offset 236 tell no 64-bit entry");
    k->header_end = MAGIC + p[JUMP_LENGTH];
    if (k->header_end < HEADER_LEAST || k->header_end > HEADER_MOST || k->header_end > image->size)
        return boot_fail(load, "kernel: its header ends at offset %lx, expected %lx to %lx",
                         (unsigned long)k->header_end, (unsigned long)HEADER_LEAST,
                         (unsigned long)HEADER_MOST);
    k->image = p;
    k->offset = ((p[SETUP_SECTS] ? p[SETUP_SECTS] : 4u) + 1u) * 512ull;
    k->size = image->size > k->offset ? image->size - k->offset : 0;
    if (k->size <= ENTRY_64 || k->size < 16ull * get32(p + SYSSIZE))
        return boot_fail(load, "kernel: %lx bytes behind offset %lx, expected %lx by syssize",
                         k->size, k->offset, 16ul * get32(p + SYSSIZE));
    k->memory = get32(p + INIT_SIZE) > k->size ? get32(p + INIT_SIZE) : k->size;
    k->relocatable = p[RELOCATABLE];
    k->preferred = get64(p + PREF_ADDRESS);
    k->alignment = get32(p + KERNEL_ALIGNMENT);
    if (k->relocatable && (k->alignment < BOOT_PAGE || (k->alignment & (k->alignment - 1))))
        return boot_fail(load,
                         "kernel: alignment %lx at offset 230, expected a power of two from "
                         "1000 on",
                         k->alignment);
    return true;
}

/* At its preferred address, or where else it can run. */
static bool kernel_place(struct boot_load *load, const struct kernel *k, uint64_t *gpa)
{
    struct boot_wish wish = {"kernel", k->memory, k->alignment, k->preferred, BOOT_4G, false};
    uint8_t *to;

    *gpa = k->preferred;
    if (!k->relocatable) {
        to = boot_place_at(load, k->preferred, k->memory, "kernel");
    } else {
        if (wish.min < BOOT_HIGH)
            wish.min = BOOT_HIGH;
        to = boot_place_find(load, &wish, gpa);
        wish.min = BOOT_HIGH;
        if (!to)
            to = boot_place_find(load, &wish, gpa);
    }
    if (to)
        memcpy(to, k->image + k->offset, k->size);
    return to != NULL;
}

/* As high as the kernel allows, in one piece. */
static bool initrd_place(struct boot_load *load, const struct kernel *k, uint8_t *zero_page)
{
    const struct boot_image *initrd = &load->request->initrd;
    struct boot_wish wish = {.what = "initrd", .min = BOOT_HIGH, .highest = true};
    uint64_t gpa;

    if (!initrd->size)
        return true;
    wish.end = (uint64_t)get32(k->image + INITRD_ADDR_MAX) + 1;
    if (!boot_place_image(load, initrd, wish, &gpa))
        return false;
    put32(zero_page + RAMDISK_IMAGE, (uint32_t)gpa);
    put32(zero_page + RAMDISK_SIZE, (uint32_t)initrd->size);
    return true;
}

static bool command_line_place(struct boot_load *load, const struct kernel *k, uint8_t *zero_page)
{
    const char *line = load->request->command_line;
    uint64_t gpa;

    if (strlen(line) > get32(k->image + CMDLINE_SIZE))
        return boot_fail(load, "command line: %lu bytes, expected at most %lu by the kernel",
                         strlen(line), (unsigned long)get32(k->image + CMDLINE_SIZE));
    if (!boot_place_string(load, line, "command line", &gpa))
        return false;
    put32(zero_page + CMD_LINE_PTR, (uint32_t)gpa);
    return true;
}

/* A page of low memory, cleared. */
static uint8_t *pages_find(struct boot_load *load, const char *what, uint64_t count, uint64_t *gpa)
{
    const struct boot_wish wish = {what,     count * BOOT_PAGE, BOOT_PAGE,
                                   BOOT_LOW, BOOT_LOW_END,      false};
    uint8_t *pages = boot_place_find(load, &wish, gpa);

    if (pages)
        memset(pages, 0, wish.size);
    return pages;
}

static void zero_page_write(const struct boot_load *load, const struct kernel *k, uint64_t start,
                            uint8_t *zero_page)
{
    memcpy(zero_page + HEADER, k->image + HEADER, k->header_end - HEADER);
    memset(zero_page + VID_MODE, 0xff, 2); /* "normal" */
    zero_page[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    zero_page[LOADFLAGS] = LOADED_HIGH;
    put32(zero_page + CODE32_START, (uint32_t)start);
    put32(zero_page + RAMDISK_IMAGE, 0);
    put32(zero_page + RAMDISK_SIZE, 0);
    put64(zero_page + SETUP_DATA, 0);
    put64(zero_page + ACPI_RSDP, load->request->rsdp);
    zero_page[E820_ENTRIES] = (uint8_t)load->map.count;
    for (uint32_t i = 0; i < load->map.count; i++) {
        uint8_t *entry = zero_page + E820_TABLE + i * E820_SIZE;
        put64(entry, load->map.entry[i].base);
        put64(entry + 8, load->map.entry[i].size);
        put32(entry + 16, load->map.entry[i].type);
    }
}

#define TABLE_PAGES 6ull /* one of level 4, one of level 3, four of level 2 */
#define PRESENT     0x3u /* and writable */
#define LARGE       0x80u

/* Maps the first 4 GiB to themselves, in pages of 2 MiB. */
static void tables_write(uint8_t *tables, uint64_t gpa)
{
    put64(tables, (gpa + BOOT_PAGE) | PRESENT);
    for (uint64_t i = 0; i < 4; i++)
        put64(tables + BOOT_PAGE + i * 8, (gpa + (2 + i) * BOOT_PAGE) | PRESENT);
    for (uint64_t i = 0; i < 4 * 512ull; i++)
        put64(tables + 2 * BOOT_PAGE + i * 8, i << 21 | PRESENT | LARGE);
}

bool boot_linux(const struct boot_request *request, struct vcpu_state *state, uint32_t *changed,
                struct boot_error *error)
{
    struct boot_load load;
    struct kernel kernel;
    uint64_t start, zero_gpa, tables_gpa, gdt_gpa;
    uint8_t *zero_page, *tables, *gdt;

    if (!boot_load_begin(&load, request, error) || !kernel_check(&load, &kernel) ||
        !kernel_place(&load, &kernel, &start))
        return false;
    zero_page = pages_find(&load, "zero page", 1, &zero_gpa);
    tables = zero_page ? pages_find(&load, "page tables", TABLE_PAGES, &tables_gpa) : NULL;
    gdt = tables ? pages_find(&load, "GDT", 1, &gdt_gpa) : NULL;
    if (!gdt)
        return false;
    zero_page_write(&load, &kernel, start, zero_page);
    if (!command_line_place(&load, &kernel, zero_page) || !initrd_place(&load, &kernel, zero_page))
        return false;
    tables_write(tables, tables_gpa);
    boot_gdt_write(gdt);
    *changed = boot_state_long(state, start + ENTRY_64, tables_gpa, gdt_gpa);
    state->rsi = zero_gpa;
    return true;
}
