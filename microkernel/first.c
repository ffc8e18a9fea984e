/*
 * Made by the same functions that serve the system calls, out of a pool that is its own from the
 * start. Whatever is missing here is a fault of the kernel or the loader, so it stops.
 */

#include "boot.h"
#include "interrupt.h"
#include "mapping.h"
#include "pd.h"
#include "range.h"
#include "sc.h"
#include "stop.h"
#include "trace.h"

#define FIRST_PRIORITY 64u

static struct pool *pool;
static struct pd *pd;

static void require(bool done, const char *what)
{
    if (!done)
        stop("the first program cannot be made: %s", what);
}

/* Puts the first capability to an object into the program's table. */
static void give(struct object *object, uint64_t selector, uint32_t rights)
{
    struct node *slot = table_extend(&pd->table, selector);

    require(slot, "its table");
    node_insert_first(object, slot, rights);
}

static void *object_make(size_t bytes, enum object_type type)
{
    struct object *object = pool_take_object(pool, bytes);

    require(object, "an object");
    object->type = (uint8_t)type;
    object->pool = pool;
    chain_init(&object->nodes);
    return object;
}

/* The pool, and the MEM that its frames go back to when the program withdraws them. */
static void pool_make(void)
{
    static struct mem source;
    uint64_t base = boot_handoff.pool + FRAME_SIZE; /* the first frame is struct pool itself */

    pool = frame_at(boot_handoff.pool);
    pool_init(pool);
    pool->object.type = OBJECT_POOL;
    chain_init(&pool->object.nodes);
    mem_init(&source, NULL, base, (HANDOFF_POOL_FRAMES - 1) * FRAME_SIZE, MEM_WRITE_BACK);
    source.deposit = pool_deposit_open(pool, frame_at(base), source.size, &source.object);
    require(source.deposit, "its pool");
    for (unsigned i = 1; i < HANDOFF_POOL_FRAMES; i++)
        pool_deposit_extend(source.deposit);
}

static void mem_make(uint64_t base, uint64_t size, uint64_t selector, uint32_t rights)
{
    struct mem *mem = pool_take_cell(pool, sizeof(*mem));

    require(mem, "a MEM");
    mem_init(mem, pool, base, size, MEM_WRITE_BACK);
    give(&mem->object, selector, rights);
}

/* A MEM for each range of RAM that is not the kernel's, and what the CPUs record, to be read. */
static void memory_make(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_memory *memory = boot_table(&info->memory);

    for (uint32_t i = 0; i < info->memory.count; i++) {
        uint32_t type = memory[i].type;
        uint32_t rights = type == MEMORY_BOOT_INFO ? MEM_RIGHT_READ : RIGHTS_ALL & ~RIGHT_DESTROY;
        if (type == MEMORY_BOOT_INFO || type == MEMORY_FREE || type == MEMORY_FIRST ||
            type == MEMORY_MODULE)
            mem_make(memory[i].base, memory[i].size, SELECTOR_MEMORY + i, rights);
    }
    mem_make(boot_handoff.trace, boot_handoff.cpus * TRACE_BYTES, SELECTOR_TRACE, MEM_RIGHT_READ);
}

/* Maps a segment through the MEM that it belongs to. */
static void segment_map(const struct handoff_segment *segment)
{
    const struct boot_memory *memory = boot_table(&boot_info()->memory);
    uint32_t i = 0;
    uint64_t needs;

    while (segment->physical - memory[i].base >= memory[i].size)
        i++;
    struct node *slot = table_slot(&pd->table, SELECTOR_MEMORY + i);
    for (uint64_t done = 0; done < segment->size; done += SPACE_PAGES * FRAME_SIZE) {
        uint64_t left = (segment->size - done) / FRAME_SIZE;
        struct map_request request = {
            .address = segment->virtual + done,
            .offset = segment->physical + done - memory[i].base,
            .count = (uint32_t)(left < SPACE_PAGES ? left : SPACE_PAGES),
            .rights = segment->rights,
        };
        require(!mapping_create(&pd->space, slot, slot_word(slot), &request, 0, &needs),
                "its memory");
    }
}

/* All numbers of what ranges are of. */
static struct node *range_make(enum object_type type, uint32_t count, uint64_t selector)
{
    struct range *range = object_make(sizeof(*range), type);

    range->count = count;
    give(&range->part.object, selector, RIGHTS_ALL);
    return table_slot(&pd->table, selector);
}

/* The ports listed in the boot information are open from the start. */
static void ranges_make(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_ports *ports = boot_table(&info->ports);
    struct node *all = range_make(OBJECT_PORTS, PORTS_COUNT, SELECTOR_PORTS);
    uint64_t needs;

    (void)range_make(OBJECT_IRQ, boot_handoff.lines, SELECTOR_IRQ);
    (void)range_make(OBJECT_PCI, PCI_COUNT, SELECTOR_PCI);
    for (uint32_t i = 0; i < info->ports.count; i++)
        require(ports[i].base + ports[i].count <= PORTS_COUNT &&
                    !mapping_open_ports(&pd->space, all, slot_word(all), ports[i].base,
                                        ports[i].count, &needs),
                "its I/O ports");
}

static void shares_make(void)
{
    for (uint32_t i = 0; i < boot_handoff.cpus; i++) {
        struct cpu_share *share = object_make(sizeof(*share), OBJECT_CPU);
        share->cpu = i;
        share->ceiling = PRIORITIES - 1;
        share->share = share->free = CPU_SHARE_ALL;
        give(&share->part.object, SELECTOR_CPUS + i, RIGHTS_ALL);
    }
}

static void thread_make(void)
{
    struct ec *ec = object_make(FRAME_SIZE, OBJECT_EC);
    struct sc *sc = object_make(sizeof(*sc), OBJECT_SC);

    ec->first = true;
    ec->regs.rip = boot_handoff.first_entry;
    ec->regs.rdi = BOOT_INFO_ADDRESS;
    require(!ec_init(ec, pd, FIRST_UTCB_ADDRESS), "its thread");
    sc->home = ec;
    sc->starts = true;
    sc->budget = budget_make(boot_handoff.tsc_hz, boot_handoff.tsc_hz);
    runqueue_entry_init(&sc->ready, FIRST_PRIORITY);
    sc_init(sc);
    give(&ec->object, SELECTOR_EC, RIGHTS_ALL);
    give(&sc->object, SELECTOR_SC, RIGHTS_ALL);
}

void first_make(void)
{
    pool_make();
    pd = object_make(FRAME_SIZE, OBJECT_PD);
    require(pd_init(pd, pool), "its domain");
    give(&pd->object, SELECTOR_PD, RIGHTS_ALL);
    give(&pool->object, SELECTOR_POOL, RIGHTS_ALL);
    give(object_make(sizeof(struct object), OBJECT_PLATFORM), SELECTOR_PLATFORM, RIGHTS_ALL);
    memory_make();
    for (uint32_t i = 0; i < boot_handoff.first_segments; i++)
        segment_map(&boot_handoff.first[i]);
    ranges_make();
    shares_make();
    thread_make();
}
