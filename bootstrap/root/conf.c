/*
 * system.conf, line by line: sections, and keys with values. Comments are lines that begin with ';'
 * or '#'. Nothing is allocated: names are pieces of the text, which is cut where they end.
 */
#include "conf.h"

#include <stdarg.h>
#include <string.h>

#include "conf_value.h"
#include "format.h"
#include "session_protocol.h"

bool conf_wrong(struct conf_fault *fault, uint32_t line, const char *format, ...)
{
    va_list arguments;

    fault->line = line;
    va_start(arguments, format);
    format_text(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return false;
}

struct reader {
    struct conf *conf;
    struct conf_program *program; /* of the section; NULL: before the first one */
    struct conf_fault *fault;
    uint32_t line;
    uint32_t keys; /* bits: which the section has had */
};

_Static_assert(CONF_KEYS <= 32, "a bit for each");

static __attribute__((format(printf, 2, 3))) bool wrong(struct reader *r, const char *format, ...)
{
    va_list arguments;

    r->fault->line = r->line;
    va_start(arguments, format);
    format_text(r->fault->text, sizeof(r->fault->text), format, arguments);
    va_end(arguments);
    return false;
}

/* Without blanks at both ends. */
static char *trim(char *text)
{
    size_t length;

    while (*text == ' ' || *text == '\t')
        text++;
    for (length = strlen(text); length; length--)
        if (text[length - 1] != ' ' && text[length - 1] != '\t' && text[length - 1] != '\r')
            break;
    text[length] = 0;
    return text;
}

static struct conf_program *program_find(struct conf *conf, const char *name)
{
    for (uint32_t i = 0; i < conf->programs; i++)
        if (strcmp(conf->program[i].name.text, name) == 0)
            return &conf->program[i];
    return NULL;
}

static bool section_read(struct reader *r, char *text)
{
    size_t length = strlen(text);
    const struct conf_program *earlier;

    if (text[length - 1] != ']')
        return wrong(r, "'%s': expected ']' at the end", text);
    text[length - 1] = 0;
    text = trim(text + 1);
    if (!conf_is_name(text))
        return wrong(r, "section '%s': expected letters, digits, '.', '_', '-', at most 32", text);
    if ((earlier = program_find(r->conf, text)))
        return wrong(r, "section '%s' is there already, in line %u", text, earlier->line);
    if (r->conf->programs == CONF_PROGRAMS)
        return wrong(r, "section '%s': expected at most %u sections", text, CONF_PROGRAMS);
    r->program = &r->conf->program[r->conf->programs++];
    *r->program = (struct conf_program){.name = {text, r->line},
                                        .program = {text, r->line},
                                        .memory = 1u << 20,
                                        .stack = 32u << 10,
                                        .session = SESSION_BYTES,
                                        .priority = 32,
                                        .failure = CONF_FAILURE,
                                        .line = r->line};
    r->keys = 0;
    return true;
}

static bool key_read(struct reader *r, const char *name, char *value)
{
    for (uint32_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_key *key = &conf_keys[i];
        if (strcmp(key->name, name) != 0)
            continue;
        if (!key->repeats && r->keys >> i & 1)
            return wrong(r, "'%s' is there already in this section", name);
        r->keys |= 1u << i;
        const char *expected = key->take(value, r->line, r->program);
        return !expected || wrong(r, "%s: expected %s", name, expected);
    }
    return wrong(r, "'%s' is no key of a program", name);
}

static bool line_read(struct reader *r, char *text)
{
    text = trim(text);
    if (!*text || *text == ';' || *text == '#')
        return true;
    if (*text == '[')
        return section_read(r, text);

    size_t length = 0;
    while (text[length] && text[length] != '=')
        length++;
    if (!text[length])
        return wrong(r, "'%s': expected [name] or key = value", text);
    if (!r->program)
        return wrong(r, "'%s': expected a section, as [name], before it", text);
    text[length] = 0;
    return key_read(r, trim(text), trim(text + length + 1));
}

/* What follows from the rest of the section. */
static void programs_complete(struct conf *conf)
{
    for (uint32_t i = 0; i < conf->programs; i++)
        conf->program[i].cpus |= 1ull << conf->program[i].cpu;
}

bool conf_read(char *text, size_t size, struct conf *conf, struct conf_fault *fault)
{
    struct reader r = {.conf = conf, .fault = fault};

    conf->programs = 0;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        r.line++;
        while (end < size && text[end] != '\n') {
            if (!text[end])
                return wrong(&r, "a byte that is zero: expected text");
            end++;
        }
        text[end] = 0;
        if (!line_read(&r, text + at))
            return false;
        at = end + 1;
    }
    programs_complete(conf);
    if (!conf->programs) {
        r.line++;
        return wrong(&r, "expected at least one section, as [name]");
    }
    return true;
}
