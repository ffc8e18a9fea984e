#include "plan.h"

static bool cpus_are_there(const struct conf_program *p, const struct plan_machine *m,
                           struct conf_fault *fault)
{
    if (m->cpus < 64 && p->cpus >> m->cpus)
        return conf_wrong(fault, p->line, "%s: expected CPUs below %u, which the machine has",
                          p->name.text, m->cpus);
    return true;
}

static bool modules_are_there(const struct conf_program *p, const struct plan_machine *m,
                              struct conf_fault *fault)
{
    if (!m->has_module(p->program.text))
        return conf_wrong(fault, p->program.line, "there is no boot module '%s'", p->program.text);
    for (uint32_t i = 0; i < p->files.count; i++)
        if (!m->has_module(p->files.name[i].text))
            return conf_wrong(fault, p->files.name[i].line, "there is no boot module '%s'",
                              p->files.name[i].text);
    return true;
}

/* Each program's share of each of its CPUs. */
static bool shares_are_there(const struct conf *conf, uint32_t last, struct conf_fault *fault)
{
    const struct conf_program *p = &conf->program[last];

    for (uint32_t cpu = 0; cpu < 64; cpu++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i <= last; i++)
            sum += conf->program[i].cpus >> cpu & 1 ? conf->program[i].cpu_share : 0;
        if (sum > 100 && p->cpu_share && p->cpus >> cpu & 1)
            return conf_wrong(fault, p->line,
                              "%s: with its share, %u percent of CPU %u are given away",
                              p->name.text, sum, cpu);
    }
    return true;
}

static const char *const kinds[] = {
    [CONF_PORTS] = "I/O ports", [CONF_IRQ] = "interrupt line", [CONF_PCI] = "PCI function"};

static bool overlap(const struct conf_resource *a, const struct conf_resource *b)
{
    return a->kind == b->kind && a->kind != CONF_RAM && a->base < b->base + b->count &&
           b->base < a->base + a->count;
}

/* The section that has some of it already; NULL: none. */
static const struct conf_program *owner_find(const struct conf *conf, const struct conf_resource *r)
{
    for (uint32_t i = 0; i < conf->programs; i++)
        for (uint32_t k = 0; k < conf->program[i].resources; k++) {
            const struct conf_resource *other = &conf->program[i].resource[k];
            if (other == r)
                return NULL;
            if (overlap(other, r))
                return &conf->program[i];
        }
    return NULL;
}

static bool resources_are_free(const struct conf *conf, const struct conf_program *p,
                               const struct plan_machine *m, struct conf_fault *fault)
{
    for (uint32_t i = 0; i < p->resources; i++) {
        const struct conf_resource *r = &p->resource[i];
        const struct conf_program *owner = owner_find(conf, r);
        if (owner)
            return conf_wrong(fault, r->line, "%s 0x%lx: expected what nobody has; %s has it",
                              kinds[r->kind], r->base, owner->name.text);
        if (r->kind == CONF_IRQ && r->base >= m->lines)
            return conf_wrong(fault, r->line,
                              "irq: expected a line below %u, which the machine has", m->lines);
    }
    return true;
}

static uint64_t memory_of(const struct conf_program *p)
{
    uint64_t size = p->memory;

    for (uint32_t i = 0; i < p->resources; i++)
        if (p->resource[i].kind == CONF_RAM)
            size += p->resource[i].count;
    return size;
}

bool plan_check(const struct conf *conf, const struct plan_machine *machine,
                struct conf_fault *fault)
{
    uint64_t left = machine->memory;

    for (uint32_t i = 0; i < conf->programs; i++) {
        const struct conf_program *p = &conf->program[i];
        if (!cpus_are_there(p, machine, fault) || !modules_are_there(p, machine, fault) ||
            !shares_are_there(conf, i, fault) || !resources_are_free(conf, p, machine, fault))
            return false;
        if (memory_of(p) > left)
            return conf_wrong(fault, p->line,
                              "%s: expected memory of at most %lu KiB, which is left", p->name.text,
                              left >> 10);
        left -= memory_of(p);
    }
    return true;
}
