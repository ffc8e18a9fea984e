#include "desk.h"

#include <stdio.h>
#include <string.h>

#include "console_protocol.h"
#include "tsc.h"

/* The console rings in a semaphore of its own, while the server waits for its clients. */
#define LOOK_PER_SECOND 20u
#define BUSY_PER_SECOND 200u

enum desk_request { REQUEST_PRINT = 1, REQUEST_READ = 2 };

void desk_open(struct desk *d, const struct records *records, uint32_t level)
{
    *d = (struct desk){.records = records, .level = level};
    d->there = session_open(&d->console, CONSOLE_SERVICE, CONSOLE_VERSION) == SESSION_DONE &&
               session_data_size(&d->console) >= DESK_PRINT + DESK_INPUT;
}

static bool is_client(const char *name)
{
    const struct environment_client *c = environment_entries(&ENVIRONMENT->clients);

    for (uint32_t i = 0; i < ENVIRONMENT->clients.count; i++)
        if (strcmp(environment_string(c[i].name), name) == 0)
            return true;
    return false;
}

static void answer(struct desk *d, const char *format, const char *word)
{
    d->answered = (size_t)snprintf(d->answer, sizeof(d->answer), format, word);
}

static void list_begin(struct desk *d, const struct query *q)
{
    if (q->name[0] && !is_client(q->name)) {
        answer(d, "show: '%s' is neither a level nor a program that uses the log\n", q->name);
        return;
    }
    d->lists = true;
    d->query = *q;
    d->listed = (struct records_at){0};
    d->last = d->records->last;
    d->count = 0;
}

/* A new command ends the answer to the last one. */
static void command_do(struct desk *d, const char *line, size_t size)
{
    struct query q;

    query_parse(&q, line, size);
    d->lists = false;
    if (q.kind == QUERY_SHOW) {
        list_begin(d, &q);
    } else if (q.kind == QUERY_LEVEL) {
        d->level = q.level;
        answer(d, "from now on what is said is shown up to level %s\n", query_level_name(q.level));
    } else if (q.kind == QUERY_HELP) {
        answer(d, "%s", QUERY_HELP_TEXT);
    } else if (q.kind == QUERY_BAD) {
        answer(d, "%s", q.error);
    }
}

/* The console is trusted as little as any other server. */
static void line_take(struct desk *d, uint64_t size)
{
    char line[DESK_INPUT];

    if (size > sizeof(line))
        return;
    memcpy(line, (const char *)session_data(&d->console) + DESK_PRINT, size);
    command_do(d, line, size);
}

/* What was not printed because the console was busy is tried again. */
static void reply_take(struct desk *d, const struct session_entry *reply)
{
    if (reply->id == REQUEST_PRINT && d->prints) {
        d->prints = false;
        if (reply->operation != CONSOLE_BUSY)
            d->size = 0;
    } else if (reply->id == REQUEST_READ && d->reads) {
        d->reads = false;
        if (reply->operation == CONSOLE_DONE)
            line_take(d, reply->word[0]);
    }
}

static void list_line(struct desk *d)
{
    struct record head;
    char text[LOG_TEXT], count[32];

    while (d->listed.number <= d->last && records_next(d->records, &d->listed, &head, text) &&
           head.number <= d->last)
        if (query_wants(&d->query, &head)) {
            d->count++;
            d->answered = query_line(d->answer, &head, text, true);
            return;
        }
    d->lists = false;
    snprintf(count, sizeof(count), "%lu", d->count);
    answer(d, "records: %s\n", count);
}

static void live_line(struct desk *d)
{
    struct record head;
    char text[LOG_TEXT];

    while (records_next(d->records, &d->live, &head, text))
        if (head.level <= d->level) {
            d->answered = query_line(d->answer, &head, text, false);
            return;
        }
}

/* Whole lines: answers come before what is said meanwhile. */
static void print_fill(struct desk *d)
{
    for (;;) {
        if (!d->answered && d->lists)
            list_line(d);
        if (!d->answered)
            live_line(d);
        if (!d->answered || d->answered > DESK_PRINT - d->size)
            return;
        memcpy(d->print + d->size, d->answer, d->answered);
        d->size += d->answered;
        d->answered = 0;
    }
}

static bool request(struct desk *d, enum desk_request id, uint32_t operation, uint64_t offset,
                    uint64_t size)
{
    const struct session_entry entry = {.operation = operation, .id = id, .word = {offset, size}};

    return session_send(&d->console, &entry) == SESSION_DONE;
}

void desk_serve(struct desk *d)
{
    uint64_t generation = d->console.generation;
    struct session_entry reply;

    if (!d->there || session_connect(&d->console, 1) != SESSION_DONE) /* at once, or not now */
        return;
    if (d->console.generation != generation)
        d->prints = d->reads = false; /* what was on its way to another one is gone */
    for (unsigned i = 0; i < SESSION_ENTRIES && session_take(&d->console, &reply) == SESSION_DONE;
         i++)
        reply_take(d, &reply);
    if (!d->prints) {
        if (!d->size)
            print_fill(d);
        memcpy(session_data(&d->console), d->print, d->size);
        d->prints = d->size && request(d, REQUEST_PRINT, CONSOLE_PRINT, 0, d->size);
    }
    if (!d->reads)
        d->reads = request(d, REQUEST_READ, CONSOLE_READ, DESK_PRINT, DESK_INPUT);
}

uint64_t desk_deadline(const struct desk *d)
{
    uint64_t often = d->prints || d->size ? BUSY_PER_SECOND : LOOK_PER_SECOND;

    return d->there ? tsc_now() + ENVIRONMENT->tsc_hz / often : 0;
}
