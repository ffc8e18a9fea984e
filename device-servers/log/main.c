/*
 * The log server: keeps what programs say, and shows what is urgent enough at the console. Its
 * argument is the level up to which it does: error, warning, notice (without one) or debug.
 *
 * A program that says too much in a tenth of a second loses what is beyond, and a record says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"
#include "log_protocol.h"
#include "records.h"
#include "service.h"
#include "tsc.h"

#define BURST_BYTES 8192u /* of a client, in a tenth of a second */

struct speaker {
    uint64_t since; /* TSC */
    uint32_t bytes, lost;
};

static struct {
    struct service service;
    struct records records;
    struct speaker speaker[SESSION_CLIENTS];
    struct desk desk;
    uint64_t start; /* TSC */
} log_server;

static const char *client_name(uint32_t client)
{
    const struct environment_client *c = environment_entries(&ENVIRONMENT->clients);

    return environment_string(c[client].name);
}

static uint64_t time_now(void)
{
    return (uint64_t)((unsigned __int128)(tsc_now() - log_server.start) * 1000000000u /
                      ENVIRONMENT->tsc_hz);
}

static void record(uint32_t client, uint32_t level, const char *text, uint32_t size)
{
    struct record head = {.time = time_now(), .level = level, .size = size};

    strncpy(head.name, client_name(client), RECORDS_NAME);
    (void)records_add(&log_server.records, &head, text);
}

/* May it say that many bytes now? */
static bool allowed(uint32_t client, uint32_t size)
{
    struct speaker *s = &log_server.speaker[client];
    uint64_t now = tsc_now();

    if (now - s->since > ENVIRONMENT->tsc_hz / 10) {
        char text[64];
        if (s->lost)
            record(client, LOG_WARNING, text,
                   (uint32_t)snprintf(text, sizeof(text), "said too fast: %u bytes lost", s->lost));
        *s = (struct speaker){.since = now};
    }
    if (s->bytes + size > BURST_BYTES) {
        s->lost += size;
        return false;
    }
    s->bytes += size;
    return true;
}

static enum log_status write_handle(uint32_t client, const struct session_entry *e)
{
    const char *shared = service_data(&log_server.service, client, e->word[1], e->word[2]);
    char text[LOG_TEXT];

    if (!shared || e->word[2] > LOG_TEXT || e->word[0] > LOG_DEBUG)
        return LOG_BAD_REQUEST;
    if (!allowed(client, (uint32_t)e->word[2]))
        return LOG_LOST;
    memcpy(text, shared, e->word[2]);
    record(client, (uint32_t)e->word[0], text, (uint32_t)e->word[2]);
    return LOG_DONE;
}

static enum log_status read_handle(uint32_t client, struct session_entry *e)
{
    char *to = service_data(&log_server.service, client, e->word[1], e->word[2]);
    struct record head;
    char text[LOG_TEXT];
    size_t name;

    if (!to)
        return LOG_BAD_REQUEST;
    if (!records_get(&log_server.records, e->word[0], &head, text))
        return LOG_NONE;
    name = strlen(head.name) + 1;
    if (name + head.size > e->word[2])
        return LOG_BAD_REQUEST;
    memcpy(to, head.name, name);
    memcpy(to + name, text, head.size);
    e->word[0] = head.number;
    e->word[1] = head.level;
    e->word[2] = head.time;
    e->word[3] = head.size;
    return LOG_DONE;
}

static uint32_t level_of(const char *name)
{
    uint32_t level = query_level(name);

    if (level < LOG_LEVELS)
        return level;
    fprintf(stderr, "error: level '%s': expected error, warning, notice or debug\n", name);
    exit(1);
}

static void request_handle(uint32_t client, struct session_entry *e)
{
    if (e->operation == LOG_WRITE)
        e->operation = write_handle(client, e);
    else if (e->operation == LOG_READ)
        e->operation = read_handle(client, e);
    else
        e->operation = LOG_BAD_REQUEST;
    (void)service_reply(&log_server.service, client, e);
}

int main(int count, char **argument)
{
    struct session_entry entry;
    uint32_t client;

    uint32_t level = count > 1 ? level_of(argument[1]) : LOG_NOTICE;
    log_server.start = tsc_now();
    records_open(&log_server.records);
    desk_open(&log_server.desk, &log_server.records, level);
    service_open(&log_server.service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, LOG_VERSION);
    for (;;) {
        if (service_wait(&log_server.service, &client, &entry, desk_deadline(&log_server.desk)) ==
            SERVICE_REQUEST)
            request_handle(client, &entry);
        desk_serve(&log_server.desk);
    }
}
