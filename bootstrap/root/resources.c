/*
 * What the configuration gives a program: ranges of the machine, files, time; each as a capability
 * in its table and an entry in its environment.
 */
#include "build.h"
#include "environment_make.h"
#include "held.h"
#include "memory.h"
#include "sessions.h"

_Static_assert(PROCESS_RESOURCES + CONF_RESOURCES + CONF_NAMES <= PROCESS_USES, "do not overlap");

static enum status give(struct building *b, uint32_t there, uint32_t selector, uint32_t rights)
{
    return held_give(b->program, there, selector, rights);
}

static enum status cpu_give(struct building *b, uint32_t cpu)
{
    const struct conf_program *conf = b->program->conf;
    uint32_t selector = program_selector(b->program, PROGRAM_CPUS + cpu);
    uint32_t rights = CPU_RIGHT_TIME | (conf->cpu_share ? 0 : CPU_RIGHT_UNLIMITED);
    struct answer a;

    WITH_FUNDS(&root.funds, a,
               cpu_create(selector, SELECTOR_POOL, SELECTOR_CPUS + cpu, conf->priority,
                          (CPU_SHARE_ALL * conf->cpu_share + 99) / 100));
    if (a.status != STATUS_SUCCESS)
        return a.status;
    return give(b, PROCESS_CPUS + cpu, selector, rights);
}

static enum status root_give(struct building *b, uint32_t cpu)
{
    uint32_t selector = program_selector(b->program, PROGRAM_PORTALS + cpu);
    struct answer a;

    WITH_FUNDS(&b->program->funds, a,
               portal_create(selector, program_selector(b->program, PROGRAM_POOL),
                             cpu_selector(cpu, CPU_HANDLER), portal_id(b->program)));
    if (a.status != STATUS_SUCCESS)
        return a.status;
    a.status = give(b, PROCESS_ROOT + cpu, selector, PT_RIGHT_CALL);
    return a.status == STATUS_SUCCESS
               ? give(b, PROCESS_TROUBLE + cpu, cpu_selector(cpu, CPU_TROUBLE), SM_RIGHT_UP)
               : a.status;
}

static bool cpus_give(struct building *b)
{
    for (uint32_t cpu = 0; cpu < root.cpus; cpu++) {
        enum status status = STATUS_SUCCESS;
        if (!(b->program->conf->cpus >> cpu & 1))
            continue;
        status = cpu_give(b, cpu);
        if (status == STATUS_SUCCESS)
            status = root_give(b, cpu);
        if (status != STATUS_SUCCESS)
            return building_fails(b, "CPU", status);
    }
    return true;
}

/* Ranges of the machine of which parts are made for programs. */
static const struct range_kind {
    enum environment_kind kind;
    enum object_type type;
    uint32_t from;
} range_kinds[] = {
    [CONF_PORTS] = {RESOURCE_PORTS, OBJECT_PORTS, SELECTOR_PORTS},
    [CONF_IRQ] = {RESOURCE_IRQ, OBJECT_IRQ, SELECTOR_IRQ},
    [CONF_PCI] = {RESOURCE_PCI, OBJECT_PCI, SELECTOR_PCI},
};

/* Ports are opened at once: a program then uses them as any other does. */
static enum status ports_open(struct building *b, uint32_t selector, uint64_t count)
{
    struct answer a;

    WITH_FUNDS(
        &b->program->funds, a,
        system_answer((struct system_registers){.rax = SYSCALL_CONTROL,
                                                .rdi = selector,
                                                .rsi = PORTS_OPEN,
                                                .rdx = program_selector(b->program, PROGRAM_PD),
                                                .r8 = 0,
                                                .r9 = count}));
    return a.status;
}

static enum status range_give(struct building *b, uint32_t i, struct environment_resource *entry)
{
    const struct conf_resource *r = &b->program->conf->resource[i];
    const struct range_kind *k = &range_kinds[r->kind];
    uint32_t selector = program_selector(b->program, PROGRAM_RANGES + i);
    struct answer a;

    WITH_FUNDS(&b->program->funds, a,
               object_create(k->type, selector, program_selector(b->program, PROGRAM_POOL), k->from,
                             r->base, r->count, 0));
    if (a.status == STATUS_SUCCESS && r->kind == CONF_PORTS)
        a.status = ports_open(b, selector, r->count);
    *entry = (struct environment_resource){
        .kind = k->kind, .selector = PROCESS_RESOURCES + i, .base = r->base, .count = r->count};
    return a.status == STATUS_SUCCESS ? give(b, entry->selector, selector, RANGE_RIGHT_USE)
                                      : a.status;
}

/* RAM for a guest, cleared: the guest that had it before may have been another one's. */
static enum status ram_give(struct building *b, uint32_t i, struct environment_resource *entry)
{
    struct program *p = b->program;
    uint32_t selector = program_selector(p, PROGRAM_RAM);
    uint64_t size = p->conf->resource[i].count;

    *entry = (struct environment_resource){.kind = RESOURCE_RAM,
                                           .selector = PROCESS_RESOURCES + i,
                                           .base = p->ram_base % (1ull << 30),
                                           .count = size};
    if (!memory_clear(selector, size, p->ram_base))
        return STATUS_NEEDS_FRAMES;
    return give(b, entry->selector, selector,
                MEM_RIGHT_READ | MEM_RIGHT_WRITE | MEM_RIGHT_EXECUTE | MEM_RIGHT_DIVIDE);
}

static bool ranges_give(struct building *b, struct environment_writer *w)
{
    const struct conf_program *conf = b->program->conf;
    struct environment_resource *entry =
        environment_table(w, &w->block->resources, conf->resources, sizeof(*entry));

    for (uint32_t i = 0; entry && i < conf->resources; i++) {
        enum status status = conf->resource[i].kind == CONF_RAM ? ram_give(b, i, &entry[i])
                                                                : range_give(b, i, &entry[i]);
        if (status != STATUS_SUCCESS)
            return building_fails(b, "resource", status);
    }
    return true;
}

static bool files_give(struct building *b, struct environment_writer *w)
{
    const struct conf_list *files = &b->program->conf->files;
    struct environment_file *entry =
        environment_table(w, &w->block->files, files->count, sizeof(*entry));

    for (uint32_t i = 0; entry && i < files->count; i++) {
        uint32_t memory = module_find(files->name[i].text, &entry[i].size);
        if (memory == SELECTOR_NONE)
            return building_fails(b, "file that is no module", STATUS_BAD_SELECTOR);
        entry[i].name = environment_text(w, files->name[i].text);
        entry[i].selector = PROCESS_RESOURCES + CONF_RESOURCES + i;
        enum status status = give(b, entry[i].selector, memory, MEM_RIGHT_READ);
        if (status != STATUS_SUCCESS)
            return building_fails(b, "file", status);
    }
    return true;
}

/* Entries of a table, the bytes to align it, and a name for each. */
static uint64_t table_most(uint64_t count, uint64_t bytes)
{
    return count * (bytes + CONF_NAME_MAX + 1) + 7;
}

uint64_t environment_most(const struct program *p)
{
    return sizeof(struct environment) + CONF_NAME_MAX + 1 +
           table_most(p->conf->resources, sizeof(struct environment_resource)) +
           table_most(p->conf->files.count, sizeof(struct environment_file)) +
           table_most(p->conf->uses.count, sizeof(struct environment_use)) +
           table_most(p->conf->offers.count, sizeof(struct environment_offer)) +
           table_most(p->clients, sizeof(struct environment_client));
}

bool resources_give(struct building *b, void *environment, uint32_t size)
{
    const struct program *p = b->program;
    struct environment_writer w;

    environment_begin(&w, environment, size);
    w.block->name = environment_text(&w, p->conf->name.text);
    w.block->cpu = p->conf->cpu;
    w.block->machine_cpus = root.cpus;
    w.block->cpus = p->conf->cpus;
    w.block->priority = p->conf->priority;
    w.block->tsc_hz = root.info->tsc_hz;
    w.block->heartbeat = p->conf->heartbeat * root.millisecond;
    w.block->restarts = p->restarts;
    w.block->guest = root.info->guest;
    if (!cpus_give(b) || !ranges_give(b, &w) || !files_give(b, &w) || !sessions_give(b, &w))
        return false;
    b->environment = w.block;
    return environment_end(&w) || building_fails(b, "environment", STATUS_NEEDS_FRAMES);
}
