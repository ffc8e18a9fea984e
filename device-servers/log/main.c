/*
 * The log server: keeps what programs say, and shows what is urgent enough at the console. Its
 * argument is the level up to which it does: error, warning, notice (without one) or debug.
 *
 * A program that says too much in a tenth of a second loses what is beyond, and a record says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console_protocol.h"
#include "log_protocol.h"
#include "records.h"
#include "service.h"

#define BURST_BYTES 8192u /* of a client, in a tenth of a second */
#define SHOWN_BYTES 1024u

static const char *const level_names[] = {"error", "warning", "notice", "debug"};

struct speaker {
    uint64_t since; /* TSC */
    uint32_t bytes, lost;
};

static struct {
    struct service service;
    struct session console;
    struct records records;
    struct speaker speaker[SESSION_CLIENTS];
    uint64_t start; /* TSC */
    uint64_t shown; /* number of the last record that went to the console */
    uint32_t level;
    bool has_console, waits; /* for the console's reply */
} log_server;

static uint64_t tsc_now(void)
{
    return __builtin_ia32_rdtsc();
}

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

/* The next record that is urgent enough, as a line. 0: there is none. */
static uint32_t line_make(char line[SHOWN_BYTES])
{
    struct record head;
    char text[LOG_TEXT];

    while (log_server.shown < log_server.records.last) {
        if (log_server.shown + 1 < log_server.records.first)
            log_server.shown = log_server.records.first - 1;
        if (!records_get(&log_server.records, log_server.shown + 1, &head, text))
            return 0;
        log_server.shown++;
        if (head.level <= log_server.level)
            return (uint32_t)snprintf(line, SHOWN_BYTES, "%s: %s: %.*s\n", head.name,
                                      level_names[head.level], (int)head.size, text);
    }
    return 0;
}

/* One line is on its way at a time: the memory for data has room for one. Never waits. */
static void show(void)
{
    struct session *console = &log_server.console;
    struct session_entry entry;

    if (!log_server.has_console)
        return;
    uint64_t generation = console->generation;
    if (session_connect(console, 1) != SESSION_DONE) /* at once, or not now */
        return;
    if (console->generation != generation)
        log_server.waits = false; /* what was on its way to another one is gone */
    while (session_take(console, &entry) == SESSION_DONE)
        log_server.waits = false;
    if (log_server.waits)
        return;
    uint32_t size = line_make(session_data(console));
    entry = (struct session_entry){.operation = CONSOLE_WRITE, .word = {0, size}};
    log_server.waits = size && session_send(console, &entry) == SESSION_DONE;
}

static uint32_t level_of(const char *name)
{
    for (uint32_t i = 0; i <= LOG_DEBUG; i++)
        if (strcmp(level_names[i], name) == 0)
            return i;
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

    log_server.level = count > 1 ? level_of(argument[1]) : LOG_NOTICE;
    log_server.start = tsc_now();
    records_open(&log_server.records);
    log_server.has_console =
        session_open(&log_server.console, CONSOLE_SERVICE, CONSOLE_VERSION) == SESSION_DONE;
    service_open(&log_server.service, ENVIRONMENT->cpu, (struct utcb *)PROCESS_UTCB, LOG_VERSION);
    for (;;) {
        bool behind = log_server.shown < log_server.records.last;
        uint64_t deadline = behind ? tsc_now() + ENVIRONMENT->tsc_hz / 50 : 0;
        if (service_wait(&log_server.service, &client, &entry, deadline) == SERVICE_REQUEST)
            request_handle(client, &entry);
        show();
    }
}
