/* What no program may do, one small piece of code each (hostile.S). */
#pragma once

#include <stdint.h>

struct hostile {
    const char *begin; /* all registers are zero but RSP, of a stack of HOSTILE_STACK bytes */
    const char *rip;   /* where the exception is; NULL: emulators differ */
    uint64_t vectors;  /* bit n: exception n */
};

#define HOSTILE_STACK 512u

extern const struct hostile hostile_begin[], hostile_end[];

/* Raises #UD and nothing else. */
extern const char hostile_stop[];
