/*
 * XSAVE images that user mode writes: taken over into a private one that XRSTOR accepts.
 *
 * Only what the image says is in use is copied, a component at a time: between those that a machine
 * has there can be much room of those that it lacks (SDM 1, 13.4.3).
 */
#pragma once

#include "guest_state.h"

/* The start of an image (SDM 1, 13.4). */
struct guest_image {
    uint8_t legacy[24];
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[480];
    uint64_t components, zero[7]; /* the first of them: is it compacted? */
};

_Static_assert(sizeof(struct guest_image) == 576, "legacy area and header");

#define XSAVE_LEGACY 416u /* bytes of x87 and SSE state; the rest of that area is unused */

static inline void xsave_words_copy(void *to, const void *from, size_t bytes)
{
    size_t words = bytes / 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/*
 * Copies an image, which others may be changing, to one that nobody else sees: XRSTOR of it, under
 * an XCR0 with all components or more, does not fault (SDM 1, 13.8). All CPUs with XSAVE have these
 * bits of MXCSR.
 */
static inline void xsave_take(const struct xsave_layout *layout, void *private, const void *shared)
{
    struct guest_image *image = private;
    const struct guest_image *from = shared;

    xsave_words_copy(image, from, XSAVE_LEGACY);
    image->mxcsr &= 0xffff;
    image->components = GUEST_READ(from->components) & layout->components;
    __builtin_memset(image->zero, 0, sizeof(image->zero));
    for (uint64_t left = image->components & ~3ull; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);
        uint32_t offset = layout->component[n].offset;
        xsave_words_copy((char *)image + offset, (const char *)from + offset,
                         layout->component[n].bytes);
    }
}
