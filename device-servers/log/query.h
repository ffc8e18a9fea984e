/*
 * What a person types at the log, and the lines that records are shown as. Pure.
 *
 *   show [LEVEL] [PROGRAM]   what is kept, up to that level, of that program
 *   level LEVEL              what is shown from now on as it is said
 *   help
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records.h"

#define QUERY_ERROR 128u /* bytes */
#define QUERY_LINE  (LOG_TEXT + RECORDS_NAME + 64u)
#define QUERY_HELP_TEXT                                                                \
    "show [LEVEL] [PROGRAM]: what is kept; level LEVEL: what is shown as it is said; " \
    "LEVEL is error, warning, notice or debug\n"

enum query_kind { QUERY_EMPTY, QUERY_SHOW, QUERY_LEVEL, QUERY_HELP, QUERY_BAD };

struct query {
    enum query_kind kind;
    uint32_t level;
    char name[RECORDS_NAME + 1]; /* "": of all programs */
    char error[QUERY_ERROR];     /* of QUERY_BAD: a line */
};

/* A level's number by its name; LOG_LEVELS: it is none. */
#define LOG_LEVELS (LOG_DEBUG + 1u)
uint32_t query_level(const char *name);
const char *query_level_name(uint32_t level);

/* What the line says; its end may be missing. */
void query_parse(struct query *q, const char *line, size_t size);

/* Is the record among those that are asked for? */
bool query_wants(const struct query *q, const struct record *head);

/*
 * A record as one line, whatever its text is; with its time, in seconds, or without. Its length.
 */
size_t query_line(char line[QUERY_LINE], const struct record *head, const char *text,
                  bool with_time);
