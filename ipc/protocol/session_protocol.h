/*
 * Sessions: how a program talks to a service of another one. The configuration says who uses which
 * service; root connects the two whenever both run. There is no call to make: what a program has to
 * know is in its environment (process.h), and what changes is in its notices.
 *
 * A session is memory that client and server share, and a semaphore for each direction:
 *
 *              client                                 server
 *   memory     environment_use.address                environment_client.address
 *   rings it   PROCESS_USES + 2 * use: UP, for the    PROCESS_CLIENTS + client: UP, for the
 *              server's PROCESS_NOTICE                client's semaphore of this session
 *   waits in   PROCESS_USES + 2 * use + 1: DOWN       PROCESS_NOTICE, for all its clients
 *
 * A server knows its clients by their place in its environment, which no client can change. Portals
 * would tie both to one CPU; a ring and semaphores do not.
 *
 * Notices: a word for each session, with its generation and whether it is connected. Each time that
 * root connects it, the generation is another one. The client then resets the rings and writes the
 * generation into the memory; the server takes requests only while it reads that generation there.
 * When the other side dies, the notice says so and the semaphore is upped; the memory stays.
 *
 * Neither side trusts what the other one writes: each keeps the indices that are its own outside of
 * the memory, takes a copy of an entry before it looks at it, and checks every index and size. Who
 * lies hurts his own session only.
 */
#pragma once

#include <stdint.h>

#define SESSION_ENTRIES 64u /* of a ring: a power of two */

/* A request or a reply. What the words are, each service says. */
struct session_entry {
    uint32_t operation; /* of a reply: its status, 0 for success */
    uint32_t id;        /* of the client's choice: a reply has that of its request */
    uint64_t word[7];
};

/*
 * Entries [tail, head) are there: their numbers count up for ever, entry n is in place n %
 * SESSION_ENTRIES. The producer writes entries, then head; the consumer takes them, then writes
 * tail. Each word has a cache line of its own.
 */
struct session_ring {
    uint64_t head __attribute__((aligned(64)));
    uint64_t tail __attribute__((aligned(64)));
    struct session_entry entry[SESSION_ENTRIES] __attribute__((aligned(64)));
};

/* The memory, page aligned. Data for requests is behind it; requests name it by its offset there.
 */
struct session_memory {
    uint64_t generation; /* of the notice by which the client has reset the rings */
    uint64_t version;    /* of the service's protocol that the client speaks */
    struct session_ring requests, replies;
};

#define SESSION_DATA  ((sizeof(struct session_memory) + 4095) / 4096 * 4096) /* offset */
#define SESSION_BYTES (SESSION_DATA + 4096) /* the memory, if the server's section says nothing */

/* A notice: the session is connected, and its generation, from 1 on. */
#define NOTICE_CONNECTED  1ull
#define NOTICE_GENERATION 1u /* shift */

#define SESSION_USES    16u /* of a program */
#define SESSION_CLIENTS 64u /* of a program, over all its services */

/* The page PROCESS_NOTICES. Root writes, as words. */
struct notices {
    uint64_t use[SESSION_USES];
    uint64_t client[SESSION_CLIENTS];
};
