/* Starting and stopping programs. */
#pragma once

#include "root.h"

/* Why a program cannot be started. */
struct program_fault {
    const char *what; /* "segment", "memory", "domain", ... */
    enum status status;
    char text[80]; /* more words, or "" */
};

/*
 * Memory for all programs, for the whole run, the largest first. False: *fault says whose is not
 * there in one piece.
 */
__attribute__((warn_unused_result)) bool programs_take_memory(struct conf_fault *fault);

/* Builds the program's domain and lets its main thread run. False: *fault says why; nothing is
 * left. */
__attribute__((warn_unused_result)) bool program_start(struct program *p,
                                                       struct program_fault *fault);

/* Ends all that it has, whatever it is doing. Its memory stays its own, for the next start. */
void program_stop(struct program *p);
