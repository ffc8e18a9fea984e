/*
 * What the loader says: lines on COM1 and, for a fatal error, on the VGA text screen as well.
 *
 * COM1 is written by polling with a bounded wait; where there is no UART, lines are dropped. Every
 * line begins "# [loader] ", except the last one, which is the exit line.
 */
#pragma once

#include <stdbool.h>

/* Set COM1 to 115200 baud, 8N1. Call it first. */
void console_init(void);

/* Is the screen in VGA text mode, so that errors go there too? True until said otherwise. */
void console_set_text_screen(bool text);

/* Print one line; the prefix and the end of line are added. Formats as format_text. */
void console_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Print "# [loader] error: " and the text, then the exit line with status 8, and halt for good.
 * The machine stays on, so that a person can read the screen.
 */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
