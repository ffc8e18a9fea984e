/* Split virtqueues (virtio 1.2, 2.7) with well-behaved drivers and hostile ones. */
#include "virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define RAM  0x100000u
#define DESC 0x1000u
#define DRV  0x3000u
#define DEV  0x4000u
#define DATA 0x10000u

#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u

static uint8_t ram[RAM] __attribute__((aligned(4096)));
static struct guest_memory memory;
static struct virtqueue queue;
static struct virtqueue_chain chain;

static void desc(uint64_t table, uint64_t n, uint64_t address, uint32_t size, uint16_t flags,
                 uint16_t next)
{
    const struct {
        uint64_t address;
        uint32_t size;
        uint16_t flags, next;
    } descriptor = {address, size, flags, next};

    memcpy(ram + table + n * 16, &descriptor, 16);
}

static void half_put(uint64_t at, uint16_t value)
{
    memcpy(ram + at, &value, 2);
}

static uint16_t half_get(uint64_t at)
{
    uint16_t value;

    memcpy(&value, ram + at, 2);
    return value;
}

static uint32_t word_get(uint64_t at)
{
    uint32_t value;

    memcpy(&value, ram + at, 4);
    return value;
}

static void offer(uint16_t head)
{
    uint16_t index = half_get(DRV + 2);

    half_put(DRV + 4 + (index % queue.size) * 2u, head);
    half_put(DRV + 2, (uint16_t)(index + 1));
}

static void start(uint16_t size, uint64_t features)
{
    memset(ram, 0, sizeof(ram));
    memset(&chain, 0xee, sizeof(chain));
    guest_memory_lay(&memory, ram, RAM);
    queue = (struct virtqueue){.size = size, .descriptors = DESC, .driver = DRV, .device = DEV};
    virtqueue_start(&queue, &memory, features);
}

static void refused(const char *what)
{
    bool popped = virtqueue_pop(&queue, &chain);

    ok(!popped && queue.broken, "%s breaks the queue", what);
    queue.broken = queue.ready = false;
}

static void test_start(void)
{
    static const struct {
        const char *what;
        uint64_t descriptors, driver, device;
        uint16_t size;
        bool good;
    } cases[] = {
        {"256 entries", DESC, DRV, DEV, 256, true},
        {"1 entry", DESC, DRV, DEV, 1, true},
        {"no entries", DESC, DRV, DEV, 0, false},
        {"no power of two", DESC, DRV, DEV, 48, false},
        {"512 entries", DESC, DRV, DEV, 512, false},
        {"descriptors at 8", DESC + 8, DRV, DEV, 8, false},
        {"driver's area at 1", DESC, DRV + 1, DEV, 8, false},
        {"device's area at 2", DESC, DRV, DEV + 2, 8, false},
        {"16, 2 and 4 aligned", DESC + 16, DRV + 2, DEV + 4, 8, true},
        {"descriptors over the end", 0xa0000 - 112, DRV, DEV, 8, false},
        {"descriptors at the end", 0xa0000 - 128, DRV, DEV, 8, true},
        {"driver's area over the end", DESC, 0xa0000 - 20, DEV, 8, false},
        {"driver's area at the end", DESC, 0xa0000 - 22, DEV, 8, true},
        {"device's area over the end", DESC, DRV, 0xa0000 - 68, 8, false},
        {"device's area at the end", DESC, DRV, 0xa0000 - 72, 8, true},
        {"descriptors nowhere", UINT64_MAX - 15, DRV, DEV, 8, false},
        {"descriptors in devices", 0xfee00000, DRV, DEV, 8, false},
    };

    guest_memory_lay(&memory, ram, RAM);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        queue = (struct virtqueue){.size = cases[i].size,
                                   .descriptors = cases[i].descriptors,
                                   .driver = cases[i].driver,
                                   .device = cases[i].device};
        virtqueue_start(&queue, &memory, 0);
        ok(queue.ready && queue.broken == !cases[i].good, "%s: %s", cases[i].what,
           cases[i].good ? "a queue" : "none");
    }
    queue.ready = false;
    ok(!virtqueue_pop(&queue, &chain), "one that is not ready has no chains");
    virtqueue_push(&queue, 0, 1);
    ok(!virtqueue_notify(&queue) && !queue.done, "and takes none");
    queue = (struct virtqueue){.size = 8};
    ok(!virtqueue_pop(&queue, &chain) && !queue.broken, "nor has one that was never started");
}

static void test_chains(void)
{
    start(8, 0);
    ok(!virtqueue_pop(&queue, &chain) && !queue.broken, "an empty queue");
    desc(DESC, 3, DATA, 16, NEXT, 5);
    desc(DESC, 5, DATA + 0x100, 32, NEXT, 1);
    desc(DESC, 1, DATA + 0x200, 0, NEXT, 0);
    desc(DESC, 0, DATA + 0x300, 64, NEXT | WRITE, 7);
    desc(DESC, 7, DATA + 0x400, 128, WRITE, 99);
    offer(3);
    ok(virtqueue_pop(&queue, &chain), "a chain");
    ok(chain.head == 3 && chain.count == 4 && chain.readable == 2,
       "4 segments, 2 of them readable");
    ok(chain.readable_bytes == 48 && chain.writable_bytes == 192, "their bytes");
    ok(chain.segment[0].host == ram + DATA && chain.segment[0].size == 16 &&
           !chain.segment[0].writable,
       "the first");
    ok(chain.segment[3].host == ram + DATA + 0x400 && chain.segment[3].size == 128 &&
           chain.segment[3].writable,
       "the last; empty ones are left out");
    ok(!virtqueue_pop(&queue, &chain), "no other");
    virtqueue_push(&queue, 3, 100);
    is_u64(half_get(DEV + 2), 1u, "done");
    ok(word_get(DEV + 4) == 3 && word_get(DEV + 8) == 100, "with head and length");
    ok(virtqueue_notify(&queue) && !virtqueue_notify(&queue), "one interrupt is due");
    half_put(DRV, 1);
    virtqueue_push(&queue, 4, 0);
    ok(!virtqueue_notify(&queue), "none where the driver wants none");
    is_u64(word_get(DEV + 12), 4u, "the next entry");
}

static void test_wrap(void)
{
    bool good = true;

    start(4, 0);
    desc(DESC, 2, DATA, 8, WRITE, 0);
    for (uint32_t i = 0; i < 70000; i++) {
        offer(2);
        good = good && virtqueue_pop(&queue, &chain) && chain.head == 2;
        virtqueue_push(&queue, 2, i);
        good = good && word_get(DEV + 4 + i % 4 * 8 + 4) == i;
    }
    ok(good, "indexes wrap");
    is_u64(half_get(DEV + 2), 70000 % 65536, "on both sides");
    for (unsigned i = 0; i < 4; i++)
        offer(2);
    for (unsigned i = 0; i < 4; i++)
        good = good && virtqueue_pop(&queue, &chain);
    ok(good && !virtqueue_pop(&queue, &chain) && !queue.broken, "a full queue");
}

static void test_indirect(void)
{
    start(8, VIRTIO_F_INDIRECT_DESC);
    desc(DESC, 0, DATA, 4, NEXT, 1);
    desc(DESC, 1, DATA + 0x808, 48, INDIRECT | WRITE, 0);
    desc(DATA + 0x808, 0, DATA + 0x10, 4, NEXT, 2);
    desc(DATA + 0x808, 2, DATA + 0x20, 4, WRITE | NEXT, 1);
    desc(DATA + 0x808, 1, DATA + 0x30, 4, WRITE, 0);
    offer(0);
    ok(virtqueue_pop(&queue, &chain) && chain.count == 4 && chain.readable == 2,
       "a table behind a segment");
    ok(chain.segment[1].host == ram + DATA + 0x10 && chain.segment[3].host == ram + DATA + 0x30,
       "its segments in order");
    desc(DESC, 2, DATA + 0x1000, 256 * 16, INDIRECT, 0);
    for (uint16_t i = 0; i < 256; i++)
        desc(DATA + 0x1000, i, DATA + i, 1, i == 254 ? 0 : 1, (uint16_t)(i + 1));
    offer(2);
    ok(virtqueue_pop(&queue, &chain) && chain.count == 255, "a long one");
}

static void test_hostile_rings(void)
{
    start(8, 0);
    half_put(DRV + 2, 9);
    refused("more than the size");
    start(8, 0);
    half_put(DRV + 2, 0xffff);
    refused("an index that goes back");
    start(8, 0);
    virtqueue_push(&queue, 0, 1);
    offer(9);
    ok(!virtqueue_pop(&queue, &chain) && queue.broken, "a broken queue");
    virtqueue_push(&queue, 0, 1);
    ok(!virtqueue_notify(&queue) && half_get(DEV + 2) == 1, "takes nothing and tells nothing");
    offer(0);
    ok(!virtqueue_pop(&queue, &chain), "and gives nothing");
    start(8, 0);
    offer(8);
    refused("a head that is not in the table");
    start(8, 0);
    offer(0xffff);
    refused("nor is this one");
}

static void chain_case(const char *what, uint64_t address, uint32_t size, uint16_t flags,
                       uint16_t next)
{
    start(8, VIRTIO_F_INDIRECT_DESC);
    desc(DESC, 0, address, size, flags, next);
    desc(DESC, 1, DATA, 8, 0, 0);
    desc(DATA, 0, DATA, 8, INDIRECT, 0);
    desc(DATA, 1, DATA, 8, NEXT, 7);
    desc(DATA + 0x100, 0, DATA, 8, NEXT, 2);
    offer(0);
    refused(what);
}

static void test_hostile_chains(void)
{
    chain_case("a loop", DATA, 8, NEXT, 0);
    chain_case("a next that is not in the table", DATA, 8, NEXT, 8);
    chain_case("readable after writable", DATA, 8, NEXT | WRITE, 1);
    chain_case("a buffer that is no RAM", 0xfee00000, 8, 0, 0);
    chain_case("one that leaves RAM", 0xa0000 - 4, 8, 0, 0);
    chain_case("one that wraps", UINT64_MAX, 2, 0, 0);
    chain_case("one of 4 GiB", 0, UINT32_MAX, 0, 0);
    chain_case("a table in a table", DATA, 16, INDIRECT, 0);
    chain_case("a table and next", DATA + 0x100, 32, INDIRECT | NEXT, 1);
    chain_case("a table of 24 bytes", DATA + 0x100, 24, INDIRECT, 0);
    chain_case("an empty table", DATA + 0x100, 0, INDIRECT, 0);
    chain_case("a table that is no RAM", 0xa0000, 16, INDIRECT, 0);
    chain_case("a next that is not in its table", DATA + 0x100, 32, INDIRECT, 0);
    start(8, 0);
    desc(DESC, 0, DATA, 16, INDIRECT, 0);
    desc(DATA, 0, DATA, 8, 0, 0);
    offer(0);
    refused("a table that was not negotiated");
    start(8, VIRTIO_F_INDIRECT_DESC);
    desc(DESC, 0, DATA, 300 * 16, INDIRECT, 0);
    for (uint16_t i = 0; i < 300; i++)
        desc(DATA, i, DATA + i, 1, i == 299 ? 0 : 1, (uint16_t)(i + 1));
    offer(0);
    refused("a chain of 300");
}

/* So much RAM that a chain can have more than 4 GiB, though none of it is touched. */
static void test_total(void)
{
    struct guest_memory much = {2, {{0, 0xa0000, ram}, {0x100000, 0xbff00000, ram + 0x100000}}};

    for (uint32_t i = 0; i < 2; i++) {
        start(8, 0);
        queue.memory = &much;
        desc(DESC, 0, 0x100000, 0x80000000, WRITE | NEXT, 1);
        desc(DESC, 1, 0x100000, 0x7fffffff + i, WRITE, 0);
        offer(0);
        ok(virtqueue_pop(&queue, &chain) == !i && queue.broken == i, "4 GiB and %d bytes",
           (int)i - 1);
    }
}

static void test_events(void)
{
    uint64_t avail_event = DEV + 4 + 8 * 8, used_event = DRV + 4 + 8 * 2;

    start(8, VIRTIO_F_EVENT_IDX);
    desc(DESC, 0, DATA, 8, WRITE, 0);
    half_put(avail_event, 0x5555);
    offer(0);
    ok(virtqueue_pop(&queue, &chain) && half_get(avail_event) == 0x5555,
       "no wish while there is something");
    ok(!virtqueue_pop(&queue, &chain) && half_get(avail_event) == 1, "a wish when there is not");
    half_put(used_event, 2);
    virtqueue_push(&queue, 0, 0);
    ok(!virtqueue_notify(&queue), "the driver waits for entry 2");
    virtqueue_push(&queue, 0, 0);
    ok(!virtqueue_notify(&queue), "not yet");
    virtqueue_push(&queue, 0, 0);
    ok(virtqueue_notify(&queue), "now");
    virtqueue_push(&queue, 0, 0);
    ok(!virtqueue_notify(&queue), "once");
    half_put(used_event, 6);
    for (unsigned i = 0; i < 6; i++)
        virtqueue_push(&queue, 0, 0);
    ok(virtqueue_notify(&queue), "in the middle of many");
    half_put(DRV, 1);
    half_put(used_event, 10);
    virtqueue_push(&queue, 0, 0);
    ok(virtqueue_notify(&queue), "the flag does not count with event indexes");
}

/* Whatever is in RAM: what is given is within RAM, and bounded. */
static void test_random(void)
{
    uint32_t popped = 0;
    bool good = true;

    srand(1);
    for (uint32_t round = 0; round < 20000; round++) {
        start(16, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
        for (uint32_t i = 0; i < 32; i++)
            desc(i < 16 ? DESC : DATA, i % 16, rand() % 4 ? DATA : (uint64_t)rand() << 8,
                 (uint32_t)(rand() % 4 ? rand() % 20 * 16 : rand()), (uint16_t)(rand() & 7),
                 (uint16_t)(rand() % 18));
        offer((uint16_t)(rand() % 17));
        while (virtqueue_pop(&queue, &chain)) {
            popped++;
            good = good && chain.count <= VIRTQUEUE_SIZE && chain.readable <= chain.count;
            for (uint32_t i = 0; i < chain.count; i++)
                good = good && chain.segment[i].host >= ram &&
                       chain.segment[i].size <= (size_t)(ram + RAM - chain.segment[i].host) &&
                       chain.segment[i].writable == (i >= chain.readable);
        }
    }
    ok(good && popped > 100, "random descriptors: %u chains, all within RAM", popped);
}

int main(void)
{
    test_start();
    test_chains();
    test_wrap();
    test_indirect();
    test_hostile_rings();
    test_hostile_chains();
    test_total();
    test_events();
    test_random();
    return done_testing();
}
