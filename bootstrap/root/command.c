#include "command.h"

#include <string.h>

#include "held.h"
#include "memory.h"
#include "program.h"
#include "say.h"
#include "sessions.h"
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

static void list(struct program *p, const char *word)
{
    (void)word;
    for (uint32_t i = 0; !p && i < root.conf.programs; i++)
        list_one(&root.program[i]);
    if (p)
        list_one(p);
    else
        say("root: %lu KiB of memory that nobody has, %lu kernel frames free", memory_left() >> 10,
            pool_free(SELECTOR_POOL).value);
}

static void authority(struct program *p, const char *word)
{
    (void)word;
    for (uint32_t i = 0; !p && i < root.conf.programs; i++)
        authority_say(&root.program[i]);
    if (p)
        authority_say(p);
}

static void graph(struct program *p, const char *word)
{
    (void)p, (void)word;
    authority_say_graph();
}

static void quit(struct program *p, const char *word)
{
    (void)p, (void)word;
    end_run(0);
}

static void start(struct program *p, const char *word)
{
    (void)word;
    supervise_start(p);
}

static void stop(struct program *p, const char *word)
{
    (void)word;
    supervise_stop(p);
}

static void restart(struct program *p, const char *word)
{
    (void)word;
    supervise_restart(p);
}

/* NULL, and a line said: it uses no such service. */
static struct link *link_find(const struct program *p, const char *service)
{
    struct link *s = session_find(p, service);

    if (!s)
        say("%s uses no service '%s'", p->conf->name.text, service);
    return s;
}

static void cut(struct program *p, const char *service)
{
    struct link *s = link_find(p, service);

    if (!s)
        return;
    session_cut(s);
    say("%s is cut off from service %s", p->conf->name.text, service);
}

static void join(struct program *p, const char *service)
{
    struct link *s = link_find(p, service);

    if (!s)
        return;
    session_join(s);
    say("%s may use service %s", p->conf->name.text, service);
}

static void help(struct program *p, const char *word);

static const struct command {
    const char *name;
    void (*carry_out)(struct program *p, const char *word);
    /* The name of a program, and that of a service. */
    enum { TAKES_NONE, TAKES_ANY, TAKES_ONE, TAKES_BOTH } takes;
    const char *does;
} commands[] = {
    {"help", help, TAKES_NONE, "says this"},
    {"list", list, TAKES_ANY, "what programs there are, and how they are"},
    {"authority", authority, TAKES_ANY, "who holds which capabilities"},
    {"graph", graph, TAKES_NONE, "who can reach whom, for Graphviz"},
    {"start", start, TAKES_ONE, "starts a program that is stopped or has failed"},
    {"stop", stop, TAKES_ONE, "stops a program"},
    {"restart", restart, TAKES_ONE, "stops a program and starts it again"},
    {"cut", cut, TAKES_BOTH, "takes a service away from a program that uses it"},
    {"join", join, TAKES_BOTH, "gives it back"},
    {"quit", quit, TAKES_NONE, "powers the machine off"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(struct program *p, const char *word)
{
    static const char *const words[] = {[TAKES_NONE] = "",
                                        [TAKES_ANY] = " [PROGRAM]",
                                        [TAKES_ONE] = " PROGRAM",
                                        [TAKES_BOTH] = " PROGRAM SERVICE"};

    (void)p, (void)word;
    for (unsigned i = 0; i < COMMANDS; i++)
        say("%s%s: %s", commands[i].name, words[commands[i].takes], commands[i].does);
}

/* Cuts the first word off; "" if there is none. */
static char *word_take(char **rest)
{
    char *word = *rest, *end;

    while (*word == ' ')
        word++;
    for (end = word; *end && *end != ' ' && *end != '\n' && *end != '\r'; end++) {
    }
    *rest = end + (*end != 0);
    *end = 0;
    return word;
}

static struct program *program_find(const char *name)
{
    for (uint32_t i = 0; i < root.conf.programs; i++)
        if (strcmp(root.program[i].conf->name.text, name) == 0)
            return &root.program[i];
    return NULL;
}

static void command_run(const struct command *c, const char *name, const char *word)
{
    struct program *p = *name ? program_find(name) : NULL;

    if (*name && c->takes == TAKES_NONE)
        say("%s: expected nothing behind it", c->name);
    else if (*name && !p)
        say("%s: there is no program '%s'", c->name, name);
    else if (!p && c->takes >= TAKES_ONE)
        say("%s: expected the name of a program", c->name);
    else if (!*word && c->takes == TAKES_BOTH)
        say("%s: expected the name of a service behind the program's", c->name);
    else if (*word && c->takes != TAKES_BOTH)
        say("%s: expected nothing behind the program's name", c->name);
    else
        c->carry_out(p, word);
}

void command_do(char *line)
{
    char *rest = line;
    const char *name = word_take(&rest), *program = word_take(&rest), *word = word_take(&rest);

    if (!*name)
        return;
    for (unsigned i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) {
            command_run(&commands[i], program, word);
            return;
        }
    say("'%s' is no command; help says what there is", name);
}
