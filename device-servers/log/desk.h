/*
 * The log at the console: what is urgent enough is shown there as it is said, and who has the
 * keyboard can ask for what is kept (query.h). One print and one read are on their way at most; the
 * server never waits for the console.
 */
#pragma once

#include "query.h"
#include "session.h"

#define DESK_PRINT 2048u /* bytes of one print, at the start of the session's data; */
#define DESK_INPUT 256u  /* then what is typed */

struct desk {
    const struct records *records;
    struct session console;
    bool there;             /* the configuration gives it a console */
    bool prints, reads;     /* requests that are on their way */
    uint32_t level;         /* up to which records are shown as they are said */
    struct records_at live; /* the next one of those */
    bool lists; /* what was asked for, and its next record, last one, and how many came */
    struct query query;
    struct records_at listed;
    uint64_t last, count;
    size_t answered, size;   /* bytes of the answer, and of what is to be printed */
    char answer[QUERY_LINE]; /* to a command: a line */
    char print[DESK_PRINT];
};

void desk_open(struct desk *d, const struct records *records, uint32_t level);

/* Takes what the console has said and gives it what there is. */
void desk_serve(struct desk *d);

/* When to call that again, whether or not anything has happened: TSC; 0: never. */
uint64_t desk_deadline(const struct desk *d);
