/* Mapping, and undoing it. */
#include "bench.h"

#define COPIES 128u

/* What a path maps: argument of the runs. */
struct kind {
    uint32_t memory, count, level;
    uint64_t address;
};

/* The small page has a neighbour that stays, so its tables do. The others bring a table along. */
static const struct kind kinds[] = {
    {PAGE, 1, 0, TEST_ADDRESS},
    {BLOCK, 512, 0, TEST_ADDRESS + 2 * MEBIBYTE},
    {GIGABYTE, 1, 2, TEST_ADDRESS + GIBIBYTE},
};

static struct map map_of(const struct kind *kind)
{
    return (struct map){.address = kind->address,
                        .count = kind->count,
                        .level = kind->level,
                        .rights = MEM_RIGHT_READ | MEM_RIGHT_WRITE};
}

static void map_in(const struct kind *kind, uint64_t address)
{
    struct map map = map_of(kind);

    map.address = address;
    require(memory_map(kind->memory, SELECTOR_PD, &map).status, "a mapping");
}

static void run_map(uint64_t which)
{
    const struct kind *kind = &kinds[which];
    struct map map = map_of(kind);
    struct answer answer;

    probe_begin();
    answer = memory_map(kind->memory, SELECTOR_PD, &map);
    probe_end();
    require(answer.status, "a mapping");
    require(memory_unmap(SELECTOR_PD, kind->address), "its end");
}

static void run_unmap(uint64_t which)
{
    const struct kind *kind = &kinds[which];
    enum status status;

    map_in(kind, kind->address);
    probe_begin();
    status = memory_unmap(SELECTOR_PD, kind->address);
    probe_end();
    require(status, "the end of a mapping");
}

static void run_revoke(uint64_t which)
{
    const struct kind *kind = &kinds[which];
    enum status status;

    map_in(kind, kind->address);
    probe_begin();
    status = capability_revoke(kind->memory, 0);
    probe_end();
    require(status, "revoking a mapping");
}

static void run_revoke_many(uint64_t copies)
{
    enum status status;

    for (uint64_t i = 0; i < copies; i++) {
        map_in(&kinds[0], TEST_ADDRESS + i * PAGE_BYTES);
    }
    probe_begin();
    status = capability_revoke(PAGE, 0);
    probe_end();
    require(status, "revoking mappings");
}

static void run_grant(uint64_t domain)
{
    struct answer answer;

    probe_begin();
    answer = capability_delegate((uint32_t)domain, FREE, SEMAPHORES, RIGHTS_ALL);
    probe_end();
    require(answer.status, "granting");
    require(capability_revoke(SEMAPHORES, 0), "taking it back");
}

static void run_take_back(uint64_t domain)
{
    enum status status;

    require(capability_delegate((uint32_t)domain, FREE, SEMAPHORES, RIGHTS_ALL).status, "granting");
    probe_begin();
    status = capability_revoke(SEMAPHORES, 0);
    probe_end();
    require(status, "taking it back");
}

static const struct path paths[] = {
    {"map.4k", NULL, run_map, 0},
    {"unmap.4k", NULL, run_unmap, 0},
    {"revoke.4k", NULL, run_revoke, 0},
    {"map.2m-in-4k", NULL, run_map, 1},
    {"unmap.2m-in-4k", NULL, run_unmap, 1},
    {"revoke.2m-in-4k", NULL, run_revoke, 1},
    {"revoke.4k.128", NULL, run_revoke_many, COPIES},
    {"capability.grant", NULL, run_grant, OTHER},
    {"capability.take-back", NULL, run_take_back, OTHER},
    {0},
};

static const struct path paths_gigabyte[] = {
    {"map.1g", NULL, run_map, 2},
    {"unmap.1g", NULL, run_unmap, 2},
    {"revoke.1g", NULL, run_revoke, 2},
    {0},
};

void measure_memory(void)
{
    struct map neighbour = {
        .address = TEST_ADDRESS + 256 * PAGE_BYTES, .count = 1, .rights = MEM_RIGHT_READ};

    /* Two: where the first one's record fills the kernel's frame of them, the second begins one. */
    require(memory_map(CODE, SELECTOR_PD, &neighbour).status, "a neighbour");
    neighbour.address += PAGE_BYTES;
    require(memory_map(CODE, SELECTOR_PD, &neighbour).status, "another one");
    paths_measure(paths);
    if (bench_has_gigabyte) {
        paths_measure(paths_gigabyte);
    }
}
