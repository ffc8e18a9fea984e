/*
 * No news is lost: who appends stores `written`, then reads `taken`; who takes stores `taken`, then
 * reads `written`, each in this order for all CPUs. So if what was before a record is not taken yet
 * when it is there, the main thread still comes to look behind that.
 */
#include "text.h"

#include <string.h>

struct record {
    uint32_t instance, dropped, size;
};

_Static_assert(sizeof(struct record) == TEXT_RECORD, "text.h");

static void bytes_in(struct text_ring *ring, uint32_t at, const void *from, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        ring->byte[(at + i) % TEXT_BYTES] = ((const uint8_t *)from)[i];
}

static void bytes_out(const struct text_ring *ring, uint32_t at, void *to, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = ring->byte[(at + i) % TEXT_BYTES];
}

/* True: nobody knows yet that something was dropped. What is gone does not count any more. */
static bool drop(struct text_ring *ring, uint32_t instance, uint32_t size)
{
    uint64_t old = __atomic_load_n(&ring->dropped, __ATOMIC_RELAXED), new;

    do {
        uint32_t other = (uint32_t)(old >> 32), sum = other == instance ? (uint32_t)old : 0;
        if ((int32_t)(instance - other) < 0)
            return false;
        sum = sum + size < sum ? UINT32_MAX : sum + size;
        new = (uint64_t)instance << 32 | sum;
    } while (!__atomic_compare_exchange_n(&ring->dropped, &old, new, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return old >> 32 != instance || !(uint32_t)old;
}

static uint32_t dropped_take(struct text_ring *ring, uint32_t instance)
{
    uint64_t old = __atomic_load_n(&ring->dropped, __ATOMIC_SEQ_CST);

    while (old >> 32 == instance && (uint32_t)old)
        if (__atomic_compare_exchange_n(&ring->dropped, &old, (uint64_t)instance << 32, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return (uint32_t)old;
    return 0;
}

bool text_put(struct text_ring *ring, uint32_t instance, const char *text, uint32_t size,
              bool *news)
{
    if (__atomic_exchange_n(&ring->writing, 1, __ATOMIC_ACQUIRE)) {
        *news = drop(ring, instance, size);
        return false;
    }
    uint32_t written = ring->written;
    uint32_t free = TEXT_BYTES - (written - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE));
    bool fits = size <= TEXT_BYTES - TEXT_RECORD && size + TEXT_RECORD <= free;

    if (fits) {
        const struct record record = {instance, dropped_take(ring, instance), size};
        uint8_t head[TEXT_RECORD];
        memcpy(head, &record, TEXT_RECORD);
        bytes_in(ring, written, head, TEXT_RECORD);
        bytes_in(ring, written + TEXT_RECORD, text, size);
        __atomic_store_n(&ring->written, written + TEXT_RECORD + size, __ATOMIC_SEQ_CST);
        *news = __atomic_load_n(&ring->taken, __ATOMIC_SEQ_CST) == written;
    }
    __atomic_store_n(&ring->writing, 0, __ATOMIC_RELEASE);
    if (!fits)
        *news = drop(ring, instance, size);
    return fits;
}

uint32_t text_take(struct text_ring *ring, uint32_t instance, char *text, uint32_t size,
                   uint32_t *dropped)
{
    uint32_t taken = ring->taken;

    while (__atomic_load_n(&ring->written, __ATOMIC_SEQ_CST) != taken) {
        struct record record;
        bytes_out(ring, taken, &record, TEXT_RECORD);
        bool wanted = record.instance == instance && record.size && record.size <= size;
        if (wanted)
            bytes_out(ring, taken + TEXT_RECORD, text, record.size);
        taken += TEXT_RECORD + record.size;
        __atomic_store_n(&ring->taken, taken, __ATOMIC_SEQ_CST);
        if (!wanted)
            continue;
        *dropped = record.dropped;
        return record.size;
    }
    *dropped = dropped_take(ring, instance);
    return 0;
}
