/* Entropy device (virtio 1.2, 5.4): one queue, whose buffers get random bytes. */
#pragma once

#include "virtio_pci.h"

#define VIRTIO_RNG_CHUNK 1024u /* bytes that one chain gets at most; a driver asks again */

/* Where random bytes come from; false: there are none, and the chain comes back empty. */
struct virtio_rng_source {
    bool (*fill)(void *from, uint8_t *bytes, uint32_t size);
    void *from;
};

struct virtio_rng {
    struct virtio_pci virtio;
    struct virtio_rng_source source;
    struct virtqueue_chain chain;
};

bool virtio_rng_open(struct virtio_rng *rng, struct pci_bus *bus, const struct guest_memory *memory,
                     const struct message_port *port, const struct virtio_rng_source *source);
