#include "screen.h"

#include <string.h>

#define KEY_ESCAPE    0x1d /* Ctrl-] */
#define KEY_INTERRUPT 0x03
#define KEY_DELETE    0x7f
#define KEY_BACKSPACE 0x08

#define LINE_MAX 240u

static bool is_there(const struct screen *s, uint32_t client)
{
    return client < SCREEN_CLIENTS && s->client[client].here;
}

static uint32_t text_length(const struct screen_client *c)
{
    return c->put - c->taken;
}

void screen_come(struct screen *s, uint32_t client, const char *name)
{
    struct screen_client *c = &s->client[client];

    c->here = true;
    c->raw = false;
    c->typed = c->ready = 0;
    c->name = name;
    c->speaks_for_others = client == 0;
}

void screen_go(struct screen *s, uint32_t client)
{
    struct screen_client *c = &s->client[client];

    if (text_length(c) && c->text[(c->put - 1) % SCREEN_TEXT] != '\n')
        (void)screen_write(s, client, "\n", 1);
    c->whole = true;
    c->here = c->raw = false;
    if (s->focus == client)
        s->focus = 0;
}

void screen_focus(struct screen *s, uint32_t client)
{
    s->focus = client;
}

void screen_set_raw(struct screen *s, uint32_t client, bool raw)
{
    s->client[client].raw = raw;
}

uint32_t screen_write(struct screen *s, uint32_t client, const char *text, uint32_t size)
{
    struct screen_client *c = &s->client[client];
    uint32_t room = SCREEN_TEXT - text_length(c);

    size = size < room ? size : room;
    for (uint32_t i = 0; i < size; i++)
        c->text[c->put++ % SCREEN_TEXT] = text[i];
    c->whole = false;
    return size;
}

void screen_release(struct screen *s)
{
    for (uint32_t i = 0; i < SCREEN_CLIENTS; i++)
        s->client[i].whole = true;
}

void screen_end(struct screen *s, uint32_t client)
{
    s->client[client].whole = true;
}

void screen_sent(struct screen *s)
{
    s->on_line = s->out_taken;
}

bool screen_is_printed(const struct screen *s, uint32_t client)
{
    const struct screen_client *c = &s->client[client];

    return !text_length(c) && (int32_t)(s->on_line - c->out_end) >= 0;
}

/* Bytes of its next line, the end included; 0: none is whole. */
static uint32_t line_length(const struct screen_client *c)
{
    uint32_t length = text_length(c);

    for (uint32_t i = 0; i < length; i++)
        if (c->text[(c->taken + i) % SCREEN_TEXT] == '\n' || i + 1 == LINE_MAX)
            return i + 1;
    return c->whole ? length : 0;
}

static uint32_t out_room(const struct screen *s)
{
    return SCREEN_OUT - (s->out_put - s->out_taken);
}

/* After a carriage return the line is not over: a client in raw mode ends it with the \n. */
static void out(struct screen *s, char c)
{
    s->out[s->out_put++ % SCREEN_OUT] = c;
    if (c != '\r')
        s->column = c == '\n' ? 0 : s->column + 1;
}

static void out_text(struct screen *s, const char *text)
{
    while (*text)
        out(s, *text++);
}

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

/* A line of a client, with whose it is; what a terminal would act on becomes '?'. */
static void line_take(struct screen *s, struct screen_client *c, uint32_t length)
{
    char last = 0;

    if (s->column)
        out(s, '\n');
    if (!c->speaks_for_others) {
        out_text(s, "# [");
        out_text(s, c->name);
        out_text(s, "] ");
    }
    for (uint32_t i = 0; i < length; i++) {
        last = c->text[c->taken++ % SCREEN_TEXT];
        if (last != '\n' && last != '\r')
            out(s, is_printable(last) || last == '\t' ? last : '?');
    }
    out(s, '\n');
    c->out_end = s->out_put;
}

static void raw_take(struct screen *s, struct screen_client *c)
{
    for (uint32_t length = text_length(c); length && out_room(s) > 2; length--)
        out(s, c->text[c->taken++ % SCREEN_TEXT]);
    c->out_end = s->out_put;
}

/* What has been typed of a line is there again below what came in between. */
static void typed_repeat(struct screen *s)
{
    const struct screen_client *c = &s->client[s->focus];

    for (uint32_t i = c->ready; is_there(s, s->focus) && !c->raw && i < c->typed; i++)
        out(s, c->input[i]);
}

#define LINE_ROOM (LINE_MAX + SCREEN_NAME_MAX + SCREEN_TYPED + 8)

/* A client in raw mode has the line for itself while it has not ended its own. */
static bool line_is_taken(const struct screen *s, const struct screen_client *c)
{
    const struct screen_client *f = &s->client[s->focus];

    return f->here && f->raw && f != c && s->column;
}

static bool out_fill(struct screen *s)
{
    for (uint32_t n = 0; n < SCREEN_CLIENTS; n++) {
        uint32_t i = (s->next + n) % SCREEN_CLIENTS;
        struct screen_client *c = &s->client[i];
        uint32_t length = c->raw && i == s->focus ? text_length(c) : line_length(c);
        if (!length || line_is_taken(s, c) || out_room(s) < LINE_ROOM)
            continue;
        s->next = i + 1;
        if (c->raw && i == s->focus) {
            raw_take(s, c);
        } else {
            line_take(s, c, length);
            typed_repeat(s);
        }
        return true;
    }
    return false;
}

bool screen_take(struct screen *s, char *c)
{
    if (s->out_put == s->out_taken && !out_fill(s))
        return false;
    *c = s->out[s->out_taken++ % SCREEN_OUT];
    return true;
}

bool screen_has_text(const struct screen *s)
{
    for (uint32_t i = 0; i < SCREEN_CLIENTS; i++)
        if (text_length(&s->client[i]))
            return true;
    return s->out_put != s->out_taken;
}

bool screen_holds(const struct screen *s)
{
    for (uint32_t i = 0; i < SCREEN_CLIENTS; i++)
        if (text_length(&s->client[i]) && !line_length(&s->client[i]))
            return true;
    return false;
}

static void echo(struct screen *s, const char *text)
{
    if (out_room(s) >= strlen(text))
        out_text(s, text);
}

static void focus_tell(struct screen *s)
{
    if (out_room(s) < 64 + SCREEN_NAME_MAX)
        return;
    if (s->column)
        out(s, '\n');
    out_text(s, "# [console] the keyboard is with ");
    out_text(s, is_there(s, s->focus) ? s->client[s->focus].name : "nobody");
    out(s, '\n');
    typed_repeat(s);
}

static void focus_next(struct screen *s)
{
    for (uint32_t n = 1; n <= SCREEN_CLIENTS; n++)
        if (is_there(s, (s->focus + n) % SCREEN_CLIENTS)) {
            s->focus = (s->focus + n) % SCREEN_CLIENTS;
            return;
        }
}

static void escape_key(struct screen *s, char c)
{
    if (c == 'n')
        focus_next(s);
    else if (c == 'r')
        s->focus = 0;
    else if (c >= '0' && c <= '9' && is_there(s, (uint32_t)(c - '0')))
        s->focus = (uint32_t)(c - '0');
    else {
        echo(s, "\n# [console] after Ctrl-]: n the next one has the keyboard, 0 to 9 that one, "
                "r root\n");
        return;
    }
    focus_tell(s);
}

static void line_key(struct screen *s, struct screen_client *c, char key)
{
    if (key == KEY_INTERRUPT) {
        c->typed = c->ready;
        echo(s, "^C\n");
    } else if (key == KEY_DELETE || key == KEY_BACKSPACE) {
        if (c->typed > c->ready) {
            c->typed--;
            echo(s, "\b \b");
        }
    } else if (key == '\r' || key == '\n') {
        if (c->typed < SCREEN_TYPED) {
            c->input[c->typed++] = '\n';
            c->ready = c->typed;
            echo(s, "\n");
        }
    } else if (is_printable(key) && c->typed + 1 < SCREEN_TYPED) {
        c->input[c->typed++] = key;
        echo(s, (const char[]){key, 0});
    }
}

void screen_type(struct screen *s, char key)
{
    struct screen_client *c = &s->client[s->focus];

    if (s->escaped) {
        s->escaped = false;
        escape_key(s, key);
    } else if (key == KEY_ESCAPE) {
        s->escaped = true;
    } else if (!is_there(s, s->focus)) {
        return;
    } else if (!c->raw) {
        line_key(s, c, key);
    } else if (c->typed < SCREEN_TYPED) {
        c->input[c->typed++] = key;
        c->ready = c->typed;
    }
}

uint32_t screen_read(struct screen *s, uint32_t client, char *text, uint32_t room)
{
    struct screen_client *c = &s->client[client];
    uint32_t size = 0;

    while (size < c->ready && size < room) {
        text[size] = c->input[size];
        if (text[size++] == '\n' && !c->raw)
            break;
    }
    memmove(c->input, c->input + size, c->typed - size);
    c->typed -= size;
    c->ready -= size;
    return size;
}
