/*
 * Reads a VM file: lines, sections, keys. Which there are and what they take, vm_keys.c says. The
 * text is only read, and nothing is allocated: values are copied.
 */
#include "vm_config.h"

#include <string.h>

#include "text.h"
#include "vm_keys.h"
#include "vm_value.h"

struct reader {
    struct vm_config *config;
    struct vm_error *error;
    const struct vm_section *section; /* NULL: before the first one */
    uint32_t line;
    uint32_t sections[VM_SECTIONS]; /* line of its head; 0: it was not there */
};

#define SHOWN 40u /* of what the file says, in a message */

/* A piece of the file as a string that a message can have. */
struct shown {
    char text[SHOWN + 4];
};

static struct shown show(struct slice s)
{
    struct shown shown;
    size_t length = s.size < SHOWN ? s.size : SHOWN;

    for (size_t i = 0; i < length; i++)
        shown.text[i] = s.text[i] ? s.text[i] : '?';
    memcpy(shown.text + length, s.size > SHOWN ? "..." : "", s.size > SHOWN ? 4 : 1);
    return shown;
}

#define wrong(r, at, ...)     \
    ((r)->error->line = (at), \
     (void)text_format((r)->error->text, sizeof((r)->error->text), __VA_ARGS__), false)

static bool section_begin(struct reader *r, struct slice s)
{
    if (s.text[s.size - 1] != ']')
        return wrong(r, r->line, "'%s': expected ']' at the end", show(s).text);
    s = slice_trim((struct slice){s.text + 1, s.size - 2});
    for (uint32_t i = 0; i < VM_SECTIONS; i++) {
        const struct vm_section *section = &vm_sections[i];
        if (!slice_is(s, section->name))
            continue;
        if (!section->built)
            return wrong(r, r->line, "[%s]: %s is not built yet, expected no such section",
                         section->name, section->help);
        if (r->sections[i] && !section->repeats)
            return wrong(r, r->line, "[%s] is there already, in line %lu", section->name,
                         (unsigned long)r->sections[i]);
        r->sections[i] = r->line;
        r->section = section;
        if (!section->keys)
            r->config->testdev = true;
        return true;
    }
    return wrong(r, r->line, "[%s] is no section of a VM file, expected [vm] or [testdev]",
                 show(s).text);
}

/* One value, of the file or, with line 0, of the table. */
static bool value_take(struct reader *r, const struct vm_key *key, struct slice value)
{
    char expected[120];

    switch (vm_value_take(r->config, key, value)) {
    case VM_VALUE_TAKEN:
        return true;
    case VM_VALUE_LATER:
        vm_key_expected(key, expected, sizeof(expected));
        return wrong(r, r->line, "%s: '%s' is not built yet, expected %s", key->name,
                     show(value).text, expected);
    case VM_VALUE_WRONG:
        break;
    }
    vm_key_expected(key, expected, sizeof(expected));
    return wrong(r, r->line, "%s: '%s': expected %s", key->name, show(value).text, expected);
}

static bool key_take(struct reader *r, struct slice name, struct slice value)
{
    for (uint32_t i = 0; i < r->section->keys; i++) {
        const struct vm_key *key = &r->section->key[i];
        if (!slice_is(name, key->name))
            continue;
        if (r->config->line[i] && key->type != VM_TYPE_MODULE)
            return wrong(r, r->line, "%s is there already, in line %lu", key->name,
                         (unsigned long)r->config->line[i]);
        r->config->line[i] = r->line;
        if (!value_take(r, key, value))
            return false;
        if (key->type == VM_TYPE_MODULE)
            r->config->module[r->config->modules - 1].line = r->line;
        return true;
    }
    return wrong(r, r->line, "'%s' is no key of [%s]", show(name).text, r->section->name);
}

static bool line_take(struct reader *r, struct slice s)
{
    size_t equals = 0;

    s = slice_trim(s);
    if (!s.size || s.text[0] == ';' || s.text[0] == '#')
        return true;
    if (memchr(s.text, 0, s.size))
        return wrong(r, r->line, "'%s': a byte that is zero, expected text", show(s).text);
    if (s.text[0] == '[')
        return section_begin(r, s);
    while (equals < s.size && s.text[equals] != '=')
        equals++;
    if (equals == s.size)
        return wrong(r, r->line, "'%s': expected [section] or key = value", show(s).text);
    if (!r->section)
        return wrong(r, r->line, "'%s': expected [vm] before it", show(s).text);
    return key_take(r, slice_trim((struct slice){s.text, equals}),
                    slice_trim((struct slice){s.text + equals + 1, s.size - equals - 1}));
}

static bool defaults_take(struct reader *r)
{
    const struct vm_section *vm = &vm_sections[0];

    for (uint32_t i = 0; i < vm->keys; i++) {
        const struct vm_key *key = &vm->key[i];
        if (!key->fallback || key->type == VM_TYPE_MODULE)
            continue;
        if (!value_take(r, key, (struct slice){key->fallback, strlen(key->fallback)}))
            return false;
    }
    return true;
}

/* What keys say together. */
static bool whole_check(struct reader *r)
{
    const struct vm_config *c = r->config;

    if (!r->sections[0])
        return wrong(r, 0, "expected a section [vm]");
    for (uint32_t i = 0; i < vm_sections[0].keys; i++)
        if (!vm_sections[0].key[i].fallback && !c->line[i])
            return wrong(r, r->sections[0], "[vm] has no %s, expected %s = ...",
                         vm_sections[0].key[i].name, vm_sections[0].key[i].name);
    if (c->boot == VM_BOOT_LINUX && c->modules)
        return wrong(r, c->module[0].line,
                     "module: boot = linux takes none, expected initrd or another boot");
    if (c->boot == VM_BOOT_MULTIBOOT && c->initrd[0])
        return wrong(r, c->line[VM_KEY_INITRD],
                     "initrd: boot = multiboot takes none, expected module");
    return true;
}

bool vm_config_parse(struct vm_config *config, const char *text, uint64_t size,
                     struct vm_error *error)
{
    struct reader r = {.config = config, .error = error};

    memset(config, 0, sizeof(*config));
    if (size > VM_FILE_MAX)
        return wrong(&r, 0, "%lu bytes, expected at most %lu", size, (unsigned long)VM_FILE_MAX);
    if (!defaults_take(&r))
        return false;
    for (uint64_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        uint64_t length = end ? (uint64_t)(end - (text + at)) : size - at;
        r.line++;
        if (!line_take(&r, (struct slice){text + at, length}))
            return false;
        at += length + 1;
    }
    return whole_check(&r);
}
