/*
 * What has been said: records in a ring of bytes, of which a new one pushes out the oldest. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "log_protocol.h"

#define RECORDS_NAME 32u

struct record {
    uint64_t number; /* from 1 on */
    uint64_t time;   /* nanoseconds since the system's start */
    uint32_t level;
    uint32_t size; /* bytes of text */
    char name[RECORDS_NAME + 1];
};

struct records {
    uint64_t first, last; /* numbers of the oldest and the newest; last < first: none */
    uint64_t begin, end;  /* where they are: bytes since the start */
    char byte[LOG_KEPT];
};

/* A place between records, for who reads on and on. */
struct records_at {
    uint64_t number; /* of the next one */
    uint64_t place;  /* where it is: bytes since the start */
};

void records_open(struct records *r);

/* Adds one; number and name's end are set here. size is at most LOG_TEXT. */
uint64_t records_add(struct records *r, struct record *head, const char *text);

/* The record with that number, or 0 for the oldest. False: it is not there. text: LOG_TEXT bytes.
 */
bool records_get(const struct records *r, uint64_t number, struct record *head, char *text);

/* The next one, or the oldest if that has gone; at first the oldest, from {0} on. False: none yet.
 */
bool records_next(const struct records *r, struct records_at *at, struct record *head, char *text);
