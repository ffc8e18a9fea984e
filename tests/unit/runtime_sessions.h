/*
 * Both sides of sessions in one process: a server with CLIENTS clients, whose memory both sides see
 * at the same address. Semaphores are counters. Who would wait lets the other side run instead; a
 * wait that nothing can end is a timeout if it has a deadline, and otherwise ends the test.
 */
#pragma once

#include <stdlib.h>
#include <sys/mman.h>

#include "environment_make.h"
#include "service.h"
#include "tap.h"

#define CLIENTS 3u
#define VERSION 7u
#define PAST    1u               /* a deadline that has passed, */
#define FAR     (UINT64_MAX / 2) /* and one that only fake_down takes for passed */
#define BYTES   SESSION_BYTES

static struct session sessions[CLIENTS], fresh[CLIENTS]; /* the latter as they were opened */
static struct service service;
static struct session_memory *memories[CLIENTS];
static struct notices *notices;
static struct environment *environment;

static unsigned bell, waiting[CLIENTS]; /* the semaphores */
static unsigned alive_calls;
static void (*other_side)(void); /* runs while a client waits; NULL: nobody is there */

static const char *const names[CLIENTS] = {"first", "second", "third"};

static uint32_t client_of(uint32_t selector, bool wait)
{
    uint32_t client = (selector - PROCESS_USES) / 2;

    if (selector < PROCESS_USES || client >= CLIENTS || (selector - PROCESS_USES) % 2 != wait)
        abort();
    return client;
}

enum status fake_up(uint32_t semaphore)
{
    if (semaphore >= PROCESS_CLIENTS) {
        if (semaphore - PROCESS_CLIENTS >= CLIENTS)
            abort();
        waiting[semaphore - PROCESS_CLIENTS]++;
    } else {
        (void)client_of(semaphore, false);
        bell++;
    }
    return STATUS_SUCCESS;
}

static enum status count_take(unsigned *count, uint64_t deadline)
{
    if (!*count && !deadline)
        abort(); /* for ever */
    if (!*count)
        return STATUS_TIMEOUT;
    *count = 0;
    return STATUS_SUCCESS;
}

enum status fake_down(uint32_t semaphore, uint32_t flags, uint64_t deadline)
{
    if (flags != DOWN_ZERO)
        abort();
    if (semaphore == PROCESS_NOTICE)
        return count_take(&bell, deadline);
    unsigned *count = &waiting[client_of(semaphore, true)];
    if (!*count && other_side)
        other_side();
    return count_take(count, deadline);
}

enum status fake_call(uint32_t portal, struct message *message, uint64_t deadline)
{
    if (portal != PROCESS_ROOT || deadline || message->word[0] != (ROOT_VERSION | ROOT_ALIVE))
        abort();
    message->word[0] = 0;
    alive_calls++;
    return STATUS_SUCCESS;
}

static void *pages_at(uint64_t address, size_t size)
{
    void *there = mmap((void *)address, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (there != (void *)address)
        abort();
    return there;
}

/* To the byte, so that the sanitizer sees what lies behind it. */
static void world_make(void)
{
    struct environment_writer w;

    environment_begin(&w, pages_at(PROCESS_ENVIRONMENT, 4096), 4096);
    notices = pages_at(PROCESS_NOTICES, 4096);
    environment = w.block;
    struct environment_use *use =
        environment_table(&w, &w.block->uses, CLIENTS, sizeof(struct environment_use));
    struct environment_client *client =
        environment_table(&w, &w.block->clients, CLIENTS, sizeof(struct environment_client));
    for (unsigned i = 0; i < CLIENTS; i++) {
        memories[i] = aligned_alloc(4096, BYTES);
        memset(memories[i], 0, BYTES);
        use[i] =
            (struct environment_use){environment_text(&w, names[i]), BYTES, (uint64_t)memories[i]};
        client[i] = (struct environment_client){.size = BYTES, .address = (uint64_t)memories[i]};
    }
    if (!environment_end(&w))
        abort();
    for (unsigned i = 0; i < CLIENTS; i++)
        if (session_open(&fresh[i], names[i], VERSION) != SESSION_DONE)
            abort();
}

static void world_end(void)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        free(memories[i]);
}

/* What root does when both run, and when one of them does not. */
static void connect_both(unsigned i)
{
    uint64_t generation = (notices->use[i] >> NOTICE_GENERATION) + 1;

    notices->use[i] = notices->client[i] = generation << NOTICE_GENERATION | NOTICE_CONNECTED;
    waiting[i]++;
    bell++;
}

static void disconnect(unsigned i)
{
    notices->use[i] &= ~NOTICE_CONNECTED;
    notices->client[i] &= ~NOTICE_CONNECTED;
    waiting[i]++;
    bell++;
}

/* What the server sees next; -1: nothing. */
static int server_event(uint32_t *client, struct session_entry *entry)
{
    for (;;) {
        enum service_event event = service_wait(&service, client, entry, PAST);
        if (event == SERVICE_TIME)
            return -1;
        if (event != SERVICE_WOKEN)
            return (int)event;
    }
}

/* Serves all that is there: adds one to the first word. */
static void server_run(void)
{
    struct session_entry entry;
    uint32_t client;
    int event;

    while ((event = server_event(&client, &entry)) >= 0) {
        if (event != SERVICE_REQUEST)
            continue;
        entry.operation = 0;
        entry.word[0]++;
        (void)service_reply(&service, client, &entry);
    }
}

/* Everything anew: no session is connected, each is open. */
static void world_reset(void)
{
    memset(notices, 0, 4096);
    bell = 0;
    memset(waiting, 0, sizeof(waiting));
    other_side = server_run;
    environment->heartbeat = 0;
    service_open(&service, 0, NULL, VERSION);
    for (unsigned i = 0; i < CLIENTS; i++) {
        memset(memories[i], 0, BYTES);
        sessions[i] = fresh[i];
    }
}

/* And connected: the server knows it too. */
static void world_connect(void)
{
    world_reset();
    for (unsigned i = 0; i < CLIENTS; i++) {
        connect_both(i);
        if (session_connect(&sessions[i], PAST) != SESSION_DONE)
            abort();
    }
    server_run();
}
