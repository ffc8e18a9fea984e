/* Highest fit over a bitmap. Chunks come into use in order, from the top down. */
#include "frames.h"

static bool is_taken(const struct port_frames *f, uint32_t frame)
{
    return f->taken[frame / 64] >> frame % 64 & 1;
}

void port_frames_open(struct port_frames *f, uint64_t *bitmap, uint32_t count, uint32_t chunk)
{
    *f = (struct port_frames){
        .taken = bitmap, .count = count, .chunk = chunk, .hint = count, .lowest = count};
}

/* The first frame of a frame's chunk. */
static uint32_t chunk_begin(const struct port_frames *f, uint32_t frame)
{
    return frame - frame % f->chunk;
}

uint32_t port_frames_take(struct port_frames *f)
{
    for (uint32_t frame = f->hint; frame-- > 0;) {
        if (f->taken[frame / 64] == UINT64_MAX) {
            frame -= frame % 64;
            f->hint = frame;
            continue;
        }
        if (is_taken(f, frame))
            continue;
        if (frame < f->lowest) {
            if (chunk_begin(f, frame) < f->floor)
                return PORT_FRAME_NONE;
            f->lowest = chunk_begin(f, frame);
        }
        f->taken[frame / 64] |= 1ull << frame % 64;
        f->hint = frame;
        return frame;
    }
    return PORT_FRAME_NONE;
}

void port_frames_give(struct port_frames *f, uint32_t frame)
{
    f->taken[frame / 64] &= ~(1ull << frame % 64);
    if (frame >= f->hint)
        f->hint = frame + 1;
}

uint32_t port_frames_shrink(struct port_frames *f)
{
    uint32_t begin = f->lowest, end = begin + f->chunk;

    if (begin == f->count)
        return PORT_FRAME_NONE;
    if (end > f->count)
        end = f->count;
    for (uint32_t frame = begin; frame < end; frame++)
        if (is_taken(f, frame))
            return PORT_FRAME_NONE;
    f->lowest = end;
    return begin / f->chunk;
}

void port_frames_set_floor(struct port_frames *f, uint32_t end)
{
    if (end > f->floor && end <= f->lowest)
        f->floor = end;
}
