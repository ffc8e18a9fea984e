/*
 * Checks a VM file on the host, as the VMM will in the system.
 *
 *     vm-check FILE      status 0, and the values: a line each, LINE KEY VALUE, where LINE is that
 *                        of the file, or 0: the default. `module` is followed by its `arguments`
 *     vm-check --table   the table of all sections and keys, as the documentation has it
 *
 * Status 2, and one line `error FILE:LINE: TEXT`: the file is wrong. LINE is left out where no line
 * is to blame.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm_keys.h"

enum { STATUS_WRONG = 2 };

/* What is not built yet of that. */
static void print_later(const struct vm_key *key)
{
    if (key->type == VM_TYPE_NUMBER && key->built)
        printf("; up to %lu not built yet", key->most);
    for (uint64_t i = key->built; i && key->words && key->words[i]; i++)
        printf("; %s not built yet", key->words[i]);
}

static void print_table(void)
{
    char expected[120];

    printf("| section | key | value | default | is |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < VM_SECTIONS; i++) {
        const struct vm_section *section = &vm_sections[i];
        printf("| `[%s]` | | | | %s%s%s |\n", section->name, section->help,
               section->repeats ? "; repeatable" : "", section->built ? "" : "; not built yet");
        for (uint32_t k = 0; k < section->keys; k++) {
            const struct vm_key *key = &section->key[k];
            vm_key_expected(key, expected, sizeof(expected));
            printf("| | `%s` | %s", key->name, expected);
            print_later(key);
            printf(" | %s | %s |\n",
                   !key->fallback ? "must be said" : (key->fallback[0] ? key->fallback : "none"),
                   key->help);
        }
    }
}

static void print_value(const struct vm_config *config, const struct vm_key *key, uint32_t line)
{
    const char *place = (const char *)config + key->offset;
    uint64_t size;
    uint32_t number;

    memcpy(&size, place, sizeof(size));
    memcpy(&number, place, sizeof(number));
    switch (key->type) {
    case VM_TYPE_NAME:
    case VM_TYPE_TEXT:
        printf("%u %s %s\n", line, key->name, place);
        break;
    case VM_TYPE_SIZE:
        printf("%u %s %lu\n", line, key->name, size);
        break;
    case VM_TYPE_NUMBER:
        printf("%u %s %u\n", line, key->name, number);
        break;
    case VM_TYPE_CHOICE:
        printf("%u %s %s\n", line, key->name, key->words[number]);
        break;
    case VM_TYPE_MODULE:
        for (uint32_t i = 0; i < config->modules; i++) {
            const struct vm_module *module = &config->module[i];
            printf("%u %s %s\n%u arguments %s\n", module->line, key->name, module->path,
                   module->line, module->arguments);
        }
        break;
    }
}

static int check(const char *path, const char *text, size_t size)
{
    static struct vm_config config;
    struct vm_error error;

    if (!vm_config_parse(&config, text, size, &error)) {
        if (error.line)
            printf("error %s:%u: %s\n", path, error.line, error.text);
        else
            printf("error %s: %s\n", path, error.text);
        return STATUS_WRONG;
    }
    for (uint32_t i = 0; i < vm_sections[0].keys; i++)
        print_value(&config, &vm_sections[0].key[i], config.line[i]);
    printf("0 testdev %s\n", config.testdev ? "yes" : "no");
    return 0;
}

int main(int count, char **words)
{
    static char text[VM_FILE_MAX + 1];
    size_t size;
    FILE *file;

    if (count == 2 && strcmp(words[1], "--table") == 0) {
        print_table();
        return 0;
    }
    if (count != 2 || words[1][0] == '-') {
        fprintf(stderr, "usage: vm-check FILE | --table\n");
        return STATUS_WRONG;
    }
    file = fopen(words[1], "rb");
    if (!file) {
        printf("error %s: %s\n", words[1], strerror(errno));
        return STATUS_WRONG;
    }
    size = fread(text, 1, sizeof(text), file);
    if (ferror(file)) {
        printf("error %s: %s\n", words[1], strerror(errno));
        fclose(file);
        return STATUS_WRONG;
    }
    fclose(file);
    return check(words[1], text, size);
}
