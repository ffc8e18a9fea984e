/* Root's main loop: hears what programs say, reports what becomes of them, starts them again. */
#pragma once

#include "root.h"

/* What is typed: start a program, stop it, both. */
void supervise_start(struct program *p);
void supervise_stop(struct program *p);
void supervise_restart(struct program *p);

/* Starts all programs, then looks after them. */
_Noreturn void supervise(void);
