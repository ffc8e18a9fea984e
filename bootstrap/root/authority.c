/* Prints what programs hold, as text and as a graph. */
#include "held.h"
#include "say.h"
#include "sessions.h"

static const char *const type_names[] = {
    [OBJECT_PD] = "PD",       [OBJECT_POOL] = "POOL", [OBJECT_MEM] = "MEM", [OBJECT_EC] = "EC",
    [OBJECT_SC] = "SC",       [OBJECT_PT] = "PT",     [OBJECT_SM] = "SM",   [OBJECT_CPU] = "CPU",
    [OBJECT_PORTS] = "PORTS", [OBJECT_IRQ] = "IRQ",   [OBJECT_PCI] = "PCI",
};

/* What is at which selector of every program (process.h). */
static const struct place {
    uint32_t first, count;
    const char *what;
} places[] = {
    {PROCESS_PD, 1, "its domain"},
    {PROCESS_EC, 1, "its main thread"},
    {PROCESS_SC, 1, "time of its main thread"},
    {PROCESS_POOL, 1, "its pool"},
    {PROCESS_MEMORY, 1, "its memory"},
    {PROCESS_NOTICE, 1, "its notices"},
    {PROCESS_BANK, 1, "its bank"},
    {PROCESS_ROOT, BOOT_MAX_CPUS, "root's portal, CPU"},
    {PROCESS_TROUBLE, BOOT_MAX_CPUS, "supervision, CPU"},
    {PROCESS_CPUS, BOOT_MAX_CPUS, "time, CPU"},
    {PROCESS_RESOURCES, CONF_RESOURCES, "resource"},
    {PROCESS_RESOURCES + CONF_RESOURCES, CONF_NAMES, "file"},
    {PROCESS_USES, 2 * SESSION_USES, "service"},
    {PROCESS_CLIENTS, SESSION_CLIENTS, "client"},
};

static const struct place *place_of(uint32_t selector)
{
    unsigned i = 0;

    while (selector - places[i].first >= places[i].count)
        i++;
    return &places[i];
}

/* What a thing is called, if it has a name: of a service, a file, a client. */
static const char *name_of(const struct program *p, uint32_t selector)
{
    uint32_t file = selector - PROCESS_RESOURCES - CONF_RESOURCES;

    if (selector >= PROCESS_CLIENTS)
        return session_client_name(p, selector - PROCESS_CLIENTS);
    if (selector >= PROCESS_USES)
        return p->conf->uses.name[(selector - PROCESS_USES) / 2].text;
    return file < CONF_NAMES ? p->conf->files.name[file].text : "";
}

static void held_say(const struct program *p, const struct held *held)
{
    const struct place *place = place_of(held->selector);
    const struct conf_resource *r = &p->conf->resource[held->selector - PROCESS_RESOURCES];

    if (place->first == PROCESS_RESOURCES)
        say("%s holds %u: %s, rights 0x%x: from 0x%lx on, 0x%lx of them", p->conf->name.text,
            held->selector, type_names[held->type], held->rights, r->base, r->count);
    else if (place->count == BOOT_MAX_CPUS)
        say("%s holds %u: %s, rights 0x%x: %s %u", p->conf->name.text, held->selector,
            type_names[held->type], held->rights, place->what, held->selector - place->first);
    else
        say("%s holds %u: %s, rights 0x%x: %s %s", p->conf->name.text, held->selector,
            type_names[held->type], held->rights, place->what, name_of(p, held->selector));
}

void authority_say(const struct program *p)
{
    for (uint32_t i = 0; i < p->held_count; i++)
        held_say(p, &p->held[i]);
    for (uint32_t n = 0; session_at(n); n++) {
        const struct link *s = session_at(n);
        if (s->cut && s->client == p)
            say("%s is cut off from service %s", p->conf->name.text,
                p->conf->uses.name[s->use].text);
        if (s->cut && s->server == p)
            say("%s is cut off from client %s", p->conf->name.text,
                session_client_name(p, s->place));
    }
}

/* Who can reach whom, and what of the machine. */
static void graph_say(const struct program *p)
{
    const char *name = p->conf->name.text;

    say("  \"%s\" [shape=box];", name);
    for (uint32_t i = 0; i < p->conf->resources; i++) {
        const struct conf_resource *r = &p->conf->resource[i];
        static const char *const kinds[] = {
            [CONF_PORTS] = "ports", [CONF_IRQ] = "irq", [CONF_PCI] = "pci"};
        if (r->kind == CONF_RAM)
            say("  \"%s\" -> \"RAM of %s\";", name, name);
        else
            say("  \"%s\" -> \"%s 0x%lx\";", name, kinds[r->kind], r->base);
    }
    for (uint32_t i = 0; i < p->conf->files.count; i++)
        say("  \"%s\" -> \"file %s\" [style=dotted];", name, p->conf->files.name[i].text);
    for (uint32_t n = 0; session_at(n); n++)
        if (session_at(n)->server == p)
            say("  \"%s\" -> \"%s\" [%s];", session_client_name(p, session_at(n)->place), name,
                session_at(n)->cut ? "dir=none, style=dashed, label=\"cut off\"" : "dir=both");
}

void authority_say_graph(void)
{
    say("digraph authority {");
    for (uint32_t i = 0; i < root.conf.programs; i++)
        graph_say(&root.program[i]);
    say("}");
}
