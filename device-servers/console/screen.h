/*
 * What goes over the line, and to whom what is typed goes. Pure: bytes come in from clients and
 * from the keyboard, bytes for the line are taken out.
 *
 * Each client has room for text of its own, so who floods fills only that. Lines are taken from
 * clients in turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_CLIENTS  64u
#define SCREEN_TEXT     4096u /* bytes that wait, of each client */
#define SCREEN_TYPED    256u  /* bytes that nobody has read yet, of each client */
#define SCREEN_OUT      1024u /* bytes that are ready for the line */
#define SCREEN_NAME_MAX 32u

struct screen_client {
    const char *name;       /* whose text this is */
    bool here;              /* or it has gone, and only its text is there */
    bool speaks_for_others; /* its lines have all that they begin with already */
    bool raw;
    bool whole;          /* what is held of an unfinished line is to be written as it is */
    uint32_t put, taken; /* bytes of text, since the start */
    uint32_t out_end;    /* where the last of what was taken ends: bytes for the line */
    uint32_t typed;      /* bytes of input; in lines, up to `ready` of whole ones */
    uint32_t ready;
    char text[SCREEN_TEXT];
    char input[SCREEN_TYPED];
};

struct screen {
    uint32_t focus;  /* client that has the keyboard */
    uint32_t next;   /* whose line comes next */
    uint32_t column; /* of the line, as it is now */
    bool escaped;    /* the escape key was pressed */
    uint32_t out_put, out_taken;
    uint32_t on_line; /* so many of those taken have left the port */
    char out[SCREEN_OUT];
    struct screen_client client[SCREEN_CLIENTS];
};

/*
 * A client comes, with no input of an earlier one; or goes. What it has written is still printed: a
 * program's last words are what somebody looks for. Client 0 speaks for others.
 */
void screen_come(struct screen *s, uint32_t client, const char *name);
void screen_go(struct screen *s, uint32_t client);

/* It has the keyboard, until somebody at it chooses another one. */
void screen_focus(struct screen *s, uint32_t client);

void screen_set_raw(struct screen *s, uint32_t client, bool raw);

/* Text of a client: how many bytes are taken, which is all or what there is room for. */
uint32_t screen_write(struct screen *s, uint32_t client, const char *text, uint32_t size);

/* Text that does not end in a whole line is not held back any more. */
void screen_release(struct screen *s);

/* Nor is this client's. */
void screen_end(struct screen *s, uint32_t client);

/* All that was taken for the line has left the port. */
void screen_sent(struct screen *s);

/* Has all that the client wrote left the port? */
bool screen_is_printed(const struct screen *s, uint32_t client);

/* Is there anything that has not been taken for the line, of any client or of this one? */
bool screen_has_text(const struct screen *s);
bool screen_holds(const struct screen *s); /* only unfinished lines, that screen_release frees */

/* A byte that was typed. */
void screen_type(struct screen *s, char c);

/* Input for a client: a line with its end, or in raw mode all that there is. 0: none yet. */
uint32_t screen_read(struct screen *s, uint32_t client, char *text, uint32_t room);

/* The next byte for the line. False: none. */
bool screen_take(struct screen *s, char *c);
