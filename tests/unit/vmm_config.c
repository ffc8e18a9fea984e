/*
 * VM files: what each key gives, and every message with its line.
 */
#include <stdlib.h>

#include "tap.h"
#include "text.h"
#include "vm_keys.h"

static struct vm_config config;
static struct vm_error error;

/* From memory that ends where the text does. */
static bool parse_bytes(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    bool parsed;

    memcpy(copy, text, size);
    parsed = vm_config_parse(&config, copy, size, &error);
    free(copy);
    return parsed;
}

static bool parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void refused(const char *text, uint32_t line, const char *why)
{
    ok(!parse(text), "refused: %s", why);
    is_u64(error.line, line, "in line %u", line);
    is_str(error.text, why, "and it says why");
}

#define LEAST "[vm]\nname = a\nkernel = k\n"

static void test_defaults(void)
{
    ok(parse(LEAST), "a name and a kernel are enough");
    is_str(config.name, "a", "name");
    is_str(config.kernel, "k", "kernel");
    is_u64(config.memory, 256ull << 20, "memory");
    is_u64(config.vcpus, 1, "VCPUs");
    is_u64(config.boot, VM_BOOT_LINUX, "boot");
    is_str(config.initrd, "", "no initrd");
    is_str(config.cmdline, "", "no command line");
    is_u64(config.modules, 0, "no modules");
    is_u64(config.priority, 16, "priority");
    is_u64(config.cpu_share, 0, "no limit to its share");
    is_u64(config.on_reset, VM_RESTART, "a reset restarts it");
    is_u64(config.on_crash, VM_STOP, "a crash stops it");
    ok(!config.testdev, "no test device");
    is_u64(config.line[VM_KEY_KERNEL], 3, "the line of what was said");
    is_u64(config.line[VM_KEY_MEMORY], 0, "and of what was not");
}

static void test_values(void)
{
    ok(parse("; one\r\n  # two = [three\r\n\r\n\t[ vm ]\r\n name=A.b_c-9\r\nmemory = 2G\r\n"
             "vcpus = 1\r\nboot = pvh\r\nkernel = some file; not a comment\r\n"
             "initrd = i\r\ncmdline = a=b  c \r\n"
             "module = m1\r\nmodule = \"m 2\"   x  y\r\npriority=49\r\ncpu_share = 100\r\n"
             "on_reset = stop\r\non_crash = restart\r\n[testdev]"),
       "all keys, lines that end with CR LF, and the last one without");
    is_str(config.name, "A.b_c-9", "name");
    is_u64(config.memory, 2ull << 30, "memory");
    is_u64(config.boot, VM_BOOT_PVH, "boot");
    is_str(config.kernel, "some file; not a comment", "a path with blanks");
    is_str(config.initrd, "i", "initrd");
    is_str(config.cmdline, "a=b  c", "a command line is as it was, but for blanks at its ends");
    is_u64(config.modules, 2, "modules");
    is_str(config.module[0].path, "m1", "the first one");
    is_str(config.module[0].arguments, "", "without arguments");
    is_u64(config.module[0].line, 12, "its line");
    is_str(config.module[1].path, "m 2", "the second one, with a blank");
    is_str(config.module[1].arguments, "x  y", "its arguments");
    is_u64(config.priority, 49, "priority");
    is_u64(config.cpu_share, 100, "share");
    is_u64(config.on_reset, VM_STOP, "a reset stops it");
    is_u64(config.on_crash, VM_RESTART, "a crash restarts it");
    ok(config.testdev, "a test device");
    ok(parse("[testdev]\n" LEAST "boot = multiboot\nmodule=m"), "multiboot; sections in any order");
    is_u64(config.boot, VM_BOOT_MULTIBOOT, "boot");
    ok(parse(LEAST "memory = 2048K"), "memory in K");
    is_u64(config.memory, 2 << 20, "the least there can be");
    ok(parse(LEAST "memory = 4194304"), "memory in bytes");
    is_u64(config.memory, 4 << 20, "as it was said");
    ok(parse(LEAST "memory = 64G"), "the most there can be");
}

static void test_lines_refused(void)
{
    refused("", 0, "expected a section [vm]");
    refused("[testdev]\n", 0, "expected a section [vm]");
    refused("\nname = a\n", 2, "'name = a': expected [vm] before it");
    refused("[vm]\nname\n", 2, "'name': expected [section] or key = value");
    refused("[vm\n", 1, "'[vm': expected ']' at the end");
    refused("[\n", 1, "'[': expected ']' at the end");
    refused("[]\n", 1, "[] is no section of a VM file, expected [vm] or [testdev]");
    refused("[machine]\n", 1, "[machine] is no section of a VM file, expected [vm] or [testdev]");
    refused(LEAST "\n[vm]\n", 5, "[vm] is there already, in line 1");
    refused(LEAST "[testdev]\n[testdev]\n", 5, "[testdev] is there already, in line 4");
    refused("[vm]\nnmae = a\n", 2, "'nmae' is no key of [vm]");
    refused("[vm]\n= a\n", 2, "'' is no key of [vm]");
    refused(LEAST "[testdev]\nname = b\n", 5, "'name' is no key of [testdev]");
    refused(LEAST "name = b\n", 4, "name is there already, in line 2");
    refused("[vm]\nkernel = k\n", 1, "[vm] has no name, expected name = ...");
    refused("\n[vm]\nname = k\n", 2, "[vm] has no kernel, expected kernel = ...");
    refused("[a-name-that-is-longer-than-what-a-message-shows]", 1,
            "[a-name-that-is-longer-than-what-a-messag...] is no section of a VM file, "
            "expected [vm] or [testdev]");
    refused("\x1b[vm]\x7f", 1, "'?[vm]?': expected [section] or key = value");
    ok(!parse_bytes("[vm]\nname = a\0b\n", 16), "a zero byte");
    is_u64(error.line, 2, "in line 2");
    is_str(error.text, "'name = a?b': a byte that is zero, expected text", "is none of a text");
}

#define NAMES "letters, digits, '.', '_', '-', at most 20"
#define SIZES "2M to 64G, a multiple of 2M"

static void test_values_refused(void)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"memory = 1M", "memory: '1M': expected " SIZES},
        {"memory = 3M", "memory: '3M': expected " SIZES},
        {"memory = 65G", "memory: '65G': expected " SIZES},
        {"memory = 256MB", "memory: '256MB': expected " SIZES},
        {"memory = M", "memory: 'M': expected " SIZES},
        {"memory =", "memory: '': expected " SIZES},
        {"memory = -2M", "memory: '-2M': expected " SIZES},
        {"memory = 0x200000", "memory: '0x200000': expected " SIZES},
        {"memory = 18446744073709551616", "memory: '18446744073709551616': expected " SIZES},
        {"memory = 17592186044416M", "memory: '17592186044416M': expected " SIZES},
        {"vcpus = 0", "vcpus: '0': expected 1"},
        {"vcpus = 9", "vcpus: '9': expected 1"},
        {"vcpus = 2", "vcpus: '2' is not built yet, expected 1"},
        {"vcpus = 8", "vcpus: '8' is not built yet, expected 1"},
        {"boot = grub", "boot: 'grub': expected linux, pvh or multiboot"},
        {"boot = linux ; pvh", "boot: 'linux ; pvh': expected linux, pvh or multiboot"},
        {"boot = firmware", "boot: 'firmware' is not built yet, expected linux, pvh or multiboot"},
        {"module =", "module: '': expected FILE [ARGUMENTS], at most 13 times"},
        {"module = \"a", "module: '\"a': expected FILE [ARGUMENTS], at most 13 times"},
        {"module = \"a\"b", "module: '\"a\"b': expected FILE [ARGUMENTS], at most 13 times"},
        {"module = \"\" b", "module: '\"\" b': expected FILE [ARGUMENTS], at most 13 times"},
        {"priority = 0", "priority: '0': expected 1 to 49"},
        {"priority = 50", "priority: '50': expected 1 to 49"},
        {"priority = high", "priority: 'high': expected 1 to 49"},
        {"cpu_share = 101", "cpu_share: '101': expected 0 to 100"},
        {"cpu_share = 4294967297", "cpu_share: '4294967297': expected 0 to 100"},
        {"on_reset = halt", "on_reset: 'halt': expected restart or stop"},
        {"on_crash = ", "on_crash: '': expected restart or stop"},
        {"[disk]", "[disk]: a disk is not built yet, expected no such section"},
        {"[net]", "[net]: a network card is not built yet, expected no such section"},
        {"module = m", "module: boot = linux takes none, expected initrd or another boot"},
        {"\rboot = multiboot", NULL},
    };
    char text[200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", LEAST, cases[i].line);
        if (cases[i].why)
            refused(text, 4, cases[i].why);
        else
            ok(parse(text), "accepted: %s", cases[i].line);
    }
    refused("[vm]\nname = a b\n", 2, "name: 'a b': expected " NAMES);
    refused("[vm]\nname =\n", 2, "name: '': expected " NAMES);
    refused("[vm]\nname = a23456789012345678901\n", 2,
            "name: 'a23456789012345678901': expected " NAMES);
    refused("[vm]\nkernel =\n", 2, "kernel: '': expected text, 1 to 1023 bytes");
    refused(LEAST "initrd = i\nboot = multiboot\n", 4,
            "initrd: boot = multiboot takes none, expected module");
}

/* As long, and as many, as there can be; and one more. */
static void test_limits(void)
{
    static char text[VM_FILE_MAX + 1];
    size_t length;

    for (unsigned more = 0; more < 2; more++) {
        strcpy(text, "[vm]\nname = a\nkernel = ");
        length = strlen(text);
        memset(text + length, 'k', VM_PATH - 1 + more);
        text[length + VM_PATH - 1 + more] = 0;
        is_u64(parse(text), !more, "a path of %u bytes", VM_PATH - 1 + more);
        strcpy(text, LEAST "cmdline = ");
        length = strlen(text);
        memset(text + length, 'c', VM_CMDLINE - 1 + more);
        text[length + VM_CMDLINE - 1 + more] = 0;
        is_u64(parse(text), !more, "a command line of %u bytes", VM_CMDLINE - 1 + more);
        strcpy(text, LEAST "boot = pvh\nmodule = m ");
        length = strlen(text);
        memset(text + length, 'c', VM_PATH - 1 + more);
        text[length + VM_PATH - 1 + more] = 0;
        is_u64(parse(text), !more, "arguments of %u bytes", VM_PATH - 1 + more);
        strcpy(text, LEAST "boot = pvh\n");
        for (unsigned i = 0; i < VM_MODULES + more; i++)
            memcpy(text + strlen(text), "module = m\n", sizeof("module = m\n"));
        is_u64(parse(text), !more, "%u modules", VM_MODULES + more);
        memset(text, '\n', sizeof(text));
        memcpy(text, LEAST, strlen(LEAST));
        is_u64(parse_bytes(text, VM_FILE_MAX + more), !more, "%u bytes", VM_FILE_MAX + more);
    }
    is_str(error.text, "65537 bytes, expected at most 65536", "too long a file is told");
    is_u64(error.line, 0, "of the whole file");
}

/* The table is well formed: what it says is what the parser takes. */
static void test_table(void)
{
    char text[120];

    for (uint32_t i = 0; i < VM_SECTIONS; i++)
        for (uint32_t k = 0; k < vm_sections[i].keys; k++) {
            const struct vm_key *key = &vm_sections[i].key[k];
            vm_key_expected(key, text, sizeof(text));
            ok(strlen(text) && strlen(text) < sizeof(text) - 1 && strlen(key->help),
               "[%s] %s says what it takes", vm_sections[i].name, key->name);
        }
    is_u64(vm_sections[0].keys, VM_KEY_COUNT, "[vm] has all keys");
    is_str(vm_sections[0].key[VM_KEY_MODULE].name, "module", "by their numbers");
    is_str(vm_sections[0].key[VM_KEY_ON_CRASH].name, "on_crash", "to the last one");
}

static void test_text(void)
{
    char text[8];

    is_u64(text_format(text, sizeof(text), "%s-%lu", "a", 0ul), 3, "as many characters");
    is_str(text, "a-0", "a string and a number");
    text_format(text, sizeof(text), "%lx%%%s", 0xbeeful, "\n");
    is_str(text, "beef%%?", "what it does not know is as it stands");
    text_format(text, sizeof(text), "%lu", ~0ul);
    is_str(text, "1844674", "what does not fit is left out");
    is_u64(text_format(text, 1, "x"), 0, "and that can be all");
}

int main(void)
{
    test_defaults();
    test_values();
    test_lines_refused();
    test_values_refused();
    test_limits();
    test_table();
    test_text();
    return done_testing();
}
