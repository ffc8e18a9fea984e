/*
 * Sessions from the server's side (ipc/protocol/session_protocol.h): one thread that serves all
 * clients of the program, a request of each in turn.
 *
 * A client that lies, floods, falls silent or goes away disturbs nobody else: its indices are
 * checked, its entries copied, it is never waited for, and a ring of replies that it does not empty
 * is its own loss. What is in the memory for data can change at any time.
 */
#pragma once

#include "session.h"

struct service_client {
    struct session_memory *memory;
    uint64_t size;       /* of the memory, bytes */
    uint64_t generation; /* that it is served by; 0: it is not */
    uint64_t told;       /* the last generation that was found broken, or of another version */
    uint64_t taken;      /* requests in this generation, */
    uint64_t sent;       /* and replies */
};

enum service_event {
    SERVICE_REQUEST, /* entry has it, as a copy */
    SERVICE_CAME,    /* a client is there, with nothing known of it */
    SERVICE_WENT,    /* it is gone, or has broken the protocol: what is kept of it is of no use */
    SERVICE_TIME,    /* the deadline has passed */
    SERVICE_WOKEN,   /* the program's semaphore was upped for something else */
};

struct service {
    uint32_t cpu; /* of the thread that serves */
    struct utcb *utcb;
    uint64_t version; /* of the protocol that its clients have to speak */
    uint64_t alive;   /* TSC: when root wants to hear of it again; 0: never */
    uint32_t next;    /* client that is looked at first */
    struct service_client client[SESSION_CLIENTS];
};

/* For the thread that has this UTCB, on this CPU. */
void service_open(struct service *s, uint32_t cpu, struct utcb *utcb, uint64_t version);

/*
 * Waits for what is next, at most until a deadline in TSC ticks (0: none). *client is its place in
 * ENVIRONMENT->clients, which never changes for a program. Root hears in between that the server is
 * alive.
 */
enum service_event service_wait(struct service *s, uint32_t *client, struct session_entry *entry,
                                uint64_t deadline);

/* Bytes of a client's memory for data; NULL: not all of them are there. They can change at any
 * time. */
void *service_data(const struct service *s, uint32_t client, uint64_t offset, uint64_t size);

/* Sends a reply; the id is that of the request. False: the client does not take its replies. */
bool service_reply(struct service *s, uint32_t client, const struct session_entry *reply);
