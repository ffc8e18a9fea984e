/*
 * Virtio over PCI (virtio 1.2, 4.1), without the legacy interface: everything between a device's
 * queues and the bus. A device is one struct virtio_operations; its structure holds a struct
 * virtio_pci.
 *
 * BAR 0 has the common structure at 0, ISR status at 0x100, the device's configuration at 0x200 and
 * one 32-bit doorbell a queue from 0x1000 on; BAR 2 is MSI-X's: vector 0 to the number of queues.
 */
#pragma once

#include "pci_msix.h"
#include "virtqueue.h"

#define VIRTIO_F_VERSION_1 (1ull << 32)

#define VIRTIO_QUEUES 8u

/* Device status (virtio 1.2, 2.1). */
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER      2u
#define VIRTIO_DRIVER_OK   4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED      128u

struct virtio_operations {
    uint16_t type;        /* device id (virtio 1.2, chapter 5) */
    uint32_t class;       /* as in struct pci_identity */
    uint64_t features;    /* of the device; the transport adds its own */
    uint16_t queues;      /* 1 to VIRTIO_QUEUES */
    uint16_t queue_size;  /* the most that each can have */
    uint32_t config_size; /* bytes of the device's configuration */
    /* Only while the driver is ready and the queue runs. Ends in a bounded time. */
    void (*available)(void *device, uint32_t queue);
    void (*reset)(void *device); /* forget all chains; may be NULL, as those below */
    /* Of the device's configuration; within config_size. */
    void (*config_read)(void *device, uint32_t offset, uint32_t size, uint8_t *bytes);
    void (*config_write)(void *device, uint32_t offset, uint32_t size, const uint8_t *bytes);
};

struct virtio_pci {
    struct pci_function function;
    struct msix msix;
    const struct virtio_operations *operations;
    void *device;
    const struct guest_memory *memory;
    uint32_t window; /* offset of the capability for access by configuration space */

    uint8_t status, isr, generation;
    uint32_t feature_select[2]; /* of the device, of the driver */
    uint64_t features;          /* that the driver accepted */
    uint16_t queue_select;
    uint16_t config_vector;
    uint16_t queue_vector[VIRTIO_QUEUES];
    struct virtqueue queue[VIRTIO_QUEUES];
};

/* Adds it to the bus; false: no room there. */
bool virtio_pci_open(struct virtio_pci *virtio, struct pci_bus *bus,
                     const struct guest_memory *memory, const struct message_port *port,
                     const struct virtio_operations *operations, void *device);
/* Chains of the queue were pushed: interrupts the driver, if it wants that. */
void virtio_pci_notify(struct virtio_pci *virtio, uint32_t queue);
/* The device's configuration changed. */
void virtio_pci_config_changed(struct virtio_pci *virtio);
/* Does what a queue that has become broken asks for: after virtqueue_pop outside of `available`. */
void virtio_pci_check(struct virtio_pci *virtio, uint32_t queue);
