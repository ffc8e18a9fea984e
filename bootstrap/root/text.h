/*
 * Text of a program on its way to the console: a ring of records, which handlers on several CPUs
 * append to and the main thread empties. A record says of which instance of the program it is, and
 * how much was dropped before it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TEXT_BYTES   4096u
#define TEXT_RECORD  12u /* bytes of a record's head */
#define TEXT_RECORDS (TEXT_BYTES / TEXT_RECORD)

struct text_ring {
    uint32_t writing;        /* 1: a handler appends. Atomic */
    uint32_t written, taken; /* bytes since its start. Atomic, each with one writer at a time */
    uint64_t dropped;        /* instance << 32 | bytes since its last record. Atomic */
    uint8_t byte[TEXT_BYTES];
};

/*
 * Appends text, all or nothing, and does not wait: who finds another one at it, who may have lost
 * its time, drops its text. *news: the main thread does not know yet that there is something, and
 * has to be told. False: there is no room, or somebody else appends just now.
 */
__attribute__((warn_unused_result)) bool text_put(struct text_ring *ring, uint32_t instance,
                                                  const char *text, uint32_t size, bool *news);

/*
 * Main thread: the next record of that instance, into text of size bytes, which it fits; those of
 * earlier ones are skipped. Returns its bytes; 0: there is none. *dropped: bytes dropped before it.
 */
uint32_t text_take(struct text_ring *ring, uint32_t instance, char *text, uint32_t size,
                   uint32_t *dropped);
