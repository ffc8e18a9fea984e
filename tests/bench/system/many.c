/* Work on many things at once: it takes long, but not without giving way. */
#include "bench.h"

#include "print.h"

#define SLOTS_IN_FRAME 128u

void measure_mappings(uint64_t count)
{
    struct map map = {.address = TEST_ADDRESS, .count = 1, .rights = MEM_RIGHT_READ};
    struct map large = {.address = TEST_ADDRESS + GIBIBYTE, .count = 512, .rights = map.rights};
    enum status status;

    /* Whatever the count is, the run has the longest of the calls that do not work in steps. */
    require(memory_map(BLOCK, SELECTOR_PD, &large).status, "a mapping of many pages");
    require(memory_unmap(SELECTOR_PD, large.address), "its end");
    mark(MARK_OPEN);
    for (uint64_t i = 0; i < count; i++) {
        require(memory_map(PAGE, SELECTOR_PD, &map).status, "a mapping");
        map.address += PAGE_BYTES;
    }
    probe_begin();
    status = capability_revoke(PAGE, 0);
    probe_end();
    mark(MARK_CLOSE);
    require(status, "revoking mappings");
    require_true(memory_unmap(SELECTOR_PD, TEST_ADDRESS) == STATUS_BAD_PARAMETER, "all are gone");
    print("# [bench] mappings %u 0 \n", (unsigned)count);
}

void measure_slots(uint64_t frames)
{
    enum status status;

    require(domain_create(FREE, SELECTOR_POOL).status, "a domain");
    for (uint64_t i = 0; i < frames; i++) {
        uint32_t there = (uint32_t)i * SLOTS_IN_FRAME;
        require(capability_delegate(FREE, there, SEMAPHORES, RIGHTS_ALL).status, "a slot");
    }
    require(capability_revoke(SEMAPHORES, 0), "emptying the slots");
    mark(MARK_OPEN);
    probe_begin();
    status = object_destroy(FREE);
    probe_end();
    mark(MARK_CLOSE);
    require(status, "destroying the domain");
    print("# [bench] slots %u 0 \n", (unsigned)frames);
}
