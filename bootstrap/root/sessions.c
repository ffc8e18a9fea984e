/*
 * All sessions are there from the start, with their memory; connecting two programs means to give
 * each the right to up the other's semaphore, and to change their notices.
 */
#include "sessions.h"

#include <string.h>

#include "console_protocol.h"
#include "environment_make.h"
#include "held.h"
#include "memory.h"
#include "say.h"

static struct link sessions[SESSIONS_MAX];
static uint32_t count;

static uint32_t session_memory(const struct link *s)
{
    return ROOT_SESSIONS + (uint32_t)(s - sessions);
}

static uint32_t bell_of(const struct link *s, bool to_client)
{
    return ROOT_BELLS + 2 * (uint32_t)(s - sessions) + (to_client ? 1 : 0);
}

_Static_assert(ROOT_BELLS + 2 * SESSIONS_MAX <= SELECTORS, "the table has them");

static bool offers(const struct conf_program *p, const char *service)
{
    for (uint32_t i = 0; i < p->offers.count; i++)
        if (strcmp(p->offers.name[i].text, service) == 0)
            return true;
    return false;
}

/* Who offers it: exactly one program. NULL: *fault says why not. */
static struct program *server_find(const struct conf_name *service, struct conf_fault *fault)
{
    struct program *server = NULL;

    for (uint32_t i = 0; i < root.conf.programs; i++) {
        struct program *p = &root.program[i];
        if (!offers(p->conf, service->text))
            continue;
        if (server) {
            (void)conf_wrong(fault, service->line, "service '%s' is offered by %s and by %s",
                             service->text, server->conf->name.text, p->conf->name.text);
            return NULL;
        }
        server = p;
    }
    if (!server)
        (void)conf_wrong(fault, service->line,
                         "uses: expected a service that a program offers, not '%s'", service->text);
    return server;
}

/* Addresses one after the other; each program has its own. */
static bool address_take(struct program *p, uint64_t size, uint64_t *address)
{
    uint64_t used = p->session_bytes;

    *address = PROCESS_IMAGE_END + used;
    p->session_bytes = used + size;
    return size <= PROCESS_FREE - PROCESS_IMAGE_END - used;
}

/* NULL: the client is root. */
static bool session_add(struct program *client, uint32_t use, struct program *server)
{
    struct link *s = &sessions[count];

    if (count == SESSIONS_MAX || server->clients == SESSION_CLIENTS)
        return false;
    *s = (struct link){.client = client,
                       .server = server,
                       .use = use,
                       .place = server->clients++,
                       .size = server->conf->session};
    count++;
    return (!client || address_take(client, s->size, &s->client_address)) &&
           address_take(server, s->size, &s->server_address) &&
           memory_take(session_memory(s), s->size);
}

static bool session_plan(struct program *client, uint32_t use, struct conf_fault *fault)
{
    const struct conf_name *service = &client->conf->uses.name[use];
    struct program *server = server_find(service, fault);

    if (!server)
        return false;
    if (server == client)
        return conf_wrong(fault, service->line, "'%s' is its own service", service->text);
    return session_add(client, use, server) ||
           conf_wrong(fault, service->line,
                      "uses: no memory for a session with '%s', or more than %u clients",
                      service->text, SESSION_CLIENTS);
}

/* Root is the first client of whoever offers a console. */
static bool root_plan(struct conf_fault *fault)
{
    for (uint32_t i = 0; i < root.conf.programs; i++)
        if (offers(root.program[i].conf, CONSOLE_SERVICE))
            return session_add(NULL, 0, &root.program[i]) ||
                   conf_wrong(fault, root.program[i].conf->line,
                              "no memory for root's own session");
    return true;
}

bool sessions_plan(struct conf_fault *fault)
{
    if (!root_plan(fault))
        return false;
    for (uint32_t i = 0; i < root.conf.programs; i++)
        for (uint32_t use = 0; use < root.program[i].conf->uses.count; use++)
            if (!session_plan(&root.program[i], use, fault))
                return false;
    return true;
}

const struct link *sessions_of_root(void)
{
    return count && !sessions[0].client ? &sessions[0] : NULL;
}

static const char *client_name(const struct link *s)
{
    return s->client ? s->client->conf->name.text : "root";
}

static const char *service_name(const struct link *s)
{
    return s->client ? s->client->conf->uses.name[s->use].text : CONSOLE_SERVICE;
}

static void use_tell(struct environment_writer *w, const struct link *s,
                     struct environment_use *entry)
{
    entry->name = environment_text(w, s->client->conf->uses.name[s->use].text);
    entry->size = (uint32_t)s->size;
    entry->address = s->client_address;
}

/* Which of the server's services it is. */
static uint32_t service_of(const struct link *s)
{
    const struct conf_list *offered = &s->server->conf->offers;
    uint32_t i = 0;

    while (strcmp(offered->name[i].text, service_name(s)) != 0)
        i++;
    return i;
}

static void client_tell(struct environment_writer *w, const struct link *s,
                        struct environment_client *entry)
{
    entry->name = environment_text(w, client_name(s));
    entry->service = service_of(s);
    entry->size = (uint32_t)s->size;
    entry->address = s->server_address;
}

/* The semaphore that a client waits in is paid by the client, and goes with it. */
static enum status semaphore_give(struct building *b, const struct link *s)
{
    struct program *p = b->program;
    uint32_t selector = program_selector(p, PROGRAM_SESSIONS + s->use);
    struct answer a;

    WITH_FUNDS(&p->funds, a, semaphore_create(selector, program_selector(p, PROGRAM_POOL), 0));
    return a.status == STATUS_SUCCESS
               ? held_give(p, PROCESS_USES + 2 * s->use + 1, selector, SM_RIGHT_DOWN)
               : a.status;
}

/*
 * Slots are filled later, when the other side comes: a capability that is put there and taken back
 * sees to it that they exist.
 */
static enum status slot_make(struct building *b, uint32_t there)
{
    struct program *p = b->program;
    uint32_t notice = program_selector(p, PROGRAM_NOTICE);
    struct answer a;

    WITH_FUNDS(&p->funds, a,
               capability_delegate(program_selector(p, PROGRAM_PD), there, notice, SM_RIGHT_UP));
    return a.status == STATUS_SUCCESS ? capability_revoke(notice, 0) : a.status;
}

bool sessions_give(struct building *b, struct environment_writer *w)
{
    struct program *p = b->program;
    struct environment_use *use =
        environment_table(w, &w->block->uses, p->conf->uses.count, sizeof(*use));
    struct environment_client *client =
        environment_table(w, &w->block->clients, p->clients, sizeof(*client));
    struct environment_offer *offer =
        environment_table(w, &w->block->offers, p->conf->offers.count, sizeof(*offer));
    enum status status = STATUS_SUCCESS;

    for (uint32_t i = 0; offer && i < p->conf->offers.count; i++)
        offer[i].name = environment_text(w, p->conf->offers.name[i].text);
    for (uint32_t i = 0; offer && i < count && status == STATUS_SUCCESS; i++) {
        const struct link *s = &sessions[i];
        if (s->client == p) {
            use_tell(w, s, &use[s->use]);
            status = slot_make(b, PROCESS_USES + 2 * s->use);
            if (status == STATUS_SUCCESS)
                status = semaphore_give(b, s);
        } else if (s->server == p) {
            client_tell(w, s, &client[s->place]);
            status = slot_make(b, PROCESS_CLIENTS + s->place);
        }
    }
    return status == STATUS_SUCCESS || building_fails(b, "sessions", status);
}

bool sessions_map(struct building *b)
{
    struct program *p = b->program;
    enum status status = STATUS_SUCCESS;

    for (uint32_t i = 0; i < count && status == STATUS_SUCCESS; i++) {
        const struct link *s = &sessions[i];
        if (s->client == p || s->server == p)
            status = pages_map(&p->funds, session_memory(s), program_selector(p, PROGRAM_PD),
                               s->client == p ? s->client_address : s->server_address, 0, s->size,
                               MEM_RIGHT_READ | MEM_RIGHT_WRITE);
    }
    return status == STATUS_SUCCESS || building_fails(b, "memory of sessions", status);
}

const char *session_client_name(const struct program *server, uint32_t place)
{
    for (uint32_t i = 0; i < count; i++)
        if (sessions[i].server == server && sessions[i].place == place)
            return client_name(&sessions[i]);
    return "";
}

static void notice_write(const struct program *p, uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    (void)semaphore_up(program_selector(p, PROGRAM_NOTICE));
}

static struct notices *notices_of(const struct program *p)
{
    return (struct notices *)(WINDOW_NOTICES + program_index(p) * PAGE);
}

/* Who does not run has no notices. Root reads its own when it is woken. */
static void notices_change(struct link *s)
{
    uint64_t value = s->generation << NOTICE_GENERATION | (s->connected ? NOTICE_CONNECTED : 0);

    s->notice = value;
    if (!s->client)
        (void)semaphore_up(ROOT_EVENTS);
    if (s->client && s->client->state == PROGRAM_RUNNING) {
        notice_write(s->client, &notices_of(s->client)->use[s->use], value);
        (void)semaphore_up(program_selector(s->client, PROGRAM_SESSIONS + s->use));
    }
    if (s->server->state == PROGRAM_RUNNING)
        notice_write(s->server, &notices_of(s->server)->client[s->place], value);
}

/*
 * A semaphore of one end's, for the other end: by a capability of root's own for this session
 * alone, so that taking it back takes nobody else's.
 */
static enum status bell_give(const struct link *s, bool to_client, uint32_t semaphore)
{
    uint32_t bell = bell_of(s, to_client);
    struct answer a;

    WITH_FUNDS(&root.funds, a, capability_delegate(SELECTOR_PD, bell, semaphore, SM_RIGHT_UP));
    if (a.status != STATUS_SUCCESS)
        return a.status;
    return to_client ? held_give(s->client, PROCESS_USES + 2 * s->use, bell, SM_RIGHT_UP)
                     : held_give(s->server, PROCESS_CLIENTS + s->place, bell, SM_RIGHT_UP);
}

static enum status bells_give(const struct link *s)
{
    enum status status = STATUS_SUCCESS;

    if (s->client)
        status = bell_give(s, true, program_selector(s->server, PROGRAM_NOTICE));
    if (status != STATUS_SUCCESS)
        return status;
    return bell_give(
        s, false, s->client ? program_selector(s->client, PROGRAM_SESSIONS + s->use) : ROOT_EVENTS);
}

/* Those of an end that is gone have gone with it. */
static void bells_take(const struct link *s)
{
    (void)capability_revoke(bell_of(s, true), REVOKE_SELF);
    (void)capability_revoke(bell_of(s, false), REVOKE_SELF);
    if (s->client)
        held_forget(s->client, PROCESS_USES + 2 * s->use);
    held_forget(s->server, PROCESS_CLIENTS + s->place);
}

/* Who cannot be reached is told nothing: the session stays as it was, unconnected. */
static void connect(struct link *s)
{
    enum status status = bells_give(s);

    if (status != STATUS_SUCCESS) {
        say("%s cannot be connected with %s: status %u", client_name(s), s->server->conf->name.text,
            status);
        bells_take(s);
        return;
    }
    s->generation++;
    s->connected = true;
    notices_change(s);
}

static void disconnect(struct link *s)
{
    s->connected = false;
    bells_take(s);
    notices_change(s);
}

static bool runs(const struct program *p)
{
    return !p || p->state == PROGRAM_RUNNING; /* root does */
}

static bool is_of(const struct link *s, const struct program *p)
{
    return s->client == p || s->server == p;
}

void sessions_connect(struct program *p)
{
    for (uint32_t i = 0; i < count; i++) {
        struct link *s = &sessions[i];
        if (is_of(s, p) && runs(s->client) && runs(s->server) && !s->cut)
            connect(s);
    }
}

void sessions_disconnect(struct program *p)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_of(&sessions[i], p) && sessions[i].connected)
            disconnect(&sessions[i]);
}

struct link *session_find(const struct program *client, const char *service)
{
    for (uint32_t i = 0; i < count; i++)
        if (sessions[i].client == client && strcmp(service_name(&sessions[i]), service) == 0)
            return &sessions[i];
    return NULL;
}

const struct link *session_at(uint32_t n)
{
    return n < count ? &sessions[n] : NULL;
}

void session_cut(struct link *s)
{
    s->cut = true;
    if (s->connected)
        disconnect(s);
}

void session_join(struct link *s)
{
    s->cut = false;
    if (!s->connected && runs(s->client) && runs(s->server))
        connect(s);
}
