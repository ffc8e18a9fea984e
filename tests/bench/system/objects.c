/* Creating an object and destroying it again. */
#include "bench.h"

#define UTCB_ADDRESS (TEST_ADDRESS + 300 * PAGE_BYTES) /* in a table that is there */
#define RESERVE      (1ull << 8)

struct arguments {
    enum object_type type;
    uint64_t a, b, c, d;
};

static struct arguments objects[] = {
    {.type = OBJECT_SM},
    {.type = OBJECT_PT, .a = SELECTOR_EC},
    {.type = OBJECT_PD},
    {.type = OBJECT_EC, .a = SELECTOR_PD, .b = CODE_EXECUTE, .d = UTCB_ADDRESS},
    {.type = OBJECT_SC, .a = CALLS | (uint64_t)SELECTOR_CPUS << 32, .b = RESERVE | 32},
    {.type = OBJECT_POOL},
    {.type = OBJECT_MEM, .a = BLOCK, .c = PAGE_BYTES},
    {.type = OBJECT_PORTS, .a = SELECTOR_PORTS, .b = 0x80, .c = 1},
    {.type = OBJECT_IRQ, .a = SELECTOR_IRQ, .b = 1, .c = 1},
    {.type = OBJECT_PCI, .a = SELECTOR_PCI, .b = 8, .c = 8},
};

static void run_object(uint64_t index)
{
    const struct arguments *o = &objects[index];
    struct answer answer;
    enum status status;

    probe_begin();
    answer = object_create(o->type, FREE, SELECTOR_POOL, o->a, o->b, o->c, o->d);
    mark(MARK_MIDDLE);
    status = object_destroy(FREE);
    probe_end();
    require(answer.status, "creating an object");
    require(status, "destroying an object");
}

static const struct path paths[] = {
    {"object.sm", "object.sm.create", run_object, 0},
    {"object.pt", "object.pt.create", run_object, 1},
    {"object.pd", "object.pd.create", run_object, 2},
    {"object.ec", "object.ec.create", run_object, 3},
    {"object.sc", "object.sc.create", run_object, 4},
    {"object.pool", "object.pool.create", run_object, 5},
    {"object.mem", "object.mem.create", run_object, 6},
    {"object.ports", "object.ports.create", run_object, 7},
    {"object.irq", "object.irq.create", run_object, 8},
    {"object.pci", "object.pci.create", run_object, 9},
    {0},
};

void measure_objects(void)
{
    objects[4].c = objects[4].d = bench_tsc_hz;
    paths_measure(paths);
}
