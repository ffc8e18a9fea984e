/*
 * What a program can ask root for, by calling the portal PROCESS_ROOT + its CPU. Word 0 is the
 * operation with ROOT_VERSION above it; the reply's word 0 is an enum root_status. Root knows who
 * calls by the portal's id. It never waits for another program while it answers.
 */
#pragma once

#include <stdint.h>

#define ROOT_VERSION (1ull << 32)

enum root_operation {
    /*
     * The program has ended; word 1: its exit status, 0 to 255. The reply comes at once, and soon
     * after the program is destroyed: it does nothing any more but wait.
     */
    ROOT_EXIT = 1,

    /*
     * Words 2 and following: text, of word 1 bytes, at most ROOT_TEXT. It is printed as a line, or
     * as lines, that begin with the program's name. For what has to be said when no console is
     * there: a program's last words. What is said too fast is dropped, and how much is told.
     */
    ROOT_PRINT = 2,

    /* The program is alive (environment.heartbeat). */
    ROOT_ALIVE = 3,

    /*
     * The first item is an EC of the program with the rights STATE and CONTROL: if it stops, root
     * tells it, with its registers. Reply: word 1 is the place under which root knows it.
     * ROOT_FULL: there are ROOT_THREADS.
     */
    ROOT_THREAD = 4,
    ROOT_THREAD_END = 5, /* word 1: that place */
};

#define ROOT_TEXT    1024u /* bytes */
#define ROOT_THREADS 32u   /* of a program, besides its main thread */

enum root_status {
    ROOT_DONE = 0,
    ROOT_UNKNOWN = 1,     /* no such operation or version */
    ROOT_BAD_REQUEST = 2, /* a word is out of range, or an item is missing or of the wrong kind */
    ROOT_FULL = 3,
};
