#include "virtqueue.h"

#include <stddef.h>
#include <string.h>

/* Descriptors (virtio 1.2, 2.7.5). */
#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

#define DESCRIPTOR_BYTES 16ull
_Static_assert(sizeof(struct descriptor) == DESCRIPTOR_BYTES, "as it is in RAM");

/* Both rings: flags, index, then the entries; behind them the other side's event index. */
#define RING_INDEX   2u
#define RING_ENTRIES 4u
#define HEAD_BYTES   2ull /* of an available entry */
#define USED_BYTES   8ull

#define NO_INTERRUPT 1u

#define CHAIN_BYTES UINT32_MAX /* more than 4 GiB are not allowed (2.7.5.2) */

/* The guest's words: each is read once, and the compiler is not to read it again. */
static uint16_t half_read(const uint8_t *at)
{
    return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static void half_write(uint8_t *at, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)at, value, __ATOMIC_RELEASE);
}

static struct descriptor descriptor_read(const uint8_t *table, uint32_t index)
{
    struct descriptor descriptor;

    memcpy(&descriptor, table + index * sizeof(descriptor), sizeof(descriptor));
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return descriptor;
}

static uint8_t *part_at(const struct guest_memory *memory, uint64_t gpa, uint64_t align,
                        uint64_t size)
{
    return gpa % align ? NULL : guest_at(memory, gpa, size);
}

void virtqueue_start(struct virtqueue *queue, const struct guest_memory *memory, uint64_t features)
{
    uint32_t size = queue->size;

    queue->memory = memory;
    queue->events = features & VIRTIO_F_EVENT_IDX;
    queue->indirect = features & VIRTIO_F_INDIRECT_DESC;
    queue->next = queue->done = queue->notified = 0;
    queue->ready = true;
    queue->broken = !size || size > VIRTQUEUE_SIZE || size & (size - 1);
    if (queue->broken)
        return;
    queue->descriptor_table =
        part_at(memory, queue->descriptors, DESCRIPTOR_BYTES, size * DESCRIPTOR_BYTES);
    queue->available = part_at(memory, queue->driver, 2, RING_ENTRIES + size * HEAD_BYTES + 2);
    queue->used = part_at(memory, queue->device, 4, RING_ENTRIES + size * USED_BYTES + 2);
    queue->broken = !queue->descriptor_table || !queue->available || !queue->used;
}

static bool segment_add(const struct virtqueue *queue, struct virtqueue_chain *chain,
                        const struct descriptor *descriptor)
{
    bool writable = descriptor->flags & WRITE;
    uint64_t *bytes = writable ? &chain->writable_bytes : &chain->readable_bytes;
    uint8_t *host = guest_at(queue->memory, descriptor->address, descriptor->size);

    if (!descriptor->size)
        return true;
    if (!host || (!writable && chain->count > chain->readable))
        return false;
    *bytes += descriptor->size;
    chain->segment[chain->count++] = (struct virtqueue_segment){host, descriptor->size, writable};
    chain->readable += !writable;
    return chain->readable_bytes + chain->writable_bytes <= CHAIN_BYTES;
}

/*
 * A chain's descriptors: in the queue's table from head on, the last of them perhaps a table of its
 * own, from whose entry 0 it goes on. At most VIRTQUEUE_SIZE steps in all, wherever `next` leads.
 */
static bool chain_walk(const struct virtqueue *queue, struct virtqueue_chain *chain)
{
    const uint8_t *table = queue->descriptor_table;
    uint32_t entries = queue->size;
    uint32_t index = chain->head;

    for (uint32_t steps = 0; steps < VIRTQUEUE_SIZE && index < entries; steps++) {
        struct descriptor descriptor = descriptor_read(table, index);
        index = descriptor.next;
        if (descriptor.flags & INDIRECT) {
            if (table != queue->descriptor_table || !queue->indirect || descriptor.flags & NEXT ||
                descriptor.size % DESCRIPTOR_BYTES)
                return false;
            table = guest_at(queue->memory, descriptor.address, descriptor.size);
            entries = descriptor.size / (uint32_t)DESCRIPTOR_BYTES;
            index = 0;
            if (!table)
                return false;
            continue;
        }
        if (!segment_add(queue, chain, &descriptor))
            return false;
        if (!(descriptor.flags & NEXT))
            return true;
    }
    return false;
}

/* How many are to be taken. If none, the driver is to say when: then it may be there already. */
static uint16_t available_count(struct virtqueue *queue)
{
    const uint8_t *index = queue->available + RING_INDEX;
    uint16_t count = (uint16_t)(half_read(index) - queue->next);

    if (count || !queue->events)
        return count;
    half_write(queue->used + RING_ENTRIES + queue->size * USED_BYTES, queue->next);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (uint16_t)(half_read(index) - queue->next);
}

bool virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    uint16_t count = queue->ready && !queue->broken ? available_count(queue) : 0;

    if (!count)
        return false;
    uint32_t at = queue->next & (queue->size - 1u);
    chain->head = half_read(queue->available + RING_ENTRIES + at * HEAD_BYTES);
    chain->count = chain->readable = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    queue->broken = count > queue->size || !chain_walk(queue, chain);
    queue->next++;
    return !queue->broken;
}

void virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written)
{
    if (!queue->ready || queue->broken)
        return;
    uint8_t *entry = queue->used + RING_ENTRIES + (queue->done & (queue->size - 1u)) * USED_BYTES;

    __atomic_store_n((uint32_t *)(void *)entry, head, __ATOMIC_RELAXED);
    __atomic_store_n((uint32_t *)(void *)(entry + 4), written, __ATOMIC_RELAXED);
    half_write(queue->used + RING_INDEX, ++queue->done);
}

bool virtqueue_notify(struct virtqueue *queue)
{
    uint16_t pushed = (uint16_t)(queue->done - queue->notified);

    if (!queue->ready || queue->broken || !pushed)
        return false;
    /* The index is written before the driver's wish is read: the driver does it the other way. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue->notified = queue->done;
    if (!queue->events)
        return !(half_read(queue->available) & NO_INTERRUPT);
    /* Did `done` step over the event index since the last time? (2.7.10) */
    uint16_t event = half_read(queue->available + RING_ENTRIES + queue->size * HEAD_BYTES);
    return (uint16_t)(queue->done - event - 1) < pushed;
}
