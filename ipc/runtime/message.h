/*
 * Messages: up to MESSAGE_WORDS words. The first four travel in registers and are kept here; the
 * others are in the UTCB of whoever sends or receives, from where the next message replaces them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "utcb.h"

#define MESSAGE_SHIFT  8 /* RAX of CALL and REPLY: number or status, and the length above it */
#define MESSAGE_STATUS 0xffu

struct message {
    uint64_t portal; /* id of the portal that was called; of received calls only */
    uint64_t length; /* words */
    uint64_t word[MESSAGE_REGISTERS];
    struct utcb *utcb; /* of the thread that uses this message */
};

/* An empty message of the thread with that UTCB. */
static inline struct message message_make(struct utcb *utcb)
{
    return (struct message){.utcb = utcb};
}

/* Word i; 0 past the message's length. */
static inline uint64_t message_get(const struct message *m, uint64_t i)
{
    if (i >= m->length || i >= MESSAGE_WORDS)
        return 0;
    return i < MESSAGE_REGISTERS ? m->word[i] : m->utcb->word[i];
}

/* Appends a word. False: the message is full. */
static inline bool message_put(struct message *m, uint64_t value)
{
    if (m->length >= MESSAGE_WORDS)
        return false;
    if (m->length < MESSAGE_REGISTERS)
        m->word[m->length] = value;
    else
        m->utcb->word[m->length] = value;
    m->length++;
    return true;
}
