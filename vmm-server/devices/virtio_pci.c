#include "virtio_pci.h"

#include <stddef.h>
#include <string.h>

/* BAR 0. */
#define ISR      0x100u
#define CONFIG   0x200u
#define DOORBELL 0x1000u
#define BYTES    0x2000u
#define RING     4u /* bytes from one doorbell to the next */

#define VENDOR      0x1af4u
#define DEVICE_BASE 0x1040u
#define NO_VECTOR   0xffffu
#define ISR_QUEUE   1u
#define ISR_CONFIG  2u
#define STATUS_ALL  0x8fu /* what a driver can set */

#define TRANSPORT_FEATURES (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)

/* The common structure (virtio 1.2, 4.1.4.3). */
struct common {
    uint32_t device_feature_select, device_feature;
    uint32_t driver_feature_select, driver_feature;
    uint16_t config_vector, queues;
    uint8_t status, generation;
    uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_doorbell;
    uint64_t descriptors, driver, device;
};

_Static_assert(offsetof(struct common, device) == 48, "as it is in the specification");

/* The capability through which BARs can be reached (4.1.4.9), from its start on. */
struct window {
    uint8_t id, next, size, type, bar, padding[3];
    uint32_t offset, length;
    uint8_t data[4];
};

static uint64_t offered(const struct virtio_pci *virtio)
{
    return virtio->operations->features | TRANSPORT_FEATURES;
}

static uint32_t half_of(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

/* The queue that is selected; NULL: there is none. */
static struct virtqueue *selected(struct virtio_pci *virtio)
{
    bool is = virtio->queue_select < virtio->operations->queues;

    return is ? &virtio->queue[virtio->queue_select] : NULL;
}

static bool runs(const struct virtio_pci *virtio)
{
    const uint32_t needed = VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK;

    return (virtio->status & (needed | VIRTIO_NEEDS_RESET)) == needed &&
           pci_is_master(&virtio->function);
}

static void interrupt(struct virtio_pci *virtio, uint16_t vector, uint8_t isr)
{
    if (msix_enabled(&virtio->msix)) {
        msix_send(&virtio->msix, vector);
        return;
    }
    virtio->isr |= isr;
    pci_interrupt(&virtio->function, true);
}

static void needs_reset(struct virtio_pci *virtio)
{
    if (virtio->status & VIRTIO_NEEDS_RESET)
        return;
    virtio->status |= VIRTIO_NEEDS_RESET;
    if (virtio->status & VIRTIO_DRIVER_OK)
        interrupt(virtio, virtio->config_vector, ISR_CONFIG);
}

void virtio_pci_check(struct virtio_pci *virtio, uint32_t queue)
{
    if (virtio->queue[queue].broken)
        needs_reset(virtio);
}

void virtio_pci_notify(struct virtio_pci *virtio, uint32_t queue)
{
    if (runs(virtio) && virtqueue_notify(&virtio->queue[queue]))
        interrupt(virtio, virtio->queue_vector[queue], ISR_QUEUE);
}

void virtio_pci_config_changed(struct virtio_pci *virtio)
{
    virtio->generation++;
    if (virtio->status & VIRTIO_DRIVER_OK)
        interrupt(virtio, virtio->config_vector, ISR_CONFIG);
}

static void device_reset(struct virtio_pci *virtio)
{
    const struct virtio_operations *operations = virtio->operations;

    virtio->status = 0;
    virtio->isr = 0;
    virtio->features = 0;
    memset(virtio->feature_select, 0, sizeof(virtio->feature_select));
    virtio->queue_select = 0;
    virtio->config_vector = NO_VECTOR;
    for (uint32_t i = 0; i < VIRTIO_QUEUES; i++) {
        virtio->queue[i] = (struct virtqueue){.size = operations->queue_size};
        virtio->queue_vector[i] = NO_VECTOR;
    }
    pci_interrupt(&virtio->function, false);
    if (operations->reset)
        operations->reset(virtio->device);
}

static struct common common_get(struct virtio_pci *virtio)
{
    const struct virtqueue *queue = selected(virtio);
    struct common common = {
        .device_feature_select = virtio->feature_select[0],
        .device_feature = half_of(offered(virtio), virtio->feature_select[0]),
        .driver_feature_select = virtio->feature_select[1],
        .driver_feature = half_of(virtio->features, virtio->feature_select[1]),
        .config_vector = virtio->config_vector,
        .queues = virtio->operations->queues,
        .status = virtio->status,
        .generation = virtio->generation,
        .queue_select = virtio->queue_select,
        .queue_vector = NO_VECTOR,
    };

    if (queue) {
        common.queue_size = queue->size;
        common.queue_vector = virtio->queue_vector[virtio->queue_select];
        common.queue_enable = queue->ready;
        common.queue_doorbell = virtio->queue_select;
        common.descriptors = queue->descriptors;
        common.driver = queue->driver;
        common.device = queue->device;
    }
    return common;
}

/* A driver adds bits, or resets with 0. FEATURES_OK stays 0 if we do not agree (3.1.1). */
static void status_write(struct virtio_pci *virtio, uint8_t status)
{
    uint8_t added = status & STATUS_ALL & ~virtio->status;

    if (!status) {
        device_reset(virtio);
        return;
    }
    if (virtio->features & ~offered(virtio) || !(virtio->features & VIRTIO_F_VERSION_1))
        added &= (uint8_t)~VIRTIO_FEATURES_OK;
    virtio->status |= added;
}

static void features_write(struct virtio_pci *virtio, uint32_t value)
{
    uint32_t select = virtio->feature_select[1];

    if (select >= 2 || virtio->status & VIRTIO_FEATURES_OK)
        return;
    virtio->features &= ~((uint64_t)UINT32_MAX << 32 * select);
    virtio->features |= (uint64_t)value << 32 * select;
}

static uint16_t vector_of(const struct virtio_pci *virtio, uint16_t vector)
{
    return vector < virtio->msix.vectors ? vector : NO_VECTOR;
}

/* Of the queue that is selected; while it runs, nothing of it but its vector changes. */
static void queue_write(struct virtio_pci *virtio, uint64_t offset, const struct common *common)
{
    struct virtqueue *queue = selected(virtio);

    if (!queue)
        return;
    if (offset == offsetof(struct common, queue_vector))
        virtio->queue_vector[virtio->queue_select] = vector_of(virtio, common->queue_vector);
    if (queue->ready)
        return;
    queue->descriptors = common->descriptors;
    queue->driver = common->driver;
    queue->device = common->device;
    if (common->queue_size && common->queue_size <= virtio->operations->queue_size &&
        !(common->queue_size & (common->queue_size - 1)))
        queue->size = common->queue_size;
    if (offset == offsetof(struct common, queue_enable) && common->queue_enable == 1 &&
        virtio->status & VIRTIO_FEATURES_OK) {
        virtqueue_start(queue, virtio->memory, virtio->features);
        virtio_pci_check(virtio, virtio->queue_select);
    }
}

/* Fields are written whole, 64-bit ones in halves (4.1.3.1): an access that starts elsewhere, or is
 * wider than its field, changes what comes first in it, or nothing. */
static void common_write(struct virtio_pci *virtio, uint64_t offset, unsigned size, uint64_t value)
{
    struct common common = common_get(virtio);

    if (offset + size > sizeof(common))
        return;
    memcpy((uint8_t *)&common + offset, &value, size);
    switch (offset) {
    case offsetof(struct common, device_feature_select):
        virtio->feature_select[0] = common.device_feature_select;
        break;
    case offsetof(struct common, driver_feature_select):
        virtio->feature_select[1] = common.driver_feature_select;
        break;
    case offsetof(struct common, driver_feature):
        features_write(virtio, common.driver_feature);
        break;
    case offsetof(struct common, config_vector):
        virtio->config_vector = vector_of(virtio, common.config_vector);
        break;
    case offsetof(struct common, status):
        status_write(virtio, common.status);
        break;
    case offsetof(struct common, queue_select):
        virtio->queue_select = common.queue_select;
        break;
    default:
        queue_write(virtio, offset, &common);
    }
}

static bool is_config(const struct virtio_pci *virtio, uint64_t offset, unsigned size)
{
    return offset >= CONFIG && offset - CONFIG + size <= virtio->operations->config_size;
}

static uint64_t bar_read(void *device, uint64_t offset, unsigned size)
{
    struct virtio_pci *virtio = device;
    uint64_t value = 0;

    if (offset + size <= sizeof(struct common)) {
        struct common common = common_get(virtio);
        memcpy(&value, (uint8_t *)&common + offset, size);
    } else if (offset == ISR) {
        value = virtio->isr; /* reading it acknowledges the interrupt (4.1.4.5) */
        virtio->isr = 0;
        pci_interrupt(&virtio->function, false);
    } else if (is_config(virtio, offset, size) && virtio->operations->config_read) {
        virtio->operations->config_read(virtio->device, (uint32_t)offset - CONFIG, size,
                                        (uint8_t *)&value);
    }
    return value;
}

static void doorbell(struct virtio_pci *virtio, uint64_t queue)
{
    if (queue >= virtio->operations->queues || !runs(virtio) || !virtio->queue[queue].ready)
        return;
    virtio->operations->available(virtio->device, (uint32_t)queue);
    virtio_pci_check(virtio, (uint32_t)queue);
}

static void bar_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_pci *virtio = device;

    if (offset >= DOORBELL)
        doorbell(virtio, (offset - DOORBELL) / RING);
    else if (offset < ISR)
        common_write(virtio, offset, size, value);
    else if (is_config(virtio, offset, size) && virtio->operations->config_write)
        virtio->operations->config_write(virtio->device, (uint32_t)offset - CONFIG, size,
                                         (uint8_t *)&value);
}

/* If that touches the window's data: the BAR that the window names, and a copy of the window; NULL
 * if an access there is none of 1, 2 or 4 bytes, aligned. */
static const struct pci_bar *window_bar(const struct virtio_pci *virtio, uint32_t offset,
                                        uint32_t size, struct window *window)
{
    uint32_t data = virtio->window + (uint32_t)offsetof(struct window, data);
    const struct pci_bar *bar;

    if (offset >= data + 4 || offset + size <= data)
        return NULL;
    memcpy(window, virtio->function.config + virtio->window, sizeof(*window));
    uint32_t length = window->length;
    if (window->bar >= PCI_BARS || (length != 1 && length != 2 && length != 4))
        return NULL;
    bar = &virtio->function.bar[window->bar];
    return window->offset < bar->size && window->offset % length == 0 ? bar : NULL;
}

static void config_read(void *device, uint32_t offset, uint32_t size)
{
    struct virtio_pci *virtio = device;
    struct window window;
    const struct pci_bar *bar = window_bar(virtio, offset, size, &window);

    if (!bar)
        return;
    uint64_t value = bar->operations->read(bar->device, window.offset, window.length);
    memcpy(virtio->function.config + virtio->window + offsetof(struct window, data), &value,
           window.length);
}

static void config_written(void *device, uint32_t offset, uint32_t size)
{
    struct virtio_pci *virtio = device;
    struct window window;
    const struct pci_bar *bar = window_bar(virtio, offset, size, &window);
    uint64_t value = 0;

    msix_config_written(&virtio->msix);
    if (!bar)
        return;
    memcpy(&value, window.data, window.length);
    bar->operations->write(bar->device, window.offset, window.length, value);
}

static void function_reset(void *device)
{
    struct virtio_pci *virtio = device;

    msix_reset(&virtio->msix);
    virtio->generation = 0;
    device_reset(virtio);
}

enum {
    CAPABILITY_COMMON = 1,
    CAPABILITY_NOTIFY,
    CAPABILITY_ISR,
    CAPABILITY_DEVICE,
    CAPABILITY_PCI
};

/* struct virtio_pci_cap without its first two bytes, and a word that some types have more. */
static uint32_t capability_add(struct virtio_pci *virtio, uint8_t type, uint32_t offset,
                               uint32_t length, bool more, uint32_t word)
{
    const uint32_t words[3] = {offset, length, word};
    uint32_t size = more ? 20 : 16;
    uint8_t body[18] = {(uint8_t)size, type};

    memcpy(body + 6, words, sizeof(words));
    return pci_capability_add(&virtio->function, 9 /* vendor-specific */, body, size - 2);
}

static void capabilities_add(struct virtio_pci *virtio)
{
    const struct virtio_operations *operations = virtio->operations;
    uint32_t at = capability_add(virtio, CAPABILITY_PCI, 0, 0, true, 0);

    virtio->window = at;
    pci_writable_set(&virtio->function, at + offsetof(struct window, bar), 0xff);
    for (uint32_t i = offsetof(struct window, offset); i < sizeof(struct window); i++)
        pci_writable_set(&virtio->function, at + i, 0xff);
    if (operations->config_size)
        capability_add(virtio, CAPABILITY_DEVICE, CONFIG, operations->config_size, false, 0);
    capability_add(virtio, CAPABILITY_NOTIFY, DOORBELL, operations->queues * RING, true, RING);
    capability_add(virtio, CAPABILITY_ISR, ISR, 1, false, 0);
    capability_add(virtio, CAPABILITY_COMMON, 0, sizeof(struct common), false, 0);
}

bool virtio_pci_open(struct virtio_pci *virtio, struct pci_bus *bus,
                     const struct guest_memory *memory, const struct message_port *port,
                     const struct virtio_operations *operations, void *device)
{
    static const struct bus_operations bar = {bar_read, bar_write};
    static const struct pci_operations pci = {config_read, config_written, function_reset};
    const struct pci_identity identity = {
        .vendor = VENDOR,
        .device = (uint16_t)(DEVICE_BASE + operations->type),
        .subsystem_vendor = VENDOR,
        .subsystem = (uint16_t)(DEVICE_BASE + operations->type),
        .class = operations->class | 1 /* revision: not transitional */,
        .intx = true,
    };

    *virtio = (struct virtio_pci){.operations = operations, .device = device, .memory = memory};
    pci_function_begin(&virtio->function, &identity, &pci, virtio);
    virtio->function.bar[0] = (struct pci_bar){PCI_BAR_MEMORY64, .widest = 4, .size = BYTES,
                                               .operations = &bar, .device = virtio};
    capabilities_add(virtio);
    msix_open(&virtio->msix, &virtio->function, 2, operations->queues + 1u, port);
    return pci_add(bus, &virtio->function);
}
