/*
 * system.conf: what each key gives, and every message with its line.
 */
#include <stdlib.h>

#include "conf_value.h"
#include "session_protocol.h"
#include "tap.h"

static struct conf conf;
static struct conf_fault fault;

/* In memory that ends where the parser may write last. */
static bool parse(const char *text)
{
    static char *copy;
    size_t size = strlen(text);

    free(copy);
    copy = malloc(size + 1);
    memcpy(copy, text, size);
    return conf_read(copy, size, &conf, &fault);
}

static void refused(const char *text, uint32_t line, const char *why)
{
    ok(!parse(text), "refused: %s", why);
    is_u64(fault.line, line, "in line %u", line);
    is_str(fault.text, why, "and it says why");
}

static void test_defaults(void)
{
    const struct conf_program *p = &conf.program[0];

    ok(parse("; a comment\n\n# another\r\n[ a.b ]\n"), "a section alone");
    is_u64(conf.programs, 1, "is one program");
    is_str(p->name.text, "a.b", "with a name");
    is_str(p->program.text, "a.b", "which is the module's");
    is_u64(p->line, 4, "its line");
    is_u64(p->memory, 1 << 20, "memory");
    is_u64(p->stack, 32 << 10, "stack");
    is_u64(p->session, SESSION_BYTES, "sessions");
    is_u64(p->priority, 32, "priority");
    is_u64(p->cpus, 1, "on CPU 0");
    is_u64(p->restart, CONF_RESTART_ALWAYS, "restarted");
    is_u64(p->ends, CONF_ENDS_NO, "the run goes on without it");
    is_u64(p->failure, 8, "or would end as failed");
    is_u64(p->arguments + p->resources + p->files.count + p->uses.count + p->offers.count, 0,
           "and nothing else");
}

static void test_values(void)
{
    const struct conf_program *p = &conf.program[1];

    ok(parse("[a]\nends = no\n[b]\nends = all"), "ends of both kinds");
    is_u64(conf.program[0].ends, CONF_ENDS_NO, "no");
    is_u64(p->ends, CONF_ENDS_ALL, "all");
    ok(parse("[x]\n[full]\nprogram = elf\narguments = one  \"two words\" \"\"\nmemory=2M\n"
             "stack = 0x4000\nsession=32K\ncpu = 3\ncpus = 1 5\npriority = 100\ncpu_share = 7\n"
             "heartbeat = 250\nrestart = fault\nends = yes\nfailure = 6\nfiles = f1 f2\nuses = "
             "a\noffers = b c\n"
             "ports = 0x3f8 8\nports = 112 2\nirq = 4\npci = 00:1f.2"),
       "all keys, and no end of line at the end");
    is_str(p->program.text, "elf", "module");
    is_u64(p->arguments, 3, "arguments");
    is_str(p->argument[1], "two words", "with a blank");
    is_str(p->argument[2], "", "empty");
    is_u64(p->memory, 2 << 20, "memory");
    is_u64(p->stack, 16384, "stack");
    is_u64(p->session, 32768, "sessions");
    is_u64(p->cpu, 3, "CPU");
    is_u64(p->cpus, 1 << 1 | 1 << 3 | 1 << 5, "CPUs, that one among them");
    is_u64(p->priority, 100, "priority");
    is_u64(p->cpu_share, 7, "share");
    is_u64(p->heartbeat, 250, "heartbeat");
    is_u64(p->restart, CONF_RESTART_FAULT, "restart");
    is_u64(p->ends, CONF_ENDS_YES, "ends the run");
    is_u64(p->failure, 6, "with that status if it failed");
    is_str(p->files.name[1].text, "f2", "files");
    is_u64(p->files.name[1].line, 16, "with their line");
    is_str(p->offers.name[1].text, "c", "services");
    is_u64(p->resources, 4, "resources");
    is_u64(p->resource[0].base, 0x3f8, "ports");
    is_u64(p->resource[1].count, 2, "and others");
    is_u64(p->resource[2].base, 4, "interrupt line");
    is_u64(p->resource[3].base, 0x1f << 3 | 2, "PCI function");
}

static void test_lines(void)
{
    refused("", 1, "expected at least one section, as [name]");
    refused("\n[a\n", 2, "'[a': expected ']' at the end");
    refused("[a b]", 1, "section 'a b': expected letters, digits, '.', '_', '-', at most 32");
    refused("[]", 1, "section '': expected letters, digits, '.', '_', '-', at most 32");
    refused("[a]\n[b]\n[a]", 3, "section 'a' is there already, in line 1");
    refused("memory = 1M", 1, "'memory = 1M': expected a section, as [name], before it");
    refused("[a]\nmemory", 2, "'memory': expected [name] or key = value");
    refused("[a]\nmemry = 1M", 2, "'memry' is no key of a program");
    refused("[a]\ncpu=0\ncpu=0", 3, "'cpu' is there already in this section");
    ok(!conf_read((char[]){'[', 0, ']', 0}, 3, &conf, &fault), "a zero byte");
    is_str(fault.text, "a byte that is zero: expected text", "it says why");
}

static void test_refused(void)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"program = a/b", "program: expected the name of a boot module"},
        {"arguments = \"a", "arguments: expected a quote at the end"},
        {"memory = 1000", "memory: expected a multiple of 4K, as 256K, 1M or 2G"},
        {"memory = 1T", "memory: expected a multiple of 4K, as 256K, 1M or 2G"},
        {"memory = 0", "memory: expected a multiple of 4K, as 256K, 1M or 2G"},
        {"memory = 99999999999999999999", "memory: expected a multiple of 4K, as 256K, 1M or 2G"},
        {"memory = 17179869184G", "memory: expected a multiple of 4K, as 256K, 1M or 2G"},
        {"stack = 2M", "stack: expected a multiple of 4K, at most 1M"},
        {"session = 8K", "session: expected a multiple of 4K from 16K to 16M"},
        {"cpu = 64", "cpu: expected the number of a CPU"},
        {"cpu = 0x", "cpu: expected the number of a CPU"},
        {"cpus =", "cpus: expected numbers of CPUs"},
        {"cpus = 0 x", "cpus: expected numbers of CPUs"},
        {"priority = 0", "priority: expected a number from 1 to 100"},
        {"priority = 101", "priority: expected a number from 1 to 100"},
        {"cpu_share = 101", "cpu_share: expected a percentage from 1 to 100"},
        {"heartbeat = 60001", "heartbeat: expected milliseconds, at most 60000; 0 for none"},
        {"restart = maybe", "restart: expected always, fault or never"},
        {"ends = 1", "ends: expected yes, no or all"},
        {"failure = 0", "failure: expected a status from 1 to 255"},
        {"failure = 256", "failure: expected a status from 1 to 255"},
        {"files = a/b", "files: expected names of letters, digits, '.', '_' and '-'"},
        {"uses = a b c d e f g h i j k l m n o p q", "uses: expected at most 16 names"},
        {"ports = 0x3f8", "ports: expected first port and how many, as 0x3f8 8"},
        {"ports = 0xfff8 1", "ports: expected first port and how many, as 0x3f8 8"},
        {"ports = 0xfff0 9", "ports: expected first port and how many, as 0x3f8 8"},
        {"ports = 1 0", "ports: expected first port and how many, as 0x3f8 8"},
        {"ports = 1 1 1", "ports: expected first port and how many, as 0x3f8 8"},
        {"irq = 1024", "irq: expected the number of an interrupt line"},
        {"irq = 1 2", "irq: expected the number of an interrupt line"},
        {"pci = 0:1f.2", "pci: expected a PCI function, as 00:1f.2"},
        {"pci = 00:20.0", "pci: expected a PCI function, as 00:1f.2"},
        {"pci = 00:1f.8", "pci: expected a PCI function, as 00:1f.2"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "[a]\n%s\n", cases[i].line);
        refused(text, 2, cases[i].why);
    }
}

static void test_limits(void)
{
    static char text[65536];
    size_t used = 0;

    for (unsigned i = 0; i <= CONF_PROGRAMS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[p%u]\n", i);
    refused(text, CONF_PROGRAMS + 1, "section 'p80': expected at most 80 sections");
    used = (size_t)snprintf(text, sizeof(text), "[a]\n");
    for (unsigned i = 0; i <= CONF_RESOURCES; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "irq = %u\n", i);
    refused(text, CONF_RESOURCES + 2, "irq: expected at most 16 resources");
    used = (size_t)snprintf(text, sizeof(text), "[a]\narguments =");
    for (unsigned i = 0; i <= CONF_ARGUMENTS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " x");
    refused(text, 2, "arguments: expected at most 32 arguments");
}

int main(void)
{
    test_defaults();
    test_values();
    test_lines();
    test_refused();
    test_limits();
    return done_testing();
}
