/* The environment block: a header, then tables and texts in the order in which they come. */
#include "environment_make.h"

#include <string.h>

/* bytes more, aligned; NULL: there is no room. */
static void *append(struct environment_writer *writer, uint64_t bytes, uint32_t align)
{
    uint64_t start = (writer->used + (uint64_t)align - 1) / align * align;

    if (writer->full || start > writer->size || bytes > writer->size - start) {
        writer->full = true;
        return NULL;
    }
    writer->used = (uint32_t)(start + bytes);
    return (char *)writer->block + start;
}

static uint32_t offset_of(const struct environment_writer *writer, const void *place)
{
    return (uint32_t)((const char *)place - (const char *)writer->block);
}

void environment_begin(struct environment_writer *writer, void *memory, uint32_t size)
{
    *writer = (struct environment_writer){.block = memory, .size = size};
    if (append(writer, sizeof(*writer->block), 8)) {
        writer->block->magic = ENVIRONMENT_MAGIC;
        writer->block->version = ENVIRONMENT_VERSION;
    }
}

uint32_t environment_text(struct environment_writer *writer, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *place = append(writer, bytes, 1);

    if (!place)
        return 0;
    memcpy(place, text, bytes);
    return offset_of(writer, place);
}

void *environment_table(struct environment_writer *writer, struct environment_table *table,
                        uint32_t count, uint32_t bytes)
{
    void *place = append(writer, (uint64_t)count * bytes, 8);

    if (!place)
        return NULL;
    *table = (struct environment_table){offset_of(writer, place), count};
    return place;
}

bool environment_end(struct environment_writer *writer)
{
    if (writer->full)
        return false;
    writer->block->size = writer->used;
    return true;
}
