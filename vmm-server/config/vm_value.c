/* Values of keys, by their types. */
#include "vm_value.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct slice slice_trim(struct slice s)
{
    while (s.size && is_blank(s.text[0])) {
        s.text++;
        s.size--;
    }
    while (s.size && is_blank(s.text[s.size - 1]))
        s.size--;
    return s;
}

bool slice_is(struct slice s, const char *string)
{
    return s.size == strlen(string) && memcmp(s.text, string, s.size) == 0;
}

/* As a string; false: it has no place there. */
static bool copy(char *to, uint64_t room, struct slice s)
{
    if (s.size >= room)
        return false;
    if (s.size)
        memcpy(to, s.text, s.size);
    to[s.size] = 0;
    return true;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return s.size > 0;
}

/* Decimal digits and nothing else, at most max. */
static bool number_read(struct slice s, uint64_t max, uint64_t *number)
{
    uint64_t result = 0;

    for (size_t i = 0; i < s.size; i++) {
        uint64_t digit = (uint64_t)s.text[i] - '0';
        if (digit > 9 || digit > max || result > (max - digit) / 10)
            return false;
        result = result * 10 + digit;
    }
    *number = result;
    return s.size > 0;
}

static enum vm_value number_take(void *place, const struct vm_key *key, struct slice s)
{
    uint64_t number;
    uint32_t value;

    if (!number_read(s, UINT32_MAX, &number) || number < key->least || number > key->most)
        return VM_VALUE_WRONG;
    if (key->built && number > key->built)
        return VM_VALUE_LATER;
    value = (uint32_t)number;
    memcpy(place, &value, sizeof(value));
    return VM_VALUE_TAKEN;
}

static enum vm_value size_take(void *place, const struct vm_key *key, struct slice s)
{
    static const char units[] = {'K', 'M', 'G'};
    unsigned shift = 0;
    uint64_t number;

    for (unsigned i = 0; i < sizeof(units) && s.size; i++)
        if (s.text[s.size - 1] == units[i])
            shift = 10 * (i + 1);
    if (shift)
        s.size--;
    if (!number_read(s, key->most >> shift, &number))
        return VM_VALUE_WRONG;
    number <<= shift;
    if (number < key->least || number % VM_MEMORY_UNIT)
        return VM_VALUE_WRONG;
    memcpy(place, &number, sizeof(number));
    return VM_VALUE_TAKEN;
}

static enum vm_value choice_take(void *place, const struct vm_key *key, struct slice s)
{
    for (uint32_t i = 0; key->words[i]; i++) {
        if (!slice_is(s, key->words[i]))
            continue;
        if (key->built && i >= key->built)
            return VM_VALUE_LATER;
        memcpy(place, &i, sizeof(i));
        return VM_VALUE_TAKEN;
    }
    return VM_VALUE_WRONG;
}

/* The file, which may stand in "", and what follows. */
static bool module_take(struct vm_config *config, struct slice s)
{
    struct vm_module *module = &config->module[config->modules];
    struct slice path;
    size_t quote = s.size && s.text[0] == '"' ? 1 : 0, end = quote;

    if (config->modules == VM_MODULES)
        return false;
    while (end < s.size && !(quote ? s.text[end] == '"' : is_blank(s.text[end])))
        end++;
    if (quote && end == s.size)
        return false;
    path = (struct slice){s.text + quote, end - quote};
    s = (struct slice){s.text + end + quote, s.size - end - quote};
    if (!path.size || (s.size && !is_blank(s.text[0])) ||
        !copy(module->path, sizeof(module->path), path) ||
        !copy(module->arguments, sizeof(module->arguments), slice_trim(s)))
        return false;
    config->modules++;
    return true;
}

enum vm_value vm_value_take(struct vm_config *config, const struct vm_key *key, struct slice value)
{
    char *place = (char *)config + key->offset;
    bool taken = false;

    switch (key->type) {
    case VM_TYPE_NUMBER:
        return number_take(place, key, value);
    case VM_TYPE_SIZE:
        return size_take(place, key, value);
    case VM_TYPE_CHOICE:
        return choice_take(place, key, value);
    case VM_TYPE_NAME:
        taken = is_name(value) && copy(place, key->most, value);
        break;
    case VM_TYPE_TEXT:
        taken = value.size >= key->least && copy(place, key->most, value);
        break;
    case VM_TYPE_MODULE:
        taken = module_take(config, value);
        break;
    }
    return taken ? VM_VALUE_TAKEN : VM_VALUE_WRONG;
}
