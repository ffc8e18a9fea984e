/*
 * Why no request is missed: the sender clears the entry, takes the tag, and then looks at current;
 * the CPU that loads a space writes current and then looks at its tag. Both have a fence between,
 * so the sender sees current, and waits for this CPU, or this CPU finds its tag gone, and what it
 * loads has forgotten the entry. So it never has a tag loaded under which it may know a table that
 * has been given back; hence the tag is not looked at after the load, which would be a fence too.
 * For the same reason a CPU is asked while it changes from the space to another one: loaded still
 * names it. Guests are entered in the same way (guest.h); but the tables of a VM are not walked
 * after an exit, so that one name is enough, and one that was there before needs no fence.
 */
#include "shoot.h"

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
    shoot_cpus[cpu].generation = 1;
    shoot_cpus[cpu].plain = TAG_PORTS;
    shoot_cpus[cpu].pcids = pcid;
    uint64_t before = __atomic_fetch_or(&cpus_started, bit(cpu), __ATOMIC_SEQ_CST);
    if (before & ~bit(cpu))
        shoot_others = true;
}

void space_leave(uint32_t cpu)
{
    shoot_cr3_load(own_root);
    __atomic_store_n(&shoot_cpus[cpu].current, NULL, __ATOMIC_RELEASE);
    space_left();
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
    if (self->pcids && ++self->pcid == TAG_PCIDS) {
        self->pcid = 1;
        self->generation++;
        self->plain = TAG_PORTS;
    }
    space->tags[cpu].cr3 = space->cr3 | self->pcid | (self->pcids ? SHOOT_KEEP : 0);
    /* A sender that took the tag just before this saw current, or its change precedes the load. */
    __atomic_store_n(&space->tags[cpu].generation,
                     self->generation | (space->ports[0] ? TAG_PORTS : 0), __ATOMIC_RELAXED);
    shoot_cr3_load(space->cr3 | self->pcid);
}

/* Whoever takes a lock under which this CPU changed something sees that its batch is open. */
static inline struct shoot_cpu *batch_open(uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    if (self->batch % 2 == 0)
        __atomic_store_n(&self->batch, self->batch + 1, __ATOMIC_RELEASE);
    return self;
}

/* Takes the tags of the other CPUs, and sees which of them run the space. */
static __attribute__((noinline)) void others_add(uint32_t cpu, struct space *space)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries cleared; then who has loaded the space */
    uint64_t others = __atomic_load_n(&space->cpus, __ATOMIC_RELAXED) & ~bit(cpu);
    for (uint64_t left = others; left; left &= left - 1)
        __atomic_store_n(&space->tags[lowest(left)].generation, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint64_t left = others; left; left &= left - 1) {
        const struct shoot_cpu *other = &shoot_cpus[lowest(left)];
        if (__atomic_load_n(&other->loaded, __ATOMIC_ACQUIRE) == space ||
            __atomic_load_n(&other->current, __ATOMIC_RELAXED) == space ||
            __atomic_load_n(&other->guest, __ATOMIC_RELAXED) == space)
            self->cpus |= bit(lowest(left));
    }
    self->long_way |= self->cpus != 0;
}

void shoot_space(uint32_t cpu, struct space *space)
{
    const struct shoot_cpu *self = batch_open(cpu);

    if (self->current != space)
        space->tags[cpu].generation = 0;
    if (shoot_others)
        others_add(cpu, space);
}

void shoot_add_kernel(uint64_t address)
{
    uint32_t cpu = shoot_this_cpu();
    struct shoot_cpu *self = batch_open(cpu);

    self->kernel = self->long_way = true;
    self->cpus = __atomic_load_n(&cpus_started, __ATOMIC_RELAXED) & ~bit(cpu);
    shoot_pages(cpu, address, 1, FRAME_SIZE);
}

/*
 * The table's first words hold the link and the pool meanwhile. Both are even, so a processor that
 * still walks the table finds no entry that is present.
 */
void shoot_table(struct pool *pool, uint64_t *table)
{
    struct shoot_cpu *self = batch_open(shoot_this_cpu());

    table[0] = (uint64_t)self->tables;
    table[1] = (uint64_t)pool;
    self->tables = table;
    self->long_way = true;
}

void shoot_await(void)
{
    struct shoot_cpu *self = batch_open(shoot_this_cpu());

    self->wait = self->long_way = true;
}

void shoot_part(struct part *part)
{
    struct shoot_cpu *self = &shoot_cpus[shoot_this_cpu()];

    shoot_await();
    part->origin.chain.next = self->parts;
    self->parts = &part->origin.chain;
}

static void others_ask(const struct shoot_cpu *self)
{
    for (uint64_t left = self->cpus; left; left &= left - 1) {
        uint32_t cpu = lowest(left);
        if (self->kernel)
            __atomic_store_n(&shoot_cpus[cpu].everything, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&shoot_cpus[cpu].asked, 1, __ATOMIC_SEQ_CST);
        cpu_interrupt(cpu);
    }
}

/*
 * Whatever this CPU knew of that VM is forgotten before a guest of it is entered again, and until
 * then nobody need ask. The tag has to go here too: this CPU may have taken it after the sender
 * did.
 */
static void guest_leave(struct shoot_cpu *self, uint32_t cpu)
{
    __atomic_store_n(&self->guest->tags[cpu].generation, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&self->guest, NULL, __ATOMIC_RELEASE);
}

void shoot_serve(uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];

    uint64_t asked = __atomic_load_n(&self->asked, __ATOMIC_SEQ_CST);

    if (asked == self->served)
        return;
    if (__atomic_exchange_n(&self->everything, 0, __ATOMIC_SEQ_CST))
        shoot_everything_invalidate();
    if (self->current)
        space_load_new(self->current, cpu);
    if (self->guest)
        guest_leave(self, cpu);
    __atomic_store_n(&self->served, asked, __ATOMIC_RELEASE);
}

/* Requests of others that came after this CPU's may be waited for too, but only once. */
static void others_await(struct shoot_cpu *self, uint32_t here)
{
    for (; self->cpus; self->cpus &= self->cpus - 1) {
        const struct shoot_cpu *other = &shoot_cpus[lowest(self->cpus)];
        uint64_t asked = __atomic_load_n(&other->asked, __ATOMIC_RELAXED);
        while (__atomic_load_n(&other->served, __ATOMIC_ACQUIRE) < asked) {
            shoot_serve(here);
            shoot_pause();
        }
    }
}

static void tables_release(struct shoot_cpu *self)
{
    while (self->tables) {
        uint64_t *table = self->tables;
        struct pool *pool = (struct pool *)table[1];
        self->tables = (void *)table[0];
        table[0] = table[1] = 0;
        pool_give_clean_frame(pool, table);
    }
}

static struct part *part_at(struct chain *link)
{
    return CONTAINER(link, struct part, origin.chain);
}

/* The batch is closed: nobody waits for it while this CPU waits for others. */
static void parts_release(struct chain *parts)
{
    for (struct chain *link = parts; link; link = link->next)
        pool_hide_object(part_at(link)->object.pool, part_at(link));
    quiesce();
    while (parts) {
        struct part *part = part_at(parts);
        parts = parts->next;
        pool_give_cell(part->object.pool, part);
    }
}

bool shoot_close(uint32_t cpu)
{
    struct shoot_cpu *self = &shoot_cpus[cpu];
    struct chain *parts = self->parts;
    bool wait = self->wait;

    others_ask(self);
    if (self->all && self->kernel)
        shoot_everything_invalidate();
    else if (self->all && self->current)
        space_load_new(self->current, cpu);
    others_await(self, cpu);
    tables_release(self);
    self->parts = NULL;
    self->count = 0;
    self->all = self->kernel = self->wait = self->long_way = false;
    __atomic_store_n(&self->batch, self->batch + 1, __ATOMIC_RELEASE);
    if (wait)
        parts_release(parts);
    return wait;
}

void shoot_wait(uint32_t cpu)
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
