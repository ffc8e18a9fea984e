/*
 * system.conf, whatever it says: root reads it and compares it with a machine. What is accepted has
 * to be what the structures promise: numbers within their limits, names inside the text.
 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>

#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool has_module(const char *name)
{
    return name[0] != 'x';
}

/* A string that ends inside the text; "" may be anywhere. */
static void require_inside(const char *string, const char *text, size_t size)
{
    require(string && string >= text && string <= text + size);
    require(strlen(string) <= (size_t)(text + size - string));
}

static void require_list(const struct conf_list *list, const char *text, size_t size)
{
    require(list->count <= CONF_NAMES);
    for (uint32_t i = 0; i < list->count; i++) {
        require_inside(list->name[i].text, text, size);
        require(strlen(list->name[i].text) > 0);
    }
}

static void require_program(const struct conf_program *p, const char *text, size_t size)
{
    require_inside(p->name.text, text, size);
    require_inside(p->program.text, text, size);
    require(strlen(p->name.text) > 0 && strlen(p->name.text) <= CONF_NAME_MAX);
    require(p->arguments <= CONF_ARGUMENTS);
    for (uint32_t i = 0; i < p->arguments; i++)
        require_inside(p->argument[i], text, size);
    require_list(&p->files, text, size);
    require_list(&p->uses, text, size);
    require_list(&p->offers, text, size);
    require(p->memory && p->memory % 4096 == 0);
    require(p->stack && p->stack % 4096 == 0 && p->stack <= 1u << 20);
    require(p->session % 4096 == 0 && p->session >= 16384 && p->session <= 16u << 20);
    require(p->cpu < 64 && p->cpus >> p->cpu & 1);
    require(p->priority >= 1 && p->priority <= 100);
    require(p->cpu_share <= 100 && p->heartbeat <= 60000);
    require(p->resources <= CONF_RESOURCES);
    require(p->ends <= CONF_ENDS_ALL && p->failure >= 1 && p->failure <= 255);
}

/* What a program is given must be there, and nobody else's. */
static void require_plan(const struct conf *conf, const struct plan_machine *machine)
{
    uint64_t memory = 0;

    for (uint32_t i = 0; i < conf->programs; i++) {
        const struct conf_program *p = &conf->program[i];
        require(machine->cpus == 64 || !(p->cpus >> machine->cpus));
        require(p->memory <= machine->memory - memory);
        memory += p->memory;
        for (uint32_t k = 0; k < p->resources; k++)
            require(p->resource[k].kind != CONF_IRQ || p->resource[k].base < machine->lines);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct plan_machine machines[] = {
        {.cpus = 1, .lines = 24, .memory = 64ull << 20, .has_module = has_module},
        {.cpus = 64, .lines = 1024, .memory = UINT64_MAX, .has_module = has_module}};
    static struct conf conf;
    struct conf_fault fault = {.line = 0};
    char *text = malloc(size + 1); /* to the byte, so a read behind it is seen */

    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = 'x';
    if (!conf_read(text, size, &conf, &fault)) {
        require(fault.line && strlen(fault.text) && strlen(fault.text) < sizeof(fault.text));
        free(text);
        return 0;
    }
    require(conf.programs && conf.programs <= CONF_PROGRAMS);
    for (uint32_t i = 0; i < conf.programs; i++)
        require_program(&conf.program[i], text, size);
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (plan_check(&conf, &machines[i], &fault))
            require_plan(&conf, &machines[i]);
        else
            require(fault.line && strlen(fault.text));
    }
    free(text);
    return 0;
}
