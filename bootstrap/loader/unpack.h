/*
 * lz4 frames, unpacked and verified.
 *
 * A frame is accepted only if its header carries the content's size and a content checksum, and
 * if the whole of it, to the module's last byte, decodes to exactly that size and checksum.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum unpack_status {
    UNPACK_SUCCESS = 0,
    UNPACK_BAD_HEADER,
    UNPACK_NO_SIZE,
    UNPACK_NO_CHECKSUM,
    UNPACK_DICTIONARY,
    UNPACK_TRUNCATED,
    UNPACK_CORRUPT,
    UNPACK_WRONG_CHECKSUM,
    UNPACK_WRONG_SIZE,
    UNPACK_TRAILING,  /* bytes after the frame */
    UNPACK_NO_MEMORY, /* work memory smaller than unpack_inspect said */
};

struct unpack_sizes {
    uint64_t content; /* bytes when unpacked */
    uint64_t work;    /* bytes of work memory that unpack_frame needs */
};

/* Do these bytes begin like an lz4 frame? */
bool unpack_is_frame(const uint8_t *packed, uint64_t size);

/* Check the frame's header. Reads nothing behind it. Source: lz4 frame format 1.6.2. */
enum unpack_status unpack_inspect(const uint8_t *packed, uint64_t size, struct unpack_sizes *sizes)
    __attribute__((warn_unused_result));

/*
 * Unpack a frame that unpack_inspect accepted to content[sizes->content]. work: sizes->work bytes,
 * aligned to 16. On an error content holds rubbish and must not be used.
 */
enum unpack_status unpack_frame(const uint8_t *packed, uint64_t size,
                                const struct unpack_sizes *sizes, uint8_t *content, uint8_t *work)
    __attribute__((warn_unused_result));

/* The error in words, static. */
const char *unpack_status_text(enum unpack_status status);
