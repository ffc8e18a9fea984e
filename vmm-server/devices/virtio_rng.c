#include "virtio_rng.h"

/* Fills the chain's writable segments; what was readable, a driver should not have given. */
static uint32_t chain_fill(const struct virtio_rng *rng)
{
    const struct virtqueue_chain *chain = &rng->chain;
    uint32_t filled = 0;

    for (uint32_t i = chain->readable; i < chain->count && filled < VIRTIO_RNG_CHUNK; i++) {
        const struct virtqueue_segment *segment = &chain->segment[i];
        uint32_t room = VIRTIO_RNG_CHUNK - filled;
        uint32_t size = segment->size < room ? segment->size : room;
        if (!rng->source.fill(rng->source.from, segment->host, size))
            break;
        filled += size;
    }
    return filled;
}

static void available(void *device, uint32_t queue)
{
    struct virtio_rng *rng = device;
    struct virtqueue *requests = &rng->virtio.queue[queue];

    for (uint32_t i = 0; i < requests->size && virtqueue_pop(requests, &rng->chain); i++)
        virtqueue_push(requests, rng->chain.head, chain_fill(rng));
    virtio_pci_notify(&rng->virtio, queue);
}

bool virtio_rng_open(struct virtio_rng *rng, struct pci_bus *bus, const struct guest_memory *memory,
                     const struct message_port *port, const struct virtio_rng_source *source)
{
    static const struct virtio_operations operations = {
        .type = 4,
        .class = 0x00ff0000, /* unclassified, none */
        .queues = 1,
        .queue_size = 64,
        .available = available,
    };

    rng->source = *source;
    return virtio_pci_open(&rng->virtio, bus, memory, port, &operations, rng);
}
