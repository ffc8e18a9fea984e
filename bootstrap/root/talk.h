/*
 * Root at the console: while a console runs, what root says goes through it, and lines typed there
 * are commands; otherwise it goes straight to COM1.
 */
#pragma once

#include "sessions.h"

/* Opens root's session, if a program offers a console. */
__attribute__((warn_unused_result)) bool talk_open(void);

/*
 * Sends what is there to be said, takes what came, carries out commands. Never waits. Called
 * whenever something has changed.
 */
void talk_pump(void);

/* Takes text to be said. False: no console is connected. What does not fit is dropped and counted.
 */
bool talk_put(const char *text, size_t size);

/* Waits, at most two seconds, until all has been said. */
void talk_finish(void);
