/* Virtio over PCI (virtio 1.2, 4.1) of the VMM. */
#include "virtio_pci.h"

#include <string.h>

#include "vmm_virtio_driver.h"

/* A device with two queues and 10 bytes of configuration; it pushes what it gets. */
static struct probe {
    struct virtio_pci virtio;
    struct virtqueue_chain chain;
    uint32_t kicks, last, resets;
    uint8_t config[10];
} probe;

static void probe_available(void *device, uint32_t queue)
{
    struct probe *p = device;
    struct virtqueue *q = &p->virtio.queue[queue];

    p->kicks++;
    p->last = queue;
    while (virtqueue_pop(q, &p->chain))
        virtqueue_push(q, p->chain.head, 5);
    virtio_pci_notify(&p->virtio, queue);
}

static void probe_reset(void *device)
{
    ((struct probe *)device)->resets++;
}

static void probe_read(void *device, uint32_t offset, uint32_t size, uint8_t *bytes)
{
    memcpy(bytes, ((struct probe *)device)->config + offset, size);
}

static void probe_write(void *device, uint32_t offset, uint32_t size, const uint8_t *bytes)
{
    memcpy(((struct probe *)device)->config + offset, bytes, size);
}

static const struct virtio_operations operations = {
    .type = 2,
    .class = 0x01000000,
    .features = 1u << 5 | 1ull << 40,
    .queues = 2,
    .queue_size = 256,
    .config_size = 10,
    .available = probe_available,
    .reset = probe_reset,
    .config_read = probe_read,
    .config_write = probe_write,
};

static void setup(void)
{
    machine_set();
    memset(&probe, 0, sizeof(probe));
    ok(virtio_pci_open(&probe.virtio, &bus, &memory, &port, &operations, &probe), "a device");
    device_on();
}

static void test_identity(void)
{
    uint32_t found = 0;
    bool inside = true;

    setup();
    is_u64(pci_get(0, 4), 0x10421af4ull, "vendor and device");
    is_u64(pci_get(8, 4), 0x01000001ull, "class; not transitional");
    is_u64(pci_get(0x2c, 4), 0x10421af4ull, "subsystem");
    is_u64(pci_get(0x3d, 1), 1u, "INTA");
    for (uint32_t at = pci_get(PCI_CAPABILITY, 1); at; at = pci_get(at + 1, 1)) {
        uint32_t type = pci_get(at + 3, 1);
        if (pci_get(at, 1) != 9)
            continue;
        found |= 1u << type;
        inside = inside && (type == 5 || pci_get(at + 8, 4) + pci_get(at + 12, 4) <= 0x2000) &&
                 pci_get(at + 4, 1) == 0;
        if (type == 2)
            ok(pci_get(at + 2, 1) == 20 && pci_get(at + 8, 4) == DOORBELL &&
                   pci_get(at + 12, 4) == 8 && pci_get(at + 16, 4) == 4,
               "doorbells: where, how many, how far apart");
        if (type == 4)
            ok(pci_get(at + 2, 1) == 16 && pci_get(at + 8, 4) == CONFIG &&
                   pci_get(at + 12, 4) == 10,
               "the device's configuration");
    }
    ok(found == 0x3e && inside, "all five capabilities, within BAR 0");
    is_u64(pci_get(0x10, 4) & 15, 4u, "which has 64 bits");
}

static void test_reset_values(void)
{
    setup();
    is_u64(get(DEVICE_FEATURE, 4), 0x30000020ull, "features 0 to 31");
    put(DEVICE_FEATURE_SELECT, 4, 1);
    is_u64(get(DEVICE_FEATURE, 4), 0x101ull, "32 to 63: VERSION_1 and the device's");
    put(DEVICE_FEATURE_SELECT, 4, 2);
    is_u64(get(DEVICE_FEATURE, 4), 0u, "others are none");
    is_u64(get(DEVICE_FEATURE_SELECT, 4), 2u, "the selector can be read");
    is_u64(get(NUM_QUEUES, 2), 2u, "two queues");
    ok(get(STATUS, 1) == 0 && get(GENERATION, 1) == 0 && get(CONFIG_VECTOR, 2) == 0xffff,
       "status, generation, vector");
    is_u64(get(STATUS, 4), 0x00000000ull, "four fields at once");
    for (uint32_t q = 0; q < 2; q++) {
        put(QUEUE_SELECT, 2, q);
        ok(get(QUEUE_SIZE, 2) == 256 && get(QUEUE_VECTOR, 2) == 0xffff &&
               get(QUEUE_ENABLE, 2) == 0 && get(QUEUE_DOORBELL, 2) == q && get(QUEUE_DESC, 8) == 0,
           "queue %u", q);
    }
    put(QUEUE_SELECT, 2, 2);
    ok(get(QUEUE_SIZE, 2) == 0 && get(QUEUE_ENABLE, 2) == 0, "there is no queue 2");
    put(QUEUE_SIZE, 2, 16);
    put(QUEUE_ENABLE, 2, 1);
    put(QUEUE_VECTOR, 2, 0);
    ok(get(QUEUE_SIZE, 2) == 0 && get(QUEUE_VECTOR, 2) == 0xffff, "however it is written");
    is_u64(get(56, 4), 0u, "behind the structure there is nothing");
    is_u64(get(0x180, 4), 0u, "nor behind ISR status");
    is_u64(get(DOORBELL, 4), 0u, "a doorbell reads 0");
}

static void test_negotiation(void)
{
    setup();
    is_u64(negotiate(1u << 5), 11u, "a feature that was offered");
    put(DRIVER_FEATURE_SELECT, 4, 0);
    put(DRIVER_FEATURE, 4, 0);
    is_u64(get(DRIVER_FEATURE, 4), 0x20ull, "features do not change any more");
    is_u64(negotiate(1u << 6), 3u, "one that was not");
    put(STATUS, 1, 0);
    put(STATUS, 1, 11);
    is_u64(get(STATUS, 1), 3u, "without VERSION_1 there is no FEATURES_OK");
    put(DRIVER_FEATURE_SELECT, 4, 2);
    put(DRIVER_FEATURE, 4, 0xffffffff);
    is_u64(get(DRIVER_FEATURE, 4), 0u, "features from 64 on are none");
    put(STATUS, 1, 0xff);
    is_u64(get(STATUS, 1), 0x87ull, "a driver sets FAILED, not DEVICE_NEEDS_RESET");
    put(STATUS, 1, 1);
    is_u64(get(STATUS, 1), 0x87ull, "and clears no bit");
    uint32_t resets = probe.resets;
    put(STATUS, 1, 0);
    ok(get(STATUS, 1) == 0 && probe.resets == resets + 1, "but all");
    put(DRIVER_FEATURE_SELECT, 4, 1);
    is_u64(get(DRIVER_FEATURE, 4), 0u, "features too");
}

static void test_queues(void)
{
    static const uint16_t bad[] = {0, 3, 257, 512, 0xffff};

    setup();
    queue_enable(0, 8);
    is_u64(get(QUEUE_ENABLE, 2), 0u, "no queue before FEATURES_OK");
    negotiate(0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(QUEUE_SIZE, 2, bad[i]);
        is_u64(get(QUEUE_SIZE, 2), 256u, "size %u is refused", bad[i]);
    }
    put(QUEUE_DESC + 4, 4, 0x12345678);
    put(QUEUE_DESC, 4, 0x9abcdef0);
    is_u64(get(QUEUE_DESC, 8), 0x123456789abcdef0ull, "addresses are written in halves");
    put(QUEUE_DEVICE + 4, 4, 0x11223344);
    is_u64(get(QUEUE_DEVICE, 8), 0x1122334400000000ull, "up to the end of the structure");
    put(QUEUE_SIZE, 2, 16);
    put(QUEUE_SIZE, 2, 256);
    is_u64(get(QUEUE_SIZE, 2), 256u, "the largest size can be taken again");
    queue_enable(0, 8);
    is_u64(get(QUEUE_ENABLE, 2), 1u, "on");
    put(QUEUE_SIZE, 2, 16);
    put(QUEUE_DESC, 8, 0);
    put(QUEUE_ENABLE, 2, 0);
    ok(get(QUEUE_SIZE, 2) == 8 && get(QUEUE_DESC, 8) == DESC && get(QUEUE_ENABLE, 2) == 1,
       "then it stays as it is");
    put(QUEUE_VECTOR, 2, 2);
    is_u64(get(QUEUE_VECTOR, 2), 2u, "but for its vector");
    put(QUEUE_VECTOR, 2, 3);
    is_u64(get(QUEUE_VECTOR, 2), 0xffffull, "one that is not there becomes none");
    put(CONFIG_VECTOR, 2, 0);
    is_u64(get(CONFIG_VECTOR, 2), 0u, "a vector for changes");
    put(CONFIG_VECTOR, 2, 0x100);
    is_u64(get(CONFIG_VECTOR, 2), 0xffffull, "or none");
    put(QUEUE_SELECT, 2, 1);
    ok(get(QUEUE_ENABLE, 2) == 0 && get(QUEUE_SIZE, 2) == 256, "the other one is its own");
    put(STATUS, 1, 0);
    put(QUEUE_SELECT, 2, 0);
    ok(get(QUEUE_ENABLE, 2) == 0 && get(QUEUE_SIZE, 2) == 256 && get(QUEUE_DESC, 8) == 0,
       "reset ends it");
    negotiate(0);
    put(QUEUE_SELECT, 2, 0);
    put(QUEUE_DESC, 8, 0xfee00000);
    put(QUEUE_ENABLE, 2, 1);
    is_u64(get(STATUS, 1), 0x4bull, "a queue that is no RAM needs a reset");
}

static void test_doorbell(void)
{
    setup();
    negotiate(0);
    queue_enable(0, 8);
    put(DOORBELL, 2, 0);
    is_u64(probe.kicks, 0u, "no bell before DRIVER_OK");
    put(STATUS, 1, 15);
    put(DOORBELL, 2, 0);
    ok(probe.kicks == 1 && probe.last == 0, "then");
    put(DOORBELL + 4, 2, 1);
    put(DOORBELL + 8, 2, 2);
    put(DOORBELL + 0xffc, 4, 0);
    is_u64(probe.kicks, 1u, "not for queues that are off or not there");
    pci_config_write(&bus, number, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    put(DOORBELL, 4, 0);
    is_u64(probe.kicks, 1u, "nor for one who is no bus master");
    device_on();
    put(STATUS, 1, 0);
    put(STATUS, 1, 7);
    put(DOORBELL, 4, 0);
    is_u64(probe.kicks, 1u, "nor without FEATURES_OK");
}

static void test_intx(void)
{
    setup();
    run(8);
    desc(0, DATA, 8, 0, 0);
    offer(0, 1);
    put(DOORBELL, 2, 0);
    ok(intx && ram[DEV + 2] == 1 && ram[DEV + 8] == 5, "a chain is done, INTA is up");
    is_u64(get(ISR, 1), 1u, "for a queue");
    ok(!intx && get(ISR, 1) == 0, "reading it takes it down");
    virtio_pci_config_changed(&probe.virtio);
    ok(intx && get(GENERATION, 1) == 1 && get(ISR, 1) == 2, "the configuration changed");
    ram[DRV] = 1;
    offer(0, 2);
    put(DOORBELL, 2, 0);
    ok(!intx && ram[DEV + 2] == 2, "no interrupt, if the driver wants none");
    ram[DRV] = 0;
    offer(0, 3);
    put(DOORBELL, 2, 0);
    put(STATUS, 1, 0);
    ok(!intx && get(ISR, 1) == 0, "reset takes it down");
    virtio_pci_config_changed(&probe.virtio);
    ok(!intx, "no interrupt before there is a driver");
}

static void test_msix(void)
{
    uint64_t table;

    setup();
    table = base + 0x2000;
    run(8);
    ok((pci_get(0x18, 4) & ~15u) == table, "the table is in BAR 2");
    for (uint32_t i = 0; i < 3; i++) {
        bus_write(&machine.memory, table + (uint64_t)i * 16, 4, 0xfee00000 + i * 4096);
        bus_write(&machine.memory, table + (uint64_t)i * 16 + 12, 4, 0);
    }
    pci_config_write(&bus, number, probe.virtio.msix.capability + 2, 2, 0x8000);
    put(QUEUE_VECTOR, 2, 2);
    put(CONFIG_VECTOR, 2, 1);
    desc(0, DATA, 8, 0, 0);
    offer(0, 1);
    put(DOORBELL, 2, 0);
    ok(messages == 1 && message_address == 0xfee02000 && !intx && get(ISR, 1) == 0,
       "a queue's message instead of INTA");
    virtio_pci_config_changed(&probe.virtio);
    ok(messages == 2 && message_address == 0xfee01000, "a change's");
    put(QUEUE_VECTOR, 2, 0xffff);
    offer(0, 2);
    put(DOORBELL, 2, 0);
    ok(messages == 2 && ram[DEV + 2] == 2, "without a vector there is none");
    pci_reset(&bus);
    ok(probe.virtio.status == 0 && !msix_enabled(&probe.virtio.msix) &&
           probe.virtio.queue_vector[0] == 0xffff,
       "reset of the machine is one of the device");
}

static void test_broken(void)
{
    setup();
    run(8);
    desc(0, 0xfee00000, 8, 0, 0);
    offer(0, 1);
    put(DOORBELL, 2, 0);
    is_u64(get(STATUS, 1), 0x4full, "a hostile chain: DEVICE_NEEDS_RESET");
    ok(intx && get(ISR, 1) == 2, "told as a change");
    desc(0, DATA, 8, 0, 0);
    offer(0, 2);
    put(DOORBELL, 2, 0);
    ok(probe.kicks == 1 && ram[DEV + 2] == 0, "the device has stopped");
    memset(ram, 0, sizeof(ram));
    run(8);
    is_u64(get(STATUS, 1), 15u, "until it is reset");
    desc(0, DATA, 8, 0, 0);
    offer(0, 1);
    put(DOORBELL, 2, 0);
    is_u64(ram[DEV + 2], 1u, "then it works");
}

static void test_config(void)
{
    setup();
    memcpy(probe.config, "abcdefghij", 10);
    is_u64(get(CONFIG, 4), 0x64636261ull, "the device's configuration");
    is_u64(get(CONFIG + 9, 1), 'j', "its last byte");
    is_u64(get(CONFIG + 8, 4), 0u, "not behind it");
    put(CONFIG + 2, 2, 0x5a59);
    ok(probe.config[2] == 'Y' && probe.config[3] == 'Z', "written");
    put(CONFIG + 8, 4, 0);
    is_u64(probe.config[8], 'i', "not behind it either");
}

static void test_window(void)
{
    setup();
    uint32_t at = probe.virtio.window;

    pci_config_write(&bus, number, at + 4, 1, 0);
    pci_config_write(&bus, number, at + 8, 4, NUM_QUEUES);
    pci_config_write(&bus, number, at + 12, 4, 2);
    is_u64(pci_get(at + 16, 4) & 0xffff, 2u, "two bytes of BAR 0 through configuration space");
    pci_config_write(&bus, number, at + 8, 4, STATUS);
    pci_config_write(&bus, number, at + 12, 4, 1);
    pci_config_write(&bus, number, at + 16, 1, 3);
    is_u64(get(STATUS, 1), 3u, "a byte is written");
    pci_config_write(&bus, number, at + 4, 1, 2);
    pci_config_write(&bus, number, at + 8, 4, 8);
    pci_config_write(&bus, number, at + 12, 4, 4);
    pci_config_write(&bus, number, at + 16, 4, 0xabcd);
    is_u64(probe.virtio.msix.table[0].word[2], 0xabcdull, "the MSI-X table too");
    pci_config_write(&bus, number, at + 16, 4, 0x77);
    for (uint32_t i = 0; i < 5; i++) {
        static const uint32_t cases[5][3] = {
            {2, 9, 4}, {2, 0x1000, 4}, {2, 8, 3}, {1, 0, 4}, {6, 0, 4}};
        pci_config_write(&bus, number, at + 4, 1, cases[i][0]);
        pci_config_write(&bus, number, at + 8, 4, cases[i][1]);
        pci_config_write(&bus, number, at + 12, 4, cases[i][2]);
        pci_config_write(&bus, number, at + 16, 4, 0x11223344);
        ok(pci_get(at + 16, 4) == 0x11223344 && probe.virtio.msix.table[0].word[2] == 0x77,
           "BAR %u, offset %u, length %u is no access", cases[i][0], cases[i][1], cases[i][2]);
    }
    pci_config_write(&bus, number, at, 4, 0);
    is_u64(pci_get(at + 2, 2), 0x0514ull, "the rest of it is read-only");
    pci_config_write(&bus, number, at + 20, 4, 0);
    ok(pci_get(at + 20, 4) != 0, "so is what follows");
}

int main(void)
{
    test_identity();
    test_reset_values();
    test_negotiation();
    test_queues();
    test_doorbell();
    test_intx();
    test_msix();
    test_broken();
    test_config();
    test_window();
    return done_testing();
}
