/*
 * The boot modules. A module says what it should be in its own arguments: size=N is the size of
 * its content, so that the unpacked size can be checked whatever the module is.
 */
#include "print.h"
#include "suites.h"
#include "tap.h"

static bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void check_module(const struct machine *m, const struct boot_module *module)
{
    const char *name = boot_view_string(&m->view, module->name);
    const char *arguments = boot_view_string(&m->view, module->arguments);
    struct word word;
    uint64_t size;

    tap_ok(name && arguments, "strings lie inside the area");
    if (!name || !arguments) {
        return;
    }
    tap_ok(option_find(arguments, "name", &word) && word_equal(word, name),
           "name is the one in the arguments");
    tap_ok(!text_equal(name, "kernel") && !text_equal(name, "first"),
           "the running programs' files are not in the table");
    tap_equal(module->base % 4096, 0, "content is page aligned");
    tap_comment();
    print_untrusted(name, 64);
    print(": %lu bytes at %#lx\n", module->size, module->base);
    if (option_number(arguments, "size", &size)) {
        tap_equal(module->size, size, "content has the size that its arguments say");
    }
}

void suite_modules(const struct machine *m)
{
    const struct boot_module *a, *b;
    bool distinct = true;

    for (uint32_t i = 0; (a = machine_module(m, i)); i++) {
        check_module(m, a);
        for (uint32_t k = 0; k < i && (b = machine_module(m, k)); k++) {
            const char *x = boot_view_string(&m->view, a->name);
            const char *y = boot_view_string(&m->view, b->name);

            distinct = distinct && x && y && !text_equal(x, y);
        }
    }
    tap_ok(distinct, "names are distinct");
}
