#include "session.h"

#include "tsc.h"

static uint32_t opened; /* bit n: use n is somebody's. Atomic */

static bool name_equal(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b;
}

enum session_status session_open(struct session *s, const char *service, uint64_t version)
{
    const struct environment_use *use = environment_entries(&ENVIRONMENT->uses);
    const struct notices *notices = (const struct notices *)PROCESS_NOTICES;

    for (uint32_t i = 0; i < ENVIRONMENT->uses.count; i++) {
        if (!name_equal(environment_string(use[i].name), service))
            continue;
        if (__atomic_fetch_or(&opened, 1u << i, __ATOMIC_RELAXED) >> i & 1)
            return SESSION_TAKEN;
        *s = (struct session){.memory = (struct session_memory *)use[i].address,
                              .notice = &notices->use[i],
                              .size = use[i].size,
                              .version = version,
                              .bell = PROCESS_USES + 2 * i,
                              .wait = PROCESS_USES + 2 * i + 1};
        return SESSION_DONE;
    }
    return SESSION_UNKNOWN;
}

static uint64_t notice_read(const struct session *s)
{
    return __atomic_load_n(s->notice, __ATOMIC_ACQUIRE);
}

/* Is the server still the one that it was connected with? */
static bool is_connected(const struct session *s)
{
    return s->generation &&
           notice_read(s) == (s->generation << NOTICE_GENERATION | NOTICE_CONNECTED);
}

/* The server does not look at the rings before it sees the generation. */
static void begin(struct session *s, uint64_t generation)
{
    struct session_memory *m = s->memory;

    m->version = s->version;
    m->requests.head = m->requests.tail = 0;
    m->replies.head = m->replies.tail = 0;
    s->sent = s->taken = 0;
    s->broken = false;
    s->generation = generation;
    __atomic_store_n(&m->generation, generation, __ATOMIC_RELEASE);
    (void)semaphore_up(s->bell);
}

/*
 * Waits for the server to ring. False: the deadline has passed; the clock says so too, because one
 * that rings without end would keep a waiter for ever.
 */
static bool ring_await(const struct session *s, uint64_t deadline)
{
    if (deadline && tsc_now() >= deadline)
        return false;
    return semaphore_down(s->wait, DOWN_ZERO, deadline) != STATUS_TIMEOUT;
}

enum session_status session_connect(struct session *s, uint64_t deadline)
{
    for (;;) {
        uint64_t notice = notice_read(s);
        if (is_connected(s) && !s->broken)
            return SESSION_DONE;
        if (notice & NOTICE_CONNECTED && notice >> NOTICE_GENERATION != s->generation) {
            begin(s, notice >> NOTICE_GENERATION);
            return SESSION_DONE;
        }
        if (!ring_await(s, deadline))
            return SESSION_TIMEOUT;
    }
}

enum session_status session_send(struct session *s, const struct session_entry *request)
{
    struct session_ring *ring = &s->memory->requests;

    if (!is_connected(s))
        return SESSION_RECONNECT;
    uint64_t waiting = s->sent - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    if (s->broken || waiting > SESSION_ENTRIES) {
        s->broken = true;
        return SESSION_BROKEN;
    }
    if (waiting == SESSION_ENTRIES)
        return SESSION_FULL;
    ring->entry[s->sent % SESSION_ENTRIES] = *request;
    __atomic_store_n(&ring->head, ++s->sent, __ATOMIC_RELEASE);
    (void)semaphore_up(s->bell);
    return SESSION_DONE;
}

enum session_status session_take(struct session *s, struct session_entry *reply)
{
    struct session_ring *ring = &s->memory->replies;
    uint64_t there = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - s->taken;

    if (s->broken || there > SESSION_ENTRIES) {
        s->broken = true;
        return SESSION_BROKEN;
    }
    if (!there)
        return SESSION_NONE;
    *reply = *(volatile struct session_entry *)&ring->entry[s->taken % SESSION_ENTRIES];
    __atomic_store_n(&ring->tail, ++s->taken, __ATOMIC_RELEASE);
    return SESSION_DONE;
}

enum session_status session_receive(struct session *s, struct session_entry *reply,
                                    uint64_t deadline)
{
    for (;;) {
        if (!is_connected(s))
            return SESSION_RECONNECT;
        enum session_status status = session_take(s, reply);
        if (status != SESSION_NONE)
            return status;
        if (!ring_await(s, deadline))
            return SESSION_TIMEOUT;
    }
}

enum session_status session_call(struct session *s, struct session_entry *entry, uint64_t deadline)
{
    uint32_t id = entry->id;
    enum session_status status = session_send(s, entry);

    while (status == SESSION_DONE) {
        status = session_receive(s, entry, deadline);
        if (status == SESSION_DONE && entry->id == id)
            break;
        if (status == SESSION_DONE && deadline && tsc_now() >= deadline) /* others' without end */
            status = SESSION_TIMEOUT;
    }
    return status;
}
