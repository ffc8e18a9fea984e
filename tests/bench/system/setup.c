/* See bench.h. */
#include "bench.h"

#include "ranges.h"

#define STACK         4096u
#define STACKS        12u
#define WORKER_STACK  11u            /* and index of its UTCB */
#define DEPOSIT_AT    (8 * MEBIBYTE) /* in the range: up to its end */
#define DEPOSIT_LEAST (2 * MEBIBYTE)

extern char text_begin[], text_end[], rodata_begin[], rodata_end[], data_begin[], bss_end[];

bool bench_has_gigabyte;

static uint8_t stacks[STACKS][STACK] __attribute__((aligned(16)));

static void part_make(uint32_t selector, uint32_t parent, uint64_t offset, uint64_t size)
{
    require(memory_create(selector, SELECTOR_POOL, parent, offset, size, 0).status, "memory");
}

static const struct boot_memory *range_of(const struct boot_info *info, uint32_t index)
{
    return (const struct boot_memory *)((const char *)info + info->memory.offset +
                                        (uint64_t)index * info->memory.entry_size);
}

/* Index of the largest free range. */
static uint32_t range_largest(const struct boot_info *info)
{
    uint64_t size = 0;
    uint32_t best = 0;

    for (uint32_t i = 0; i < info->memory.count; i++) {
        const struct boot_memory *range = range_of(info, i);
        if (range->type == MEMORY_FREE && range->size > size) {
            size = range->size;
            best = i;
        }
    }
    return best;
}

static void pages_map(uint32_t memory, uint32_t domain, uint64_t address, uint64_t offset,
                      uint64_t size, uint32_t rights)
{
    struct map map = {.address = address,
                      .offset = offset,
                      .count = (uint32_t)((size + PAGE_BYTES - 1) / PAGE_BYTES),
                      .rights = rights};

    require(memory_map(memory, domain, &map).status, "a mapping");
}

static void gigabyte_make(const struct boot_memory *range, uint32_t selector, uint64_t used)
{
    uint64_t base = (range->base + used + GIBIBYTE - 1) & ~(GIBIBYTE - 1);

    bench_has_gigabyte = base + GIBIBYTE <= range->base + range->size;
    if (bench_has_gigabyte) {
        part_make(GIGABYTE, selector, base - range->base, GIBIBYTE);
    }
}

void setup_memory(const struct boot_info *info, uint64_t more)
{
    uint32_t index = range_largest(info), selector = SELECTOR_MEMORY + index;
    const struct boot_memory *range = range_of(info, index);
    uint64_t skip = -range->base & (2 * MEBIBYTE - 1);
    uint64_t deposit = DEPOSIT_LEAST + (more + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

    part_make(RANGE, selector, skip, DEPOSIT_AT + deposit);
    part_make(DEPOSIT, RANGE, DEPOSIT_AT, deposit);
    part_make(BLOCK, RANGE, 2 * MEBIBYTE, 2 * MEBIBYTE);
    part_make(COPY, RANGE, 4 * MEBIBYTE, MEBIBYTE);
    part_make(COPY_WORKER, RANGE, 5 * MEBIBYTE, MEBIBYTE);
    part_make(CODE, RANGE, 6 * MEBIBYTE, PAGE_BYTES);
    part_make(PAGE, RANGE, 6 * MEBIBYTE + PAGE_BYTES, PAGE_BYTES);
    gigabyte_make(range, selector, skip + DEPOSIT_AT + deposit);
    require(pool_deposit(SELECTOR_POOL, DEPOSIT), "memory for the pool");
}

/*
 * Makes a domain that runs a copy of this program, as it is now. The segments lie one behind the
 * other; the copy, which stays mapped at COPY_ADDRESS, keeps their distances.
 */
static void domain_make(uint32_t domain, uint32_t memory)
{
    const struct {
        char *begin, *end;
        uint32_t rights;
    } segments[] = {{text_begin, text_end, MEM_RIGHT_READ | MEM_RIGHT_EXECUTE},
                    {rodata_begin, rodata_end, MEM_RIGHT_READ},
                    {data_begin, bss_end, MEM_RIGHT_READ | MEM_RIGHT_WRITE}};

    require_true((uint64_t)(bss_end - text_begin) <= MEBIBYTE, "this program is too large");
    require(domain_create(domain, SELECTOR_POOL).status, "a domain");
    pages_map(memory, SELECTOR_PD, COPY_ADDRESS, 0, MEBIBYTE, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        uint64_t size = (uint64_t)(segments[i].end - segments[i].begin);
        uint64_t offset = (uint64_t)(segments[i].begin - text_begin);
        volatile char *to = (volatile char *)COPY_ADDRESS + offset;
        for (uint64_t at = 0; at < size; at++) {
            to[at] = segments[i].begin[at];
        }
        pages_map(memory, domain, (uint64_t)segments[i].begin, offset, size, segments[i].rights);
    }
}

void setup_other(void)
{
    domain_make(OTHER, COPY);
}

static struct place place_of(unsigned index, uint32_t domain, uint32_t cpu)
{
    require_true(index < STACKS, "too few stacks");
    return (struct place){.pool = SELECTOR_POOL,
                          .domain = domain,
                          .cpu = cpu,
                          .stack_end = stacks[index] + STACK,
                          .utcb = UTCBS + index * PAGE_BYTES};
}

/* What this program wrote to a struct or a stack since a domain became its copy. */
static void copy_update(const void *start, uint64_t size, uint32_t domain)
{
    volatile char *to = (volatile char *)COPY_ADDRESS + ((uint64_t)start - (uint64_t)text_begin);

    for (uint64_t i = 0; domain != SELECTOR_PD && i < size; i++) {
        to[i] = ((const char *)start)[i];
    }
}

/* A handler waits, so there is time to give it what the runtime put on its stack. */
void setup_handler(struct handler *handler, unsigned index, uint32_t domain)
{
    struct place place = place_of(index, domain, 0);

    handler->context = CALLS + 3 * index;
    require(handler_start(handler, &place).status, "a handler");
    copy_update(stacks[index] + STACK - 16, 16, domain);
    copy_update(handler, sizeof(*handler), domain);
    require(portal_create(handler_portal(index), SELECTOR_POOL, handler->context, index).status,
            "a portal");
}

/* A thread may run at once: what the runtime will put on its stack is there before. */
void setup_thread_at(struct thread *thread, unsigned index, uint32_t domain, uint8_t priority,
                     uint32_t cpu)
{
    struct place place = place_of(index, domain, cpu);
    struct schedule schedule = {.cpu = SELECTOR_CPUS + cpu,
                                .priority = priority,
                                .budget = bench_tsc_hz,
                                .period = bench_tsc_hz};

    thread->context = CALLS + 3 * index;
    thread->time = CALLS + 3 * index + 2;
    thread->utcb = (struct utcb *)place.utcb;
    *(struct thread **)(stacks[index] + STACK - 16) = thread;
    copy_update(stacks[index] + STACK - 16, 16, domain);
    copy_update(thread, sizeof(*thread), domain);
    require(thread_start(thread, &place, &schedule).status, "a thread");
}

void setup_thread(struct thread *thread, unsigned index, uint32_t domain, uint8_t priority)
{
    setup_thread_at(thread, index, domain, priority, 0);
}

static void give(uint32_t selector, uint32_t there)
{
    require(capability_delegate(WORKER, there, selector, RIGHTS_ALL).status, "a capability");
}

static void wait_interrupt(struct thread *self, void *argument)
{
    (void)self;
    (void)argument;
    for (;;) {
        (void)semaphore_down(INTERRUPT, 0, 0);
        mark(MARK_MIDDLE);
    }
}

#define UART_LINE 4u /* no machine that we measure on has it elsewhere */

/* The interrupt is raised and waited for in this domain, which has the ports. */
static void interrupt_make(void)
{
    static struct thread waiter = {.run = wait_interrupt};

    require(semaphore_create(INTERRUPT, SELECTOR_POOL, 0).status, "a semaphore");
    require(irq_bind(SELECTOR_IRQ, UART_LINE, INTERRUPT, 0), "an interrupt");
    setup_thread(&waiter, 2, SELECTOR_PD, BENCH_PRIORITY + 32);
}

void setup_worker(void (*run)(struct thread *self, void *argument))
{
    static struct thread worker;
    static const uint32_t given[] = {SELECTOR_POOL,  SELECTOR_PLATFORM,
                                     SELECTOR_PORTS, SELECTOR_IRQ,
                                     SELECTOR_PCI,   COPY,
                                     CODE,           PAGE,
                                     BLOCK};

    worker.run = run;
    setup_handler(&console_handler, 0, SELECTOR_PD);
    setup_handler(&raise_handler, 1, SELECTOR_PD);
    interrupt_make();
    domain_make(WORKER, COPY_WORKER);
    for (unsigned i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        give(given[i], given[i]);
    }
    for (uint32_t cpu = 0; cpu < bench_cpus; cpu++) {
        give(SELECTOR_CPUS + cpu, SELECTOR_CPUS + cpu);
    }
    if (bench_has_gigabyte) {
        give(GIGABYTE, GIGABYTE);
    }
    give(WORKER, SELECTOR_PD);
    give(handler_portal(0), CONSOLE);
    give(handler_portal(1), RAISE);
    pages_map(CODE, WORKER, CODE_EXECUTE, 0, PAGE_BYTES, MEM_RIGHT_READ | MEM_RIGHT_EXECUTE);
    pages_map(CODE, WORKER, CODE_WRITE, 0, PAGE_BYTES, MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    setup_thread(&worker, WORKER_STACK, WORKER, BENCH_PRIORITY);
    give(worker.context, SELECTOR_EC);
}
