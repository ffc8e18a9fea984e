/*
 * Split virtqueues (virtio 1.2, 2.7): what the guest offers, and what it gets back.
 *
 * Everything in the rings is the guest's and may change at any time. Each word is read once, and
 * its copy is checked; a chain has at most VIRTQUEUE_SIZE segments, each within one piece of RAM.
 * A queue in which something is wrong is broken: it gives no more chains until it is started again.
 */
#pragma once

#include "guest_memory.h"

#define VIRTQUEUE_SIZE 256u

/* Feature bits that change what a queue does (virtio 1.2, chapter 6). */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)

struct virtqueue {
    /* What the transport sets. */
    uint16_t size;                        /* a power of two, at most VIRTQUEUE_SIZE */
    uint64_t descriptors, driver, device; /* guest-physical addresses of its parts */

    bool ready;  /* started; its parts are where the host pointers say */
    bool broken; /* the guest broke the rules */
    bool events, indirect;
    const struct guest_memory *memory;
    uint8_t *descriptor_table, *available, *used;
    uint16_t next;     /* of `available` to be taken */
    uint16_t done;     /* index of `used` */
    uint16_t notified; /* `done` at the last virtqueue_notify */
};

struct virtqueue_segment {
    uint8_t *host;
    uint32_t size; /* bytes, not 0 */
    bool writable; /* by the device; those follow the others */
};

struct virtqueue_chain {
    uint16_t head;
    uint16_t count;
    uint16_t readable; /* the first segments; the others are writable */
    uint64_t readable_bytes, writable_bytes;
    struct virtqueue_segment segment[VIRTQUEUE_SIZE];
};

/* The queue begins with indexes 0. It is broken if its parts are not aligned or not RAM. */
void virtqueue_start(struct virtqueue *queue, const struct guest_memory *memory, uint64_t features);
/* False: there is none, or the queue is broken or not ready. Asks for a notification of the next.
 */
bool virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);
/* The chain with that head is done; so many bytes of its writable segments were written. */
void virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written);
/* After one or more were pushed: does the driver want an interrupt for them? */
bool virtqueue_notify(struct virtqueue *queue);
