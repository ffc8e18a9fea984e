/*
 * A boundary that moves up through one range of memory: below it the kernel's, above it free.
 */
#include "reserve.h"

#include "layout.h"
#include "stop.h"

static struct boot_memory *taken, *rest; /* used before the frame map only */
static uint64_t next;                    /* physical address of the next frame to take */
static uint64_t end;
static uint64_t frame_base; /* virtual minus physical address of a frame of the kernel */

void reserve_open(struct boot_memory memory[2])
{
    taken = &memory[0];
    rest = &memory[1];
    if (taken->type != MEMORY_KERNEL || rest->type != MEMORY_FREE || rest->size ||
        rest->base != taken->base + taken->size || taken->base % FRAME_SIZE ||
        taken->size % FRAME_SIZE)
        stop("the loader's reserve is not one range of frames");
    next = taken->base;
    end = taken->base + taken->size;
}

hpa_t reserve_take(void)
{
    if (next == end)
        stop("the reserve of %lu frames is used up", taken->size / FRAME_SIZE);

    hpa_t frame = hpa(next);
    uint64_t *words = frame_pointer(frame);
    for (unsigned i = 0; i < FRAME_SIZE / sizeof(*words); i++)
        words[i] = 0;
    next += FRAME_SIZE;
    return frame;
}

hpa_t reserve_base(void)
{
    return hpa(taken->base);
}

uint64_t reserve_taken(void)
{
    return (next - taken->base) / FRAME_SIZE;
}

void reserve_close(void)
{
    rest->base = next;
    rest->size = end - next;
    taken->size = next - taken->base;
    end = next;
}

void *frame_pointer(hpa_t frame)
{
    return (void *)(frame_base + frame.value);
}

void frames_move_to_map(void)
{
    frame_base = FRAME_MAP;
}
