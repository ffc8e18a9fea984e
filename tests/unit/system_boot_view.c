/*
 * The first program's reader of the boot information area, fed with areas that lie about
 * themselves. The area ends exactly where a heap block does, so that the sanitizer sees a read
 * past it.
 */
#include "boot_view.h"

#include <stdlib.h>

#include "tap.h"

#define AREA_SIZE 1024u
#define TABLE_AT  ((uint32_t)((sizeof(struct boot_info) + 7) & ~7u))

static struct boot_info *area_make(void)
{
    struct boot_info *info = calloc(1, AREA_SIZE);

    if (!info)
        abort();
    info->magic = BOOT_INFO_MAGIC;
    info->version_major = ABI_VERSION_MAJOR;
    info->header_size = sizeof(*info);
    info->size = AREA_SIZE;
    return info;
}

static enum boot_view_status open_with(const struct boot_info *info, uint64_t limit)
{
    struct boot_view view;

    return boot_view_open(&view, info, limit);
}

static void check_open(void)
{
    struct boot_info *info = area_make();

    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_OK, "a sound header");
    is_u64(open_with(info, AREA_SIZE - 1), BOOT_VIEW_SIZE, "larger than the memory behind it");
    is_u64(open_with(info, sizeof(*info) - 1), BOOT_VIEW_SIZE, "memory is smaller than a header");
    info->size = sizeof(*info) - 1;
    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_HEADER_SIZE, "smaller than its header");
    info->size = AREA_SIZE;
    info->header_size = sizeof(*info) - 8;
    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_HEADER_SIZE, "a header of an older minor version");
    info->header_size = sizeof(*info) + 8;
    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_OK, "a header of a newer minor version");
    info->version_major = ABI_VERSION_MAJOR + 1;
    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_VERSION, "another major version");
    info->magic ^= 1;
    is_u64(open_with(info, AREA_SIZE), BOOT_VIEW_NO_MAGIC, "no magic number");
    free(info);
}

struct table_case {
    const char *what;
    struct boot_table table;
    uint32_t index;
    bool found;
};

static void check_entries(void)
{
    const struct table_case cases[] = {
        {"first entry", {TABLE_AT, 2, 16, 0}, 0, true},
        {"last entry", {TABLE_AT, 2, 16, 0}, 1, true},
        {"index at the count", {TABLE_AT, 2, 16, 0}, 2, false},
        {"largest index", {TABLE_AT, 2, 16, 0}, UINT32_MAX, false},
        {"entries larger than the reader's", {TABLE_AT, 2, 24, 0}, 1, true},
        {"entries smaller than the reader's", {TABLE_AT, 2, 8, 0}, 0, false},
        {"entries of size zero", {TABLE_AT, 2, 0, 0}, 0, false},
        {"entries of an odd size", {TABLE_AT, 2, 17, 0}, 0, false},
        {"up to the end", {AREA_SIZE - 32, 2, 16, 0}, 1, true},
        {"eight bytes over the end", {AREA_SIZE - 24, 2, 16, 0}, 0, false},
        {"at the end", {AREA_SIZE, 1, 16, 0}, 0, false},
        {"far outside", {0xfffffff8, 1, 16, 0}, 0, false},
        {"a product that overflows 32 bits", {TABLE_AT, 0x10000000, 16, 0}, 0, false},
        {"the largest product", {0xfffffff8, UINT32_MAX, 0xfffffff8, 0}, 0, false},
        {"inside the header", {8, 1, 16, 0}, 0, false},
        {"not aligned", {TABLE_AT + 4, 1, 16, 0}, 0, false},
        {"empty", {TABLE_AT, 0, 16, 0}, 0, false},
    };
    struct boot_info *info = area_make();
    struct boot_view view;

    if (!ok(boot_view_open(&view, info, AREA_SIZE) == BOOT_VIEW_OK, "opened")) {
        free(info);
        return;
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct table_case *c = &cases[i];
        const uint8_t *entry = boot_view_entry(&view, &c->table, c->index, 16);
        const uint8_t *wanted =
            (uint8_t *)info + c->table.offset + (uint64_t)c->index * c->table.entry_size;

        ok(entry == (c->found ? wanted : NULL), "table: %s", c->what);
    }
    free(info);
}

static void check_strings(void)
{
    struct boot_info *info = area_make();
    char *area = (char *)info;
    struct boot_view view;

    memset(area + TABLE_AT, 'x', AREA_SIZE - TABLE_AT);
    memcpy(area + TABLE_AT, "hello", 6);
    if (ok(boot_view_open(&view, info, AREA_SIZE) == BOOT_VIEW_OK, "opened")) {
        is_str(boot_view_string(&view, TABLE_AT), "hello", "string");
        is_str(boot_view_string(&view, TABLE_AT + 5), "", "empty string");
        ok(!boot_view_string(&view, TABLE_AT + 6), "string without an end");
        ok(!boot_view_string(&view, 0), "string inside the header");
        ok(!boot_view_string(&view, AREA_SIZE), "string at the end");
        ok(!boot_view_string(&view, UINT32_MAX), "string far outside");
        area[AREA_SIZE - 1] = '\0';
        is_str(boot_view_string(&view, AREA_SIZE - 2), "x", "string up to the end");
    }
    free(info);
}

int main(void)
{
    check_open();
    check_entries();
    check_strings();
    return done_testing();
}
