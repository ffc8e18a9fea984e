/*
 * Root: the first program. It owns everything at first, gives each program what system.conf says
 * and nothing else, and looks after them.
 */
#include <string.h>

#include "build.h"
#include "handler.h"
#include "memory.h"
#include "plan.h"
#include "program.h"
#include "say.h"
#include "sessions.h"
#include "supervise.h"
#include "talk.h"

#define STATUS_OF_CONFIGURATION 2u
#define STATUS_OF_SYSTEM        8u

#define CONF_MODULE "system.conf"
#define CONF_BYTES  65536u

struct root root;

static char conf_text[CONF_BYTES + 1];

_Noreturn void root_main(const struct boot_info *info);

/* A copy: the parser cuts it into strings. */
static size_t conf_copy(void)
{
    uint64_t size = 0;
    uint32_t memory = module_find(CONF_MODULE, &size);

    if (memory == SELECTOR_NONE || size > CONF_BYTES) {
        say("error: boot module %s %s", CONF_MODULE,
            memory == SELECTOR_NONE ? "is not there" : "is larger than 64 KiB");
        end_run(STATUS_OF_CONFIGURATION);
    }
    uint64_t bytes = (size + PAGE - 1) & ~(PAGE - 1);
    if (size && pages_map(&root.funds, memory, SELECTOR_PD, WINDOW_MODULE, 0, bytes,
                          MEM_RIGHT_READ) != STATUS_SUCCESS) {
        say("error: %s cannot be mapped", CONF_MODULE);
        end_run(STATUS_OF_SYSTEM);
    }
    memcpy(conf_text, (const void *)WINDOW_MODULE, size);
    pages_unmap(WINDOW_MODULE, bytes);
    return size;
}

static _Noreturn void conf_refuse(const struct conf_fault *fault)
{
    say("error: %s:%u: %s", CONF_MODULE, fault->line, fault->text);
    end_run(STATUS_OF_CONFIGURATION);
}

static bool has_module(const char *name)
{
    uint64_t size;

    return module_find(name, &size) != SELECTOR_NONE;
}

static uint32_t lines_count(void)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < root.info->ioapics.count; i++) {
        const struct boot_ioapic *ioapic = boot_entry(&root.info->ioapics, i);
        if (ioapic->gsi_base + ioapic->gsi_count > end)
            end = ioapic->gsi_base + ioapic->gsi_count;
    }
    return end;
}

static void conf_open(void)
{
    const struct plan_machine machine = {.cpus = root.cpus,
                                         .lines = lines_count(),
                                         .memory = memory_left(),
                                         .has_module = has_module};
    struct conf_fault fault;

    if (!conf_read(conf_text, conf_copy(), &root.conf, &fault))
        conf_refuse(&fault);
    for (uint32_t i = 0; i < root.conf.programs; i++)
        root.program[i].conf = &root.conf.program[i];
    if (!plan_check(&root.conf, &machine, &fault) || !programs_take_memory(&fault) ||
        !sessions_plan(&fault))
        conf_refuse(&fault);
}

static bool events_open(void)
{
    struct answer a;

    WITH_FUNDS(&root.funds, a, semaphore_create(ROOT_EVENTS, SELECTOR_POOL, 0));
    return a.status == STATUS_SUCCESS;
}

void root_main(const struct boot_info *info)
{
    root.info = info;
    root.command_line = boot_text(info->command_line);
    root.millisecond = info->tsc_hz / 1000;
    root.cpus = info->cpus.count;
    if (!memory_open() || !events_open() || !handlers_open())
        end_run(STATUS_OF_SYSTEM);
    conf_open();
    if (!talk_open())
        end_run(STATUS_OF_SYSTEM);
    supervise();
}
