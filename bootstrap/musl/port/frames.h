/*
 * Which frames of the program's memory are free. Two users share it: pages are mapped from the top
 * down, the kernel gets what it lacks from the bottom up. What pages use is divided into chunks of
 * equal size, each a MEM of its own, because a MEM is either mapped or deposited: the border
 * between the two users is at a chunk. Not safe for two threads at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PORT_FRAME_NONE UINT32_MAX

struct port_frames {
    uint64_t *taken; /* bit n: frame n is in use by pages */
    uint32_t count;
    uint32_t chunk;  /* frames in each */
    uint32_t hint;   /* no frame at or above it is free */
    uint32_t lowest; /* first frame of the lowest chunk that pages use; count: none */
    uint32_t floor;  /* frames below it are the kernel's */
};

/* Words that the bitmap of that many frames takes. */
static inline uint32_t port_frames_words(uint32_t count)
{
    return (count + 63) / 64;
}

/* All are free; bitmap is zero in full. */
void port_frames_open(struct port_frames *f, uint64_t *bitmap, uint32_t count, uint32_t chunk);

/* The highest one that is free and that pages may use; PORT_FRAME_NONE: there is none. */
__attribute__((warn_unused_result)) uint32_t port_frames_take(struct port_frames *f);

void port_frames_give(struct port_frames *f, uint32_t frame);

/*
 * The lowest chunk that pages use is theirs no more, if all of it is free: its number.
 * PORT_FRAME_NONE: it is not, or there is none.
 */
__attribute__((warn_unused_result)) uint32_t port_frames_shrink(struct port_frames *f);

/* The kernel has frames 0 to end - 1 now; end is at most lowest. */
void port_frames_set_floor(struct port_frames *f, uint32_t end);
