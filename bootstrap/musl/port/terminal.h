/*
 * The console as the program's terminal, if it uses the service `console` and has not opened the
 * session itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PORT_TERMINAL_TEXT 1024u

/* Is there one? Before it is asked first, the program can open the session itself. */
bool port_terminal_is_there(void);

/*
 * Prints text, of at most PORT_TERMINAL_TEXT bytes, and waits until it is on the line: then no
 * restart of the console can lose it, or print it again. False: there is no terminal, or it has not
 * said so in time; nothing is known about the text. PORT_LOCK_OUTPUT is held.
 */
bool port_terminal_print(const char *text, size_t size);

/*
 * Waits for a line, however long nobody types one, and gives as much of it as there is room for.
 * With `wait` false only what has been typed already. -EINTR; -EIO: there is no console any more.
 * The lock is not held.
 */
long port_terminal_read(char *to, size_t size, bool wait);
