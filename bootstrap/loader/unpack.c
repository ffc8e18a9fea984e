/*
 * lz4 frames, unpacked and verified. See unpack.h.
 *
 * The header is parsed here as well as in the library: its flags decide what we accept, before the
 * library allocates anything. The library's allocations come from the caller's work memory.
 */
#include "unpack.h"

#include <stddef.h>
#include <string.h>

#define LZ4F_STATIC_LINKING_ONLY
#include "lz4frame.h"

#define FRAME_MAGIC 0x184d2204u

/* Frame descriptor: FLG, BD, content size (8), header checksum. */
#define OFFSET_FLAGS       4
#define OFFSET_BLOCK       5
#define OFFSET_SIZE        6
#define HEADER_BYTES       15
#define FLAG_DICTIONARY    (1u << 0)
#define FLAG_CHECKSUM      (1u << 2)
#define FLAG_CONTENT_SIZE  (1u << 3)
#define CONTENT_MAX        (1ull << 32) /* all of it must lie below 4 GiB */
#define LINKED_BLOCK_BYTES (128u << 10)
#define LIBRARY_BYTES      4096u /* the library's context and the rounding of three pieces */

struct arena {
    uint8_t *next;
    uint64_t left;
};

static void *arena_allocate(void *opaque, size_t size)
{
    struct arena *arena = opaque;
    uint64_t rounded = ((uint64_t)size + 15) & ~15ull;
    void *piece = arena->next;

    if (rounded < size || rounded > arena->left)
        return NULL;
    arena->next += rounded;
    arena->left -= rounded;
    return piece;
}

/* The arena goes as a whole when its owner takes the work memory back. */
static void arena_free(void *opaque, void *piece)
{
    (void)opaque;
    (void)piece;
}

bool unpack_is_frame(const uint8_t *packed, uint64_t size)
{
    uint32_t magic;

    if (size < sizeof(magic))
        return false;
    memcpy(&magic, packed, sizeof(magic));
    return magic == FRAME_MAGIC;
}

enum unpack_status unpack_inspect(const uint8_t *packed, uint64_t size, struct unpack_sizes *sizes)
{
    unsigned flags, block;

    if (size <= OFFSET_BLOCK)
        return UNPACK_TRUNCATED;
    flags = packed[OFFSET_FLAGS];
    block = packed[OFFSET_BLOCK] >> 4 & 7;
    if (flags >> 6 != 1 || block < LZ4F_max64KB)
        return UNPACK_BAD_HEADER;
    if (flags & FLAG_DICTIONARY)
        return UNPACK_DICTIONARY;
    if (!(flags & FLAG_CHECKSUM))
        return UNPACK_NO_CHECKSUM;
    if (!(flags & FLAG_CONTENT_SIZE))
        return UNPACK_NO_SIZE;
    if (size < HEADER_BYTES)
        return UNPACK_TRUNCATED;
    memcpy(&sizes->content, packed + OFFSET_SIZE, sizeof(sizes->content));
    if (sizes->content > CONTENT_MAX)
        return UNPACK_WRONG_SIZE;
    /* The library buffers one block each way, and 128 KiB of history for linked blocks. */
    sizes->work = 2 * (65536ull << 2 * (block - LZ4F_max64KB)) + LINKED_BLOCK_BYTES + LIBRARY_BYTES;
    return UNPACK_SUCCESS;
}

static enum unpack_status status_of(LZ4F_errorCode_t code)
{
    switch (LZ4F_getErrorCode(code)) {
    case LZ4F_ERROR_contentChecksum_invalid:
        return UNPACK_WRONG_CHECKSUM;
    case LZ4F_ERROR_frameSize_wrong:
        return UNPACK_WRONG_SIZE;
    case LZ4F_ERROR_headerChecksum_invalid:
    case LZ4F_ERROR_headerVersion_wrong:
    case LZ4F_ERROR_reservedFlag_set:
    case LZ4F_ERROR_maxBlockSize_invalid:
        return UNPACK_BAD_HEADER;
    case LZ4F_ERROR_allocation_failed:
        return UNPACK_NO_MEMORY;
    default:
        return UNPACK_CORRUPT;
    }
}

/*
 * Decode until the frame ends, the input ends or the content is full; each call consumes input or
 * produces output, or the loop stops. *hint is the library's answer: 0 when the frame is complete.
 */
static enum unpack_status decode(LZ4F_dctx *context, const uint8_t *packed, uint64_t size,
                                 uint8_t *content, uint64_t room, uint64_t *used)
{
    uint64_t filled = 0;
    size_t hint = 1;

    *used = 0;
    while (hint) {
        size_t input = size - *used, output = room - filled;
        uint8_t spare;

        hint = LZ4F_decompress(context, content + filled, &output, packed + *used, &input, NULL);
        if (LZ4F_isError(hint))
            return status_of(hint);
        *used += input;
        filled += output;
        if (input || output || !hint)
            continue;
        /* No progress: more content than announced, or too little input? One byte more tells. */
        input = size - *used;
        output = 1;
        hint = LZ4F_decompress(context, &spare, &output, packed + *used, &input, NULL);
        if (LZ4F_isError(hint))
            return status_of(hint);
        return output ? UNPACK_WRONG_SIZE : UNPACK_TRUNCATED;
    }
    return filled == room ? UNPACK_SUCCESS : UNPACK_WRONG_SIZE;
}

enum unpack_status unpack_frame(const uint8_t *packed, uint64_t size,
                                const struct unpack_sizes *sizes, uint8_t *content, uint8_t *work)
{
    struct arena arena = {work, sizes->work};
    LZ4F_CustomMem memory = {
        .customAlloc = arena_allocate,
        .customFree = arena_free,
        .opaqueState = &arena,
    };
    LZ4F_dctx *context = LZ4F_createDecompressionContext_advanced(memory, LZ4F_VERSION);
    enum unpack_status status;
    uint64_t used;

    if (!context)
        return UNPACK_NO_MEMORY;
    status = decode(context, packed, size, content, sizes->content, &used);
    if (!status && used != size)
        status = UNPACK_TRAILING;
    return status;
}

const char *unpack_status_text(enum unpack_status status)
{
    static const char *const words[] = {
        [UNPACK_SUCCESS] = "no error",
        [UNPACK_BAD_HEADER] = "lz4 frame has a bad header",
        [UNPACK_NO_SIZE] = "lz4 frame has no content size",
        [UNPACK_NO_CHECKSUM] = "lz4 frame has no content checksum",
        [UNPACK_DICTIONARY] = "lz4 frame needs a dictionary",
        [UNPACK_TRUNCATED] = "lz4 frame is truncated",
        [UNPACK_CORRUPT] = "lz4 frame is corrupt",
        [UNPACK_WRONG_CHECKSUM] = "lz4 frame has a wrong content checksum",
        [UNPACK_WRONG_SIZE] = "lz4 frame does not have the size it announces",
        [UNPACK_TRAILING] = "bytes after the lz4 frame",
        [UNPACK_NO_MEMORY] = "lz4 work memory is too small",
    };

    return words[status];
}
