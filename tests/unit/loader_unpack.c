/*
 * lz4 frames: good ones of several shapes, each kind of damage with its own answer, and every cut
 * and every flipped byte of a small frame refused.
 */
#include "unpack.h"

#include <stdlib.h>

#include "lz4frame.h"
#include "tap.h"
#include "xxhash.h"

#define CONTENT 300000ull

struct frame {
    uint8_t *bytes;
    size_t size;
};

/* Half repetition, half noise, so that blocks of both kinds come up. */
static uint8_t *content_make(size_t size)
{
    uint8_t *content = malloc(size + 1);
    uint32_t noise = 1;

    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        content[i] = (uint8_t)(i / 40000 % 2 ? noise >> 24 : i % 100);
    }
    return content;
}

static struct frame frame_make(const uint8_t *content, size_t size, LZ4F_blockSizeID_t block,
                               LZ4F_blockMode_t mode, unsigned checksum, unsigned long long says)
{
    LZ4F_preferences_t preferences = {
        .frameInfo = {.blockSizeID = block,
                      .blockMode = mode,
                      .contentChecksumFlag =
                          checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum,
                      .contentSize = says},
    };
    LZ4F_cctx *context;
    size_t room = 2 * size + 100000, used;
    uint8_t *bytes = malloc(room);

    LZ4F_createCompressionContext(&context, LZ4F_VERSION);
    used = LZ4F_compressBegin(context, bytes, room, &preferences);
    used += LZ4F_compressUpdate(context, bytes + used, room - used, content, size, NULL);
    used += LZ4F_compressEnd(context, bytes + used, room - used, NULL);
    LZ4F_freeCompressionContext(context);
    return (struct frame){realloc(bytes, used), used};
}

static unsigned impostors; /* frames that were accepted with other content than expected */

/* Unpack a copy that ends where its allocation ends; so do content and work memory. */
static enum unpack_status unpack(const uint8_t *bytes, size_t size, const uint8_t *expected)
{
    uint8_t *copy = malloc(size + !size), *content, *work;
    struct unpack_sizes sizes;
    enum unpack_status status;

    memcpy(copy, bytes, size);
    status = unpack_inspect(copy, size, &sizes);
    if (!status) {
        /* The loader gives memory only up to what it has; so does the test. */
        if (sizes.content > 4 * CONTENT)
            sizes.content = 4 * CONTENT;
        content = malloc(sizes.content + !sizes.content);
        work = aligned_alloc(16, sizes.work);
        status = unpack_frame(copy, size, &sizes, content, work);
        if (!status && memcmp(content, expected, sizes.content) != 0)
            impostors++;
        free(content);
        free(work);
    }
    free(copy);
    return status;
}

static void test_good(const uint8_t *content)
{
    static const LZ4F_blockSizeID_t blocks[] = {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB,
                                                LZ4F_max4MB};

    for (unsigned i = 0; i < 8; i++) {
        LZ4F_blockMode_t mode = i & 1 ? LZ4F_blockIndependent : LZ4F_blockLinked;
        struct frame frame = frame_make(content, CONTENT, blocks[i / 2], mode, 1, CONTENT);

        is_u64(unpack(frame.bytes, frame.size, content), UNPACK_SUCCESS, "block size %u, %s blocks",
               blocks[i / 2], i & 1 ? "independent" : "linked");
        free(frame.bytes);
    }
}

static void test_refusals(const uint8_t *content)
{
    struct frame frame = frame_make(content, CONTENT, LZ4F_max64KB, LZ4F_blockLinked, 1, CONTENT);
    struct frame other;

    ok(unpack_is_frame(frame.bytes, frame.size), "a frame is known by its magic number");
    ok(!unpack_is_frame(frame.bytes, 3), "three bytes are no frame");
    ok(!unpack_is_frame(content, CONTENT), "other bytes are no frame");

    frame.bytes = realloc(frame.bytes, frame.size + 1);
    frame.bytes[frame.size] = 0;
    is_u64(unpack(frame.bytes, frame.size + 1, content), UNPACK_TRAILING, "a byte after the frame");
    frame.bytes[frame.size - 1] ^= 1;
    is_u64(unpack(frame.bytes, frame.size, content), UNPACK_WRONG_CHECKSUM, "wrong checksum");
    frame.bytes[frame.size - 1] ^= 1;
    frame.bytes[6] ^= 1;
    is_u64(unpack(frame.bytes, frame.size, content), UNPACK_BAD_HEADER, "wrong header checksum");
    frame.bytes[6] ^= 1;
    frame.bytes[4] |= 1;
    is_u64(unpack(frame.bytes, frame.size, content), UNPACK_DICTIONARY, "wants a dictionary");
    frame.bytes[4] ^= 0xc1;
    is_u64(unpack(frame.bytes, frame.size, content), UNPACK_BAD_HEADER, "unknown version");
    free(frame.bytes);

    other = frame_make(content, CONTENT, LZ4F_max64KB, LZ4F_blockLinked, 0, CONTENT);
    is_u64(unpack(other.bytes, other.size, content), UNPACK_NO_CHECKSUM, "no content checksum");
    free(other.bytes);
    other = frame_make(content, CONTENT, LZ4F_max64KB, LZ4F_blockLinked, 1, 0);
    is_u64(unpack(other.bytes, other.size, content), UNPACK_NO_SIZE, "no content size");
    free(other.bytes);
}

/* The library refuses to write a wrong size, so the header is changed and its checksum made anew.
 */
static void test_wrong_size(const uint8_t *content)
{
    static const uint64_t says[] = {CONTENT - 1, CONTENT + 1, 65536, 0, 1ull << 33, UINT64_MAX};
    struct frame frame = frame_make(content, CONTENT, LZ4F_max64KB, LZ4F_blockLinked, 1, CONTENT);

    for (unsigned i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        memcpy(frame.bytes + 6, &says[i], 8);
        frame.bytes[14] = (uint8_t)(XXH32(frame.bytes + 4, 10, 0) >> 8);
        is_u64(unpack(frame.bytes, frame.size, content), UNPACK_WRONG_SIZE, "says %llu bytes",
               (unsigned long long)says[i]);
    }
    free(frame.bytes);
}

static void test_damage(void)
{
    uint8_t *content = content_make(500);
    struct frame frame = frame_make(content, 500, LZ4F_max64KB, LZ4F_blockLinked, 1, 500);
    unsigned accepted = 0, truncated = 0;

    for (size_t size = 4; size < frame.size; size++) {
        enum unpack_status status = unpack(frame.bytes, size, content);

        accepted += !status;
        truncated += status == UNPACK_TRUNCATED;
    }
    is_u64(accepted, 0, "no shortened frame is accepted");
    is_u64(truncated, frame.size - 4, "each is called truncated");
    for (size_t at = 4; at < frame.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            frame.bytes[at] ^= (uint8_t)(1u << bit);
            (void)!unpack(frame.bytes, frame.size, content);
            frame.bytes[at] ^= (uint8_t)(1u << bit);
        }
    is_u64(impostors, 0, "no flipped bit changes the content of an accepted frame");
    free(frame.bytes);
    free(content);
}

int main(void)
{
    uint8_t *content = content_make(CONTENT);

    test_good(content);
    test_refusals(content);
    test_wrong_size(content);
    test_damage();
    free(content);
    return done_testing();
}
