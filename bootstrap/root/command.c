#include "command.h"

#include <string.h>

#include "held.h"
#include "memory.h"
#include "program.h"
#include "say.h"
#include "supervise.h"

static const char *state_text(const struct program *p)
{
    static const char *const texts[] = {[PROGRAM_STOPPED] = "stopped",
                                        [PROGRAM_RUNNING] = "running",
                                        [PROGRAM_WAITING] = "waits to be restarted",
                                        [PROGRAM_FAILED] = "FAILED"};

    return texts[p->state];
}

static uint64_t consumed(const struct program *p)
{
    struct answer a = time_consumed(program_selector(p, PROGRAM_SC));

    return a.status == STATUS_SUCCESS ? a.value / root.millisecond : 0;
}

static void list_one(struct program *p)
{
    struct answer free = pool_free(program_selector(p, PROGRAM_POOL));

    say("%s: %s, CPU %u, priority %u, %lu KiB, restarts %u, time %lu ms, kernel frames free %lu",
        p->conf->name.text, state_text(p), p->conf->cpu, p->conf->priority, p->conf->memory >> 10,
        p->restarts, consumed(p), free.status == STATUS_SUCCESS ? free.value : 0);
}

static void list(struct program *p)
{
    for (uint32_t i = 0; !p && i < root.conf.programs; i++)
        list_one(&root.program[i]);
    if (p)
        list_one(p);
    else
        say("root: %lu KiB of memory that nobody has, %lu kernel frames free", memory_left() >> 10,
            pool_free(SELECTOR_POOL).value);
}

static void authority(struct program *p)
{
    for (uint32_t i = 0; !p && i < root.conf.programs; i++)
        authority_say(&root.program[i]);
    if (p)
        authority_say(p);
}

static void graph(struct program *p)
{
    (void)p;
    authority_say_graph();
}

static void quit(struct program *p)
{
    (void)p;
    end_run(0);
}

static void help(struct program *p);

static const struct command {
    const char *name;
    void (*carry_out)(struct program *p);
    enum { TAKES_NONE, TAKES_ANY, TAKES_ONE } takes; /* the name of a program */
    const char *does;
} commands[] = {
    {"help", help, TAKES_NONE, "says this"},
    {"list", list, TAKES_ANY, "what programs there are, and how they are"},
    {"authority", authority, TAKES_ANY, "who holds which capabilities"},
    {"graph", graph, TAKES_NONE, "who can reach whom, for Graphviz"},
    {"start", supervise_start, TAKES_ONE, "starts a program that is stopped or has failed"},
    {"stop", supervise_stop, TAKES_ONE, "stops a program"},
    {"restart", supervise_restart, TAKES_ONE, "stops a program and starts it again"},
    {"quit", quit, TAKES_NONE, "powers the machine off"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(struct program *p)
{
    static const char *const words[] = {
        [TAKES_NONE] = "", [TAKES_ANY] = " [PROGRAM]", [TAKES_ONE] = " PROGRAM"};

    (void)p;
    for (unsigned i = 0; i < COMMANDS; i++)
        say("%s%s: %s", commands[i].name, words[commands[i].takes], commands[i].does);
}

static char *word_end(char *text)
{
    while (*text && *text != ' ' && *text != '\n' && *text != '\r')
        text++;
    return text;
}

static struct program *program_find(const char *name)
{
    for (uint32_t i = 0; i < root.conf.programs; i++)
        if (strcmp(root.program[i].conf->name.text, name) == 0)
            return &root.program[i];
    return NULL;
}

static void command_run(const struct command *c, const char *name)
{
    struct program *p = *name ? program_find(name) : NULL;

    if (*name && !p)
        say("%s: there is no program '%s'", c->name, name);
    else if (p && c->takes == TAKES_NONE)
        say("%s: expected nothing behind it", c->name);
    else if (!p && c->takes == TAKES_ONE)
        say("%s: expected the name of a program", c->name);
    else
        c->carry_out(p);
}

void command_do(char *line)
{
    char *end = word_end(line), *name = end + (*end != 0);
    char *name_end = word_end(name);

    *end = 0;
    *name_end = 0;
    if (!*line)
        return;
    for (unsigned i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, line) == 0) {
            command_run(&commands[i], name);
            return;
        }
    say("'%s' is no command; help says what there is", line);
}
