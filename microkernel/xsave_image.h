/*
 * XSAVE images that user mode writes: taken over into a private one that XRSTOR accepts.
 *
 * Only what the image says is in use is copied, a component at a time: between those that a machine
 * has there can be much room of those that it lacks (SDM 1, 13.4.3).
 */
#ifndef CAIRN_XSAVE_IMAGE_H
#define CAIRN_XSAVE_IMAGE_H

#include "guest_state.h"
#include "types.h"

#define XSAVE_COMPONENTS 10u  /* x87, SSE, AVX, two of MPX, three of AVX-512, PT, PKRU */
#define XSAVE_LEGACY     416u /* bytes of x87 and SSE state; the rest of that area is unused */

/* What guests can have: in XCR0, and where; bytes of the whole image. */
struct xsave_layout {
    uint64_t components;
    uint32_t bytes;
    struct {
        uint32_t offset, bytes; /* multiples of 8 */
    } component[XSAVE_COMPONENTS];
};

/*
 * MPX is left out: bounds registers would need checks of their own. So are components with a size
 * that does not fit the page.
 */
#define XSAVE_KNOWN 0x2e7ull

static inline void xsave_words_copy(void *to, const void *from, size_t bytes)
{
    size_t words = bytes / 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

extern struct xsave_layout xsave_layout; /* written at boot */

/* Copies an image, which others may be changing, to one that nobody else sees. */
static inline void xsave_take(const struct xsave_layout *layout, void *private, const void *shared)
{
    struct guest_image *image = private;
    const uint8_t *from = shared;
    uint8_t *to = private;

    xsave_words_copy(to, from, XSAVE_LEGACY);
    image->components = GUEST_READ(((const struct guest_image *)shared)->components);
    guest_image_tame(image, layout->components);
    for (uint64_t left = image->components & ~3ull; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);
        uint32_t offset = layout->component[n].offset;
        xsave_words_copy(to + offset, from + offset, layout->component[n].bytes);
    }
}

#endif
