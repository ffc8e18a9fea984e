/*
 * A ring that handlers of several CPUs append to and the main thread empties. Who finds it being
 * written does not wait, because the writer may have lost its time: the text counts as dropped.
 */
#include "handler.h"

bool text_put(struct text_ring *ring, const char *text, uint32_t size)
{
    if (__atomic_exchange_n(&ring->writing, 1, __ATOMIC_ACQUIRE))
        return false;
    uint32_t written = ring->written;
    uint32_t free = TEXT_BYTES - (written - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE));
    bool fits = size < free;

    for (uint32_t i = 0; fits && i < size; i++)
        ring->byte[(written + i) % TEXT_BYTES] = text[i];
    if (fits && size && text[size - 1] != '\n') /* what comes next is another line */
        ring->byte[(written + size++) % TEXT_BYTES] = '\n';
    if (fits)
        __atomic_store_n(&ring->written, written + size, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->writing, 0, __ATOMIC_RELEASE);
    return fits;
}

uint32_t text_take(struct text_ring *ring, char *text, uint32_t size)
{
    uint32_t taken = ring->taken, full = size;
    uint32_t there = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) - taken;

    size = there < size ? there : size;
    while (size < there && size && ring->byte[(taken + size - 1) % TEXT_BYTES] != '\n')
        size--; /* whole lines, if one fits */
    if (!size)
        size = there < full ? there : full;
    for (uint32_t i = 0; i < size; i++)
        text[i] = ring->byte[(taken + i) % TEXT_BYTES];
    __atomic_store_n(&ring->taken, taken + size, __ATOMIC_RELEASE);
    return size;
}
