#include "service.h"

#include <stddef.h>

#include "tsc.h"

void service_open(struct service *s, uint32_t cpu, struct utcb *utcb, uint64_t version)
{
    const struct environment_client *clients = environment_entries(&ENVIRONMENT->clients);

    *s = (struct service){.cpu = cpu, .utcb = utcb, .version = version};
    s->alive = ENVIRONMENT->heartbeat ? tsc_now() : 0;
    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++) {
        s->client[i].memory = (struct session_memory *)clients[i].address;
        s->client[i].size = clients[i].size;
    }
}

/* The generation by which the client can be served now; 0: it cannot. */
static uint64_t generation_now(const struct service *s, uint32_t i)
{
    const struct notices *notices = (const struct notices *)PROCESS_NOTICES;
    const struct service_client *c = &s->client[i];
    uint64_t notice = __atomic_load_n(&notices->client[i], __ATOMIC_ACQUIRE);
    uint64_t generation = notice >> NOTICE_GENERATION;

    if (!(notice & NOTICE_CONNECTED) || generation == c->told ||
        __atomic_load_n(&c->memory->generation, __ATOMIC_ACQUIRE) != generation)
        return 0;
    return generation;
}

/* Has it come or gone? */
static bool client_changes(struct service *s, uint32_t i, enum service_event *event)
{
    struct service_client *c = &s->client[i];
    uint64_t now = generation_now(s, i);

    if (now == c->generation)
        return false;
    if (c->generation) {
        c->generation = 0;
        *event = SERVICE_WENT;
        return true;
    }
    if (__atomic_load_n(&c->memory->version, __ATOMIC_RELAXED) != s->version) {
        c->told = now;
        return false;
    }
    c->generation = now;
    c->taken = c->sent = 0;
    *event = SERVICE_CAME;
    return true;
}

/* A request that is there. What cannot be ends the session until the next generation. */
static bool client_asks(struct service_client *c, struct session_entry *entry,
                        enum service_event *event)
{
    struct session_ring *ring = &c->memory->requests;
    uint64_t there = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - c->taken;

    if (!c->generation || !there)
        return false;
    if (there > SESSION_ENTRIES) {
        c->told = c->generation;
        c->generation = 0;
        *event = SERVICE_WENT;
        return true;
    }
    *entry = *(volatile struct session_entry *)&ring->entry[c->taken % SESSION_ENTRIES];
    __atomic_store_n(&ring->tail, ++c->taken, __ATOMIC_RELEASE);
    *event = SERVICE_REQUEST;
    return true;
}

static bool look(struct service *s, uint32_t *client, struct session_entry *entry,
                 enum service_event *event)
{
    for (uint32_t n = 0; n < ENVIRONMENT->clients.count; n++) {
        uint32_t i = (s->next + n) % ENVIRONMENT->clients.count;
        if (!client_changes(s, i, event) && !client_asks(&s->client[i], entry, event))
            continue;
        s->next = i + 1;
        *client = i;
        return true;
    }
    return false;
}

/* Says that the program is alive, if it is time. */
static void alive(struct service *s)
{
    struct message m = message_make(s->utcb);

    if (!s->alive || tsc_now() < s->alive)
        return;
    (void)root_ask(s->cpu, &m, ROOT_ALIVE);
    s->alive = tsc_now() + ENVIRONMENT->heartbeat / 2;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

enum service_event service_wait(struct service *s, uint32_t *client, struct session_entry *entry,
                                uint64_t deadline)
{
    enum service_event event;
    bool woken = false;

    for (;;) {
        alive(s);
        if (look(s, client, entry, &event))
            return event;
        if (deadline && tsc_now() >= deadline)
            return SERVICE_TIME;
        if (woken)
            return SERVICE_WOKEN;
        woken =
            semaphore_down(PROCESS_NOTICE, DOWN_ZERO, sooner(deadline, s->alive)) == STATUS_SUCCESS;
    }
}

void *service_data(const struct service *s, uint32_t client, uint64_t offset, uint64_t size)
{
    const struct service_client *c = &s->client[client];
    uint64_t there = c->size - SESSION_DATA;

    if (offset > there || size > there - offset)
        return NULL;
    return (char *)c->memory + SESSION_DATA + offset;
}

bool service_reply(struct service *s, uint32_t client, const struct session_entry *reply)
{
    struct service_client *c = &s->client[client];
    struct session_ring *ring = &c->memory->replies;

    if (!c->generation ||
        c->sent - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) >= SESSION_ENTRIES)
        return false;
    ring->entry[c->sent % SESSION_ENTRIES] = *reply;
    __atomic_store_n(&ring->head, ++c->sent, __ATOMIC_RELEASE);
    (void)semaphore_up(PROCESS_CLIENTS + client);
    return true;
}
