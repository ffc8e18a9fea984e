/*
 * What root says: whole lines on COM1 that begin with `# [name] `, until a console takes the port
 * over.
 */
#pragma once

#include <stddef.h>

#define LINE_BYTES 240u /* what is longer is cut */

/* A line of root's own. Formats as format.h has them. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines of a program's: text[size], of which each byte that is not printable ASCII becomes '?'. */
void say_for(const char *name, const char *text, size_t size);

/* Text as it is, to COM1 itself. */
void say_raw(const char *text, size_t size);

/* Ends the run: the machine powers off with an exit status (contracts of `build/cairn run`). */
_Noreturn void end_run(unsigned status);
