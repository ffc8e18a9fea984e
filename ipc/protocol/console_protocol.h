/*
 * The service `console`: one line (a 16550 and who sits at it) for several clients.
 *
 * What a client writes is printed in whole lines, each with `# [name] ` in front; a line that has
 * not ended is held back until it does, is longer than CONSOLE_LINE, or a quarter of a second has
 * passed. One client at a time has the keyboard; the escape key, Ctrl-], and a key after it, choose
 * which:
 * `?` says what there is, a digit or n takes the next one, r goes back to root. A client with the
 * keyboard in raw mode writes without prefix, byte by byte, and the others' lines wait until it has
 * ended its own.
 *
 * What a client has written is printed even if it goes. What was not printed yet is gone when the
 * console is started again: a client that must not lose anything uses CONSOLE_PRINT, and repeats
 * one that has no reply.
 *
 * Texts are in the session's memory for data; the offsets below are from its start. A request is
 * answered when the text has been copied, so that the client can use the memory again; and replies
 * to reads and writes come in any order. Status 0 is success.
 */
#pragma once

#define CONSOLE_SERVICE "console"
#define CONSOLE_VERSION 1u

enum console_operation {
    CONSOLE_WRITE = 1, /* word 0: offset; word 1: bytes. Reply: word 0: how many were taken */
    CONSOLE_READ = 2,  /* word 0: offset; word 1: room. Reply, when there is a line, or in raw mode
                          a byte: word 0: bytes. One at a time */
    CONSOLE_MODE = 3,  /* word 0: enum console_mode */
    CONSOLE_FLUSH = 4, /* Reply: when all that clients have written is on the line */
    CONSOLE_PRINT = 5, /* as CONSOLE_WRITE, but it waits for room, a line without an end is not held
                          back, and the reply comes when all of it is on the line; until then the
                          memory is not changed. One at a time */
};

enum console_mode {
    CONSOLE_LINES = 0, /* input by lines, echoed, with backspace; Ctrl-C discards a line */
    CONSOLE_RAW = 1,   /* input as it comes, not echoed */
};

enum console_status {
    CONSOLE_DONE = 0,
    CONSOLE_BAD_REQUEST = 1, /* operation, offset, length or mode */
    CONSOLE_BUSY = 2,        /* a second read or print */
    CONSOLE_FULL = 3,        /* too much is held back for this client: later */
};

#define CONSOLE_LINE 240u /* characters */
