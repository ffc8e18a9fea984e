/*
 * Why no request is missed: the sender clears the entry, takes the tag, and then looks at current;
 * the CPU that loads a space writes current and then looks at its tag. Both have a fence between,
 * so the sender sees current, and waits for this CPU, or this CPU finds its tag gone, and what it
 * loads has forgotten the entry. So it never has a tag loaded under which it may know a table that
 * has been given back; hence the tag is not looked at after the load, which would be a fence too.
 * For the same reason a CPU is asked while it changes from the space to another one: loaded still
 * names it.
 */
#include "shoot.h"

#include "mapping.h"
#include "pool.h"
#include "space.h"

struct shoot_cpu shoot_cpus[BOOT_MAX_CPUS];

bool shoot_others;

static uint64_t cpus_started;
static uint64_t own_root;

static uint64_t bit(uint32_t cpu)
{
    return 1ull << cpu;
}

static uint32_t lowest(uint64_t cpus)
{
    return (uint32_t)__builtin_ctzll(cpus);
}

void shoot_start(uint32_t cpu, uint64_t kernel_root, bool pcid)
{
    own_root = kernel_root;
    shoot_cpus[cpu].generation = pcid ? 1 : TAG_NONE;
    uint64_t before = __atomic_fetch_or(&cpus_started, bit(cpu), __ATOMIC_SEQ_CST);
    if (before & ~bit(cpu))
        shoot_others = true;
}

void space_leave(uint32_t cpu)
{
    shoot_cr3_load(own_root);
    __atomic_store_n(&shoot_cpus[cpu].current, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&shoot_cpus[cpu].loaded, NULL, __ATOMIC_RELEASE);
}

void space_load_new(struct space *space, uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    if (!(__atomic_load_n(&space->cpus, __ATOMIC_RELAXED) & bit(cpu)))
        __atomic_fetch_or(&space->cpus, bit(cpu), __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&space->dying, __ATOMIC_RELAXED)) {
        space_leave(cpu);
        return;
    }
    if (self->generation == TAG_NONE) {
        shoot_cr3_load(space->cr3);
        return;
    }
    if (++self->tag == TAG_PCIDS) {
        self->tag = 1;
        self->generation++;
    }
    /* A sender that took the tag just before this saw current, or its change precedes the load. */
    __atomic_store_n(&space->tags[cpu], self->generation << 12 | self->tag, __ATOMIC_RELAXED);
    shoot_cr3_load(space->cr3 | self->tag);
}

void shoot_begin(struct shoot *batch, uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    batch->cpu = cpu;
    batch->count = 0;
    batch->kernel = false;
    batch->cpus = 0;
    batch->tables = NULL;
    chain_init(&batch->records);
    chain_init(&batch->mems);
    self->open = batch;
    /* Before the locks under which entries are cleared: who takes one later sees it. */
    __atomic_store_n(&self->batch, self->batch + 1, __ATOMIC_RELEASE);
}

static void pages_add(struct shoot *batch, uint64_t address, uint32_t count, uint64_t bytes)
{
    if (count > SHOOT_PAGES - batch->count || batch->count > SHOOT_PAGES) {
        batch->count = SHOOT_PAGES + 1;
        return;
    }
    for (; count > 0; count--, address += bytes)
        batch->pages[batch->count++] = address;
}

void shoot_add(struct shoot *batch, struct space *space, uint64_t address, uint32_t count,
               uint64_t bytes)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries cleared; then who has loaded the space */
    uint64_t cpus = __atomic_load_n(&space->cpus, __ATOMIC_RELAXED),
             others = cpus & ~bit(batch->cpu);

    if (shoot_cpus[batch->cpu].current == space)
        pages_add(batch, address, count, bytes);
    else
        space->tags[batch->cpu] = 0;
    if (!others)
        return;
    for (uint64_t left = others; left; left &= left - 1)
        __atomic_store_n(&space->tags[lowest(left)], 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint64_t left = others; left; left &= left - 1) {
        const struct shoot_cpu *other = &shoot_cpus[lowest(left)];
        if (__atomic_load_n(&other->loaded, __ATOMIC_ACQUIRE) == space ||
            __atomic_load_n(&other->current, __ATOMIC_RELAXED) == space)
            batch->cpus |= bit(lowest(left));
    }
}

void shoot_add_kernel(struct shoot *batch, uint64_t address)
{
    batch->kernel = true;
    batch->cpus = __atomic_load_n(&cpus_started, __ATOMIC_RELAXED) & ~bit(batch->cpu);
    pages_add(batch, address, 1, FRAME_SIZE);
}

/*
 * The table's first words hold the link and the pool meanwhile. Both are even, so a processor that
 * still walks the table finds no entry that is present.
 */
void shoot_table(struct shoot *batch, struct pool *pool, uint64_t *table)
{
    table[0] = (uint64_t)batch->tables;
    table[1] = (uint64_t)pool;
    batch->tables = table;
}

static void local_flush(const struct shoot *batch)
{
    struct space *current = shoot_cpus[batch->cpu].current;

    if (batch->count <= SHOOT_PAGES)
        for (uint32_t i = 0; i < batch->count; i++)
            shoot_page_invalidate(batch->pages[i]);
    else if (batch->kernel)
        shoot_everything_invalidate();
    else if (current)
        space_load_new(current, batch->cpu);
}

static void others_ask(const struct shoot *batch)
{
    struct shoot_cpu *self = &shoot_cpus[batch->cpu];

    __atomic_store_n(&self->pending, batch->cpus, __ATOMIC_SEQ_CST);
    for (uint64_t left = batch->cpus; left; left &= left - 1) {
        uint32_t cpu = lowest(left);
        if (batch->kernel)
            __atomic_store_n(&shoot_cpus[cpu].everything, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&shoot_cpus[cpu].requests, bit(batch->cpu), __ATOMIC_SEQ_CST);
        shoot_interrupt(cpu);
    }
}

void shoot_serve(uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    if (!__atomic_load_n(&self->requests, __ATOMIC_RELAXED))
        return;
    uint64_t senders = __atomic_exchange_n(&self->requests, 0, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&self->everything, 0, __ATOMIC_SEQ_CST))
        shoot_everything_invalidate();
    if (self->current)
        space_load_new(self->current, cpu);
    for (; senders; senders &= senders - 1)
        __atomic_fetch_and(&shoot_cpus[lowest(senders)].pending, ~bit(cpu), __ATOMIC_SEQ_CST);
}

static void free_release(struct shoot *batch)
{
    while (batch->tables) {
        uint64_t *table = batch->tables;
        struct pool *pool = (struct pool *)table[1];
        batch->tables = (void *)table[0];
        table[0] = table[1] = 0;
        pool_give_clean_frame(pool, table);
    }
    while (!chain_empty(&batch->records)) {
        struct mapping *mapping = CONTAINER(batch->records.next, struct mapping, node.chain);
        chain_remove(&mapping->node.chain);
        pool_give_cell(mapping->space->pool, mapping);
    }
}

/* The batch is closed: nobody waits for it while this CPU waits for others. */
static void mems_release(struct shoot *batch)
{
    for (struct chain *link = batch->mems.next; link != &batch->mems; link = link->next) {
        struct mem *mem = CONTAINER(link, struct mem, origin.chain);
        pool_hide_object(mem->object.pool, mem);
    }
    shoot_quiesce();
    while (!chain_empty(&batch->mems)) {
        struct mem *mem = CONTAINER(batch->mems.next, struct mem, origin.chain);
        chain_remove(&mem->origin.chain);
        pool_give_object(mem->object.pool, mem);
    }
}

void shoot_flush(struct shoot *batch)
{
    struct shoot_cpu *self = &shoot_cpus[batch->cpu];

    if (batch->cpus)
        others_ask(batch);
    local_flush(batch);
    if (batch->cpus)
        while (__atomic_load_n(&self->pending, __ATOMIC_ACQUIRE)) {
            shoot_serve(batch->cpu);
            shoot_pause();
        }
    free_release(batch);
    self->open = NULL;
    __atomic_store_n(&self->batch, self->batch + 1, __ATOMIC_RELEASE);
    if (!chain_empty(&batch->mems))
        mems_release(batch);
}

void shoot_settle(uint32_t cpu)
{
    uint64_t others = __atomic_load_n(&cpus_started, __ATOMIC_RELAXED) & ~bit(cpu);

    for (; others; others &= others - 1) {
        const uint64_t *batch = &shoot_cpus[lowest(others)].batch;
        uint64_t number = __atomic_load_n(batch, __ATOMIC_ACQUIRE);
        while (number % 2 && __atomic_load_n(batch, __ATOMIC_ACQUIRE) == number) {
            shoot_serve(cpu);
            shoot_pause();
        }
    }
}
