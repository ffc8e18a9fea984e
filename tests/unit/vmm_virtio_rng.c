/* The entropy device (virtio 1.2, 5.4) of the VMM. */
#include "virtio_rng.h"

#include <string.h>

#include "vmm_virtio_driver.h"

static struct virtio_rng rng;
static uint32_t filled;

static bool fill(void *from, uint8_t *bytes, uint32_t size)
{
    memset(bytes, 0x5a, size);
    filled += size;
    return *(bool *)from;
}

static uint32_t used_length(uint64_t n)
{
    uint32_t length;

    memcpy(&length, ram + DEV + 4 + n * 8 + 4, 4);
    return length;
}

static void test_rng(void)
{
    bool works = true;
    const struct virtio_rng_source source = {fill, &works};

    machine_set();
    ok(virtio_rng_open(&rng, &bus, &memory, &port, &source), "an entropy device");
    device_on();
    is_u64(pci_get(0, 4), 0x10441af4ull, "device id 4");
    ok(get(NUM_QUEUES, 2) == 1 && get(QUEUE_SIZE, 2) == 64, "one queue");
    is_u64(get(CONFIG, 4), 0u, "no configuration");
    run(8);
    desc(0, DATA, 64, 2, 0);
    offer(0, 1);
    put(DOORBELL, 2, 0);
    ok(ram[DATA] == 0x5a && ram[DATA + 63] == 0x5a && ram[DATA + 64] == 0, "64 bytes");
    ok(used_length(0) == 64 && intx, "told");
    desc(0, DATA, 16, 1, 1);
    desc(1, DATA + 0x1000, 1000, 3, 2);
    desc(2, DATA + 0x2000, 1000, 2, 0);
    memset(ram + DATA, 0, 0x4000);
    offer(0, 2);
    put(DOORBELL, 2, 0);
    ok(!ram[DATA] && ram[DATA + 0x1000] == 0x5a, "what is readable is left alone");
    is_u64(used_length(1), VIRTIO_RNG_CHUNK, "no more than a chunk");
    ok(ram[DATA + 0x2000 + 23] == 0x5a && !ram[DATA + 0x2000 + 24], "exactly");
    works = false;
    offer(1, 3);
    put(DOORBELL, 2, 0);
    is_u64(used_length(2), 0u, "without a source the chain is empty");
    works = true;
    filled = 0;
    for (uint16_t i = 4; i < 12; i++)
        offer(2, i);
    put(DOORBELL, 2, 0);
    is_u64(filled, 8000u, "eight chains at one bell");
}

int main(void)
{
    test_rng();
    return done_testing();
}
