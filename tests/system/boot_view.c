/* Checked access to the boot information area. All sums are done in 64 bits, from 32-bit parts. */
#include "boot_view.h"

#include <stddef.h>

enum boot_view_status boot_view_open(struct boot_view *view, const void *area, uint64_t limit)
{
    const struct boot_info *header = area;

    if (limit < sizeof(*header)) {
        return BOOT_VIEW_SIZE;
    }
    if (header->magic != BOOT_INFO_MAGIC) {
        return BOOT_VIEW_NO_MAGIC;
    }
    if (header->version_major != ABI_VERSION_MAJOR) {
        return BOOT_VIEW_VERSION;
    }
    if (header->header_size < sizeof(*header) || header->header_size > header->size) {
        return BOOT_VIEW_HEADER_SIZE;
    }
    if (header->size > limit) {
        return BOOT_VIEW_SIZE;
    }
    *view = (struct boot_view){header, header->size};
    return BOOT_VIEW_OK;
}

const void *boot_view_entry(const struct boot_view *view, const struct boot_table *table,
                            uint32_t index, uint32_t size)
{
    uint64_t end = table->offset + (uint64_t)table->count * table->entry_size;

    if (index >= table->count || table->entry_size < size) {
        return NULL;
    }
    if (table->offset % 8 || table->entry_size % 8 || table->offset < view->header->header_size) {
        return NULL;
    }
    if (end > view->size) {
        return NULL;
    }
    return (const uint8_t *)view->header + table->offset + (uint64_t)index * table->entry_size;
}

const char *boot_view_string(const struct boot_view *view, uint32_t offset)
{
    const char *area = (const char *)view->header;

    if (offset < view->header->header_size) {
        return NULL;
    }
    for (uint64_t i = offset; i < view->size; i++) {
        if (area[i] == '\0') {
            return area + offset;
        }
    }
    return NULL;
}
