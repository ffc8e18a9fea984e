/*
 * Reading the boot information area without trusting it: every offset, count and size is checked
 * against the area's size before anything is read there.
 */
#pragma once

#include <stdint.h>

#include "boot_info.h"

struct boot_view {
    const struct boot_info *header;
    uint32_t size; /* bytes that may be read */
};

enum boot_view_status {
    BOOT_VIEW_OK,
    BOOT_VIEW_NO_MAGIC,
    BOOT_VIEW_VERSION,     /* another major version */
    BOOT_VIEW_HEADER_SIZE, /* smaller than this program's header, or larger than the area */
    BOOT_VIEW_SIZE,        /* larger than the memory behind it */
};

/*
 * Opens the area at address, of which limit bytes can be read (at least a header). Nothing beyond
 * the header has been checked then.
 */
__attribute__((warn_unused_result)) enum boot_view_status
boot_view_open(struct boot_view *view, const void *area, uint64_t limit);

/*
 * Entry index of a table, of which the caller reads size bytes. NULL if the index is beyond the
 * count, the entries are smaller than that or not 8-byte aligned, or the table leaves the area.
 */
const void *boot_view_entry(const struct boot_view *view, const struct boot_table *table,
                            uint32_t index, uint32_t size);

/* The NUL-terminated string at offset; NULL if its offset or its end lies outside. */
const char *boot_view_string(const struct boot_view *view, uint32_t offset);
