/*
 * Sessions from the client's side (ipc/protocol/session_protocol.h). One thread at a time uses a
 * session.
 *
 * A server that lies cannot do more than answer wrongly: indices are checked, entries copied, and
 * nobody waits past a deadline.
 */
#pragma once

#include <stdbool.h>

#include "environment.h"
#include "session_protocol.h"

enum session_status {
    SESSION_DONE = 0,
    SESSION_UNKNOWN,   /* the configuration gives the program no such service */
    SESSION_RECONNECT, /* the server is not there, or is another one than before: session_connect */
    SESSION_TIMEOUT,
    SESSION_NONE,   /* no reply is there */
    SESSION_FULL,   /* as many requests are on their way as there can be */
    SESSION_TAKEN,  /* somebody else in the program has it: the C library, for one */
    SESSION_BROKEN, /* the server has written what cannot be; until it is restarted */
};

struct session {
    struct session_memory *memory;
    const uint64_t *notice;
    uint64_t size;       /* of the memory, bytes */
    uint64_t version;    /* of the service's protocol */
    uint64_t generation; /* that it is connected by; 0: none */
    uint64_t sent;       /* requests, in this generation, */
    uint64_t taken;      /* and replies */
    uint32_t bell, wait; /* selectors of the two semaphores */
    bool broken;
};

/*
 * The session with a service of that name. SESSION_UNKNOWN; SESSION_TAKEN; or SESSION_DONE: it is
 * the caller's as long as the program runs, and not connected yet.
 */
enum session_status session_open(struct session *s, const char *service, uint64_t version);

/*
 * Waits for the server and begins anew: what was on its way is gone. SESSION_TIMEOUT: the deadline,
 * absolute, in TSC ticks, has passed; 0: none.
 */
enum session_status session_connect(struct session *s, uint64_t deadline);

/* Sends a request. SESSION_FULL, SESSION_RECONNECT: it was not sent. */
enum session_status session_send(struct session *s, const struct session_entry *request);

/* A reply, of any request. SESSION_NONE: there is none yet. */
enum session_status session_take(struct session *s, struct session_entry *reply);

/* Waits for a reply, of any request. */
enum session_status session_receive(struct session *s, struct session_entry *reply,
                                    uint64_t deadline);

/*
 * Both: the entry becomes the reply to it. With one request at a time. After SESSION_RECONNECT it
 * is not known whether the request was carried out.
 */
enum session_status session_call(struct session *s, struct session_entry *entry, uint64_t deadline);

/* The memory for data, and how much there is. */
static inline void *session_data(const struct session *s)
{
    return (char *)s->memory + SESSION_DATA;
}

static inline uint64_t session_data_size(const struct session *s)
{
    return s->size - SESSION_DATA;
}
