/* The program's own environment (ipc/protocol/process.h), which root wrote and nobody changes. */
#pragma once

#include "process.h"
#include "root_calls.h"
#include "system.h"

#define ENVIRONMENT ((const struct environment *)PROCESS_ENVIRONMENT)

static inline const char *environment_string(uint32_t offset)
{
    return (const char *)ENVIRONMENT + offset;
}

/* First entry of one of its tables. */
static inline const void *environment_entries(const struct environment_table *table)
{
    return (const char *)ENVIRONMENT + table->offset;
}

/*
 * Asks root something, on the CPU of the caller, whose message it is: enum root_status. Words
 * behind the operation are in the message already, from the second one on.
 */
static inline enum root_status root_ask(uint32_t cpu, struct message *m,
                                        enum root_operation operation)
{
    m->word[0] = ROOT_VERSION | (uint64_t)operation;
    m->length = m->length ? m->length : 1;
    if (portal_call(PROCESS_ROOT + cpu, m, 0) != STATUS_SUCCESS)
        return ROOT_UNKNOWN;
    return (enum root_status)m->word[0];
}
