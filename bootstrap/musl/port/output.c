/*
 * Standard output and error, line by line: to the console, if it is the program's terminal, and to
 * root otherwise, or when the console is away too long. A line that is not complete waits for its
 * end, for the program's, until the program reads its input, or until it is too long to be held.
 */
#include <string.h>

#include "port.h"
#include "root_calls.h"
#include "terminal.h"

#define STREAMS    2u
#define LINE_BYTES 768u /* at most ROOT_TEXT: every program has two of these */

static struct stream {
    size_t size;
    char text[LINE_BYTES];
} streams[STREAMS];

/* Sends the first `size` characters and keeps the others. The lock is held. */
static void send(struct stream *s, size_t size)
{
    size_t shown = size && s->text[size - 1] == '\n' ? size - 1 : size;
    const char *text = shown ? s->text : " "; /* an empty line */
    const struct port_request request = {
        .operation = ROOT_PRINT, .word = shown ? shown : 1, .text = text};

    if (!size)
        return;
    if (!port_terminal_print(s->text, size))
        (void)port_root_call(&request, NULL); /* what root drops it tells itself */
    memmove(s->text, s->text + size, s->size - size);
    s->size -= size;
}

/* How many characters are whole lines. */
static size_t lines_of(const struct stream *s)
{
    size_t size = s->size;

    while (size && s->text[size - 1] != '\n')
        size--;
    return size;
}

long port_output_write(unsigned stream, const char *text, size_t size)
{
    struct stream *s = &streams[stream];
    size_t done = 0;

    port_lock(PORT_LOCK_OUTPUT);
    while (done < size) {
        size_t room = sizeof(s->text) - s->size, part = size - done < room ? size - done : room;

        memcpy(s->text + s->size, text + done, part);
        s->size += part;
        done += part;
        if (s->size == sizeof(s->text)) {
            size_t lines = lines_of(s);
            send(s, lines ? lines : s->size);
        }
    }
    send(s, lines_of(s));
    port_unlock(PORT_LOCK_OUTPUT);
    return (long)size;
}

void port_output_flush(void)
{
    port_lock(PORT_LOCK_OUTPUT);
    for (unsigned i = 0; i < STREAMS; i++)
        send(&streams[i], streams[i].size);
    port_unlock(PORT_LOCK_OUTPUT);
}
