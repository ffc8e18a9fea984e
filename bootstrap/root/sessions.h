/* Sessions between programs (ipc/protocol/session_protocol.h), as the configuration has them. */
#pragma once

#include "build.h"
#include "environment_make.h"
#include "session_protocol.h"

#define SESSIONS_MAX 512u

struct link {
    struct program *client; /* NULL: root itself, of the console */
    struct program *server;
    uint32_t use;   /* place among the client's uses, */
    uint32_t place; /* and among the server's clients */
    uint64_t size;  /* bytes, whole pages */
    uint64_t client_address, server_address;
    uint64_t notice; /* as its two sides find it */
    uint64_t generation;
    bool connected;
    bool cut; /* they are not to be connected, until they are joined */
};

/* Finds all sessions, and memory for them. False: *fault says what is wrong. */
__attribute__((warn_unused_result)) bool sessions_plan(struct conf_fault *fault);

/* While a program is built: what it has of its sessions, into its domain and its environment. */
bool sessions_give(struct building *b, struct environment_writer *w);
bool sessions_map(struct building *b);

/* Root's own session with the console; NULL: no program offers one. */
const struct link *sessions_of_root(void);

/* The name of a server's client. */
const char *session_client_name(const struct program *server, uint32_t place);

/* The session in which a program uses a service; NULL: it does not. The nth of all; NULL: none. */
struct link *session_find(const struct program *client, const char *service);
const struct link *session_at(uint32_t n);

/* Who may not use a service any more, as of now, however often both start; and may again. */
void session_cut(struct link *s);
void session_join(struct link *s);

/* It runs now: it is connected with all others that run. It has stopped: with nobody. */
void sessions_connect(struct program *p);
void sessions_disconnect(struct program *p);
