/*
 * Made by the same functions that serve the system calls, out of a pool that is its own from the
 * start. Whatever is missing here is a fault of the kernel or the loader, so it stops.
 */
#include "first.h"

#include "boot.h"
#include "ioapic.h"
#include "mapping.h"
#include "pd.h"
#include "range.h"
#include "reserve.h"
#include "sc.h"
#include "stop.h"
#include "trace.h"

#define FIRST_PRIORITY 64u

static uint64_t pool_frames SEALED; /* physical address of the first one: struct pool itself */
static struct pool *pool;
static struct pd *pd;
static const struct ec *thread; /* the kernel supervises it, if nobody else does */

bool first_is(const struct ec *ec)
{
    return ec == thread;
}

void first_reserve(void)
{
    pool_frames = reserve_take().value;
    for (unsigned i = 1; i < FIRST_POOL_FRAMES; i++)
        (void)reserve_take();
}

static void require(bool done, const char *what)
{
    if (!done)
        stop("the first program cannot be made: %s", what);
}

/* Puts the first capability to an object into the program's table. */
static void give(struct object *object, uint64_t selector, uint32_t rights)
{
    require(!table_extend(&pd->table, selector, 1), "its table");
    struct node *slot = table_slot(&pd->table, selector);
    require(slot_claim(slot), "a selector twice");
    node_insert_first(object, slot, rights);
}

static void *object_make(size_t bytes, enum object_type type)
{
    struct object *object =
        bytes > CELL_MAXIMUM ? pool_take_frame(pool) : pool_take_cell(pool, bytes);

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
    uint64_t base = pool_frames + FRAME_SIZE;

    pool = frame_at(pool_frames);
    pool_init(pool);
    pool->object.type = OBJECT_POOL;
    chain_init(&pool->object.nodes);
    mem_init(&source, NULL, base, (FIRST_POOL_FRAMES - 1) * FRAME_SIZE, MEM_WRITE_BACK);
    source.deposited = pool;
    require(!pool_deposit_open(pool, frame_at(base), &source.object), "its pool");
    for (unsigned i = 1; i < FIRST_POOL_FRAMES; i++)
        require(!pool_deposit_extend(pool, &source.object), "its pool");
}

/* A MEM for each range of RAM that is not the kernel's. */
static void memory_make(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_memory *memory = boot_table(&info->memory);

    for (uint32_t i = 0; i < info->memory.count; i++) {
        uint32_t type = memory[i].type, rights = RIGHTS_ALL & ~RIGHT_DESTROY;
        if (type == MEMORY_BOOT_INFO)
            rights = MEM_RIGHT_READ;
        else if (type != MEMORY_FREE && type != MEMORY_FIRST && type != MEMORY_MODULE)
            continue;
        if (!memory[i].size)
            continue;
        struct mem *mem = pool_take_cell(pool, sizeof(*mem));
        require(mem, "a MEM");
        mem_init(mem, pool, memory[i].base, memory[i].size, MEM_WRITE_BACK);
        give(&mem->object, SELECTOR_MEMORY + i, rights);
    }
}

/* What the CPUs record is there to be read, no more. */
static void trace_make(void)
{
    struct mem *mem = pool_take_cell(pool, sizeof(*mem));

    require(mem, "the trace");
    mem_init(mem, pool, trace_rings(), boot_handoff.cpus * TRACE_BYTES, MEM_WRITE_BACK);
    give(&mem->object, SELECTOR_TRACE, MEM_RIGHT_READ);
}

/* Maps whole pages of physical memory through the MEM that they belong to. */
static void pages_map(uint64_t address, uint64_t physical, uint64_t size, uint32_t rights)
{
    const struct boot_info *info = boot_info();
    const struct boot_memory *memory = boot_table(&info->memory);
    uint64_t needs;

    for (uint32_t i = 0; i < info->memory.count; i++) {
        if (physical < memory[i].base || physical - memory[i].base >= memory[i].size)
            continue;
        struct node *slot = table_slot(&pd->table, SELECTOR_MEMORY + i);
        for (uint64_t done = 0; slot && done < size; done += SPACE_PAGES * FRAME_SIZE) {
            uint64_t left = (size - done) / FRAME_SIZE;
            struct map_request request = {
                .address = address + done,
                .offset = physical + done - memory[i].base,
                .count = (uint32_t)(left < SPACE_PAGES ? left : SPACE_PAGES),
                .rights = rights,
            };
            require(!mapping_create(&pd->space, slot, slot_word(slot), &request, 0, &needs),
                    "its memory");
        }
        return;
    }
    require(false, "its memory is not in the map");
}

static void segments_map(void)
{
    for (uint32_t i = 0; i < boot_handoff.first_segments; i++) {
        const struct handoff_segment *s = &boot_handoff.first[i];
        pages_map(s->virtual, s->physical, s->size,
                  MEM_RIGHT_READ | (s->rights & SEGMENT_WRITE ? MEM_RIGHT_WRITE : 0) |
                      (s->rights & SEGMENT_EXECUTE ? MEM_RIGHT_EXECUTE : 0));
    }
    pages_map(BOOT_INFO_ADDRESS, boot_handoff.boot_info, boot_handoff.boot_info_size,
              MEM_RIGHT_READ);
}

/* All numbers of what ranges are of. */
static struct node *range_make(enum object_type type, uint32_t count, uint64_t selector)
{
    struct range *range = object_make(sizeof(*range), type);

    range->count = count;
    give(&range->object, selector, RIGHTS_ALL);
    return table_slot(&pd->table, selector);
}

/* The ports listed in the boot information are open from the start. */
static void ranges_make(void)
{
    const struct boot_info *info = boot_info();
    const struct boot_ports *ports = boot_table(&info->ports);
    struct node *all = range_make(OBJECT_PORTS, PORTS_COUNT, SELECTOR_PORTS);
    uint64_t needs;

    (void)range_make(OBJECT_IRQ, lines_count(), SELECTOR_IRQ);
    (void)range_make(OBJECT_PCI, PCI_COUNT, SELECTOR_PCI);
    for (uint32_t i = 0; i < info->ports.count; i++) {
        require(ports[i].base < PORTS_COUNT && ports[i].count <= PORTS_COUNT - ports[i].base &&
                    !mapping_open_ports(&pd->space, all, slot_word(all), ports[i].base,
                                        ports[i].count, &needs),
                "its I/O ports");
    }
}

static struct cpu_share *shares_make(void)
{
    struct cpu_share *first = NULL;

    for (uint32_t i = 0; i < boot_handoff.cpus; i++) {
        struct cpu_share *share = object_make(sizeof(*share), OBJECT_CPU);
        share->cpu = i;
        share->ceiling = PRIORITIES - 1;
        give(&share->object, SELECTOR_CPUS + i, RIGHTS_ALL);
        first = first ? first : share;
    }
    return first;
}

static void thread_make(const struct cpu_share *share)
{
    struct ec_request start = {.rip = boot_handoff.first_entry, .utcb = FIRST_UTCB_ADDRESS};
    struct ec *ec = object_make(FRAME_SIZE, OBJECT_EC);
    struct sc *sc = object_make(sizeof(*sc), OBJECT_SC);
    uint64_t needs;

    require(!ec_init(ec, pd, pool, &start, &needs), "its thread");
    thread = ec;
    ec->regs.rdi = BOOT_INFO_ADDRESS;
    struct sc_request time = {.home = ec,
                              .share = share,
                              .priority = FIRST_PRIORITY,
                              .budget = boot_handoff.tsc_hz,
                              .period = boot_handoff.tsc_hz};
    require(!sc_check(&time), "its time");
    require(sc_init(sc, &time), "its time");
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
    trace_make();
    segments_map();
    ranges_make();
    thread_make(shares_make());
}
