/*
 * The service `log`: what programs have to say to whoever looks after the system, with a level and
 * a time. The last LOG_KEPT bytes can be read back; what is at or above the level that is shown
 * goes to the console.
 */
#pragma once

#define LOG_VERSION 1u

enum log_operation {
    LOG_WRITE = 1, /* word 0: enum log_level; word 1: offset of the text in the session's data;
                      word 2: bytes, at most LOG_TEXT */
    LOG_READ = 2,  /* word 0: number of a record, or 0 for the oldest; word 1: offset; word 2: room.
                      Reply: word 0: its number; word 1: level; word 2: nanoseconds since the
                      system's start; word 3: bytes of text; the name of who said it, a NUL, and
                      the text are at the offset */
};

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_NOTICE = 2, LOG_DEBUG = 3 };

enum log_status {
    LOG_DONE = 0,
    LOG_BAD_REQUEST = 1,
    LOG_NONE = 2, /* there is no such record, or not any more */
    LOG_LOST = 3, /* said too fast: it was dropped, and that is recorded */
};

#define LOG_TEXT 512u
#define LOG_KEPT 65536u
