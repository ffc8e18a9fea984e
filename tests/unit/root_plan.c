/*
 * What the machine has, against what the configuration asks for.
 */
#include "plan.h"
#include "tap.h"

static bool has_module(const char *name)
{
    return strcmp(name, "gone") != 0;
}

static struct conf_fault fault;

static bool check(const char *source)
{
    const struct plan_machine machine = {
        .cpus = 2, .lines = 24, .memory = 8 << 20, .has_module = has_module};
    static struct conf conf;
    static char text[1024];

    snprintf(text, sizeof(text), "%s", source);
    if (!conf_read(text, strlen(text), &conf, &fault))
        return ok(false, "not read: %s", fault.text);
    return plan_check(&conf, &machine, &fault);
}

static void refused(const char *source, uint32_t line, const char *why)
{
    ok(!check(source), "refused: %s", why);
    is_u64(fault.line, line, "in line %u", line);
    is_str(fault.text, why, "and it says why");
}

int main(void)
{
    ok(check("[a]\nmemory=4M\nports=0x3f8 8\nirq=4\ncpu_share=60\n"
             "[b]\nmemory=4M\nports=0x2f8 8\nirq=3\ncpu_share=40\npci=00:1f.2\n"
             "[c]\nmemory=4K\ncpu=1\ncpu_share=100\n") == false,
       "all memory and a page more");
    is_str(fault.text, "c: expected memory of at most 0 KiB, which is left", "is too much");
    ok(check("[a]\nmemory=4M\nports=0x3f8 8\nirq=4\ncpu_share=60\n"
             "[b]\nmemory=4M\nports=0x2f8 8\nirq=3\ncpu_share=40\npci=00:1f.2\n"),
       "everything, to the last page and percent");
    refused("[a]\ncpus = 1 2\n", 1, "a: expected CPUs below 2, which the machine has");
    refused("[a]\nprogram = gone\n", 2, "there is no boot module 'gone'");
    refused("[a]\n\nfiles = a gone\n", 3, "there is no boot module 'gone'");
    refused("[a]\ncpu_share=60\n[b]\ncpu_share=41\n", 3,
            "b: with its share, 101 percent of CPU 0 are given away");
    ok(check("[a]\ncpu_share=60\n[b]\ncpu=1\ncpu_share=41\n"), "on another CPU there is room");
    refused("[a]\nports=1 8\n[b]\nports=8 1\n", 4,
            "I/O ports 0x8: expected what nobody has; a has it");
    refused("[a]\nports=8 1\nports=1 8\n", 3, "I/O ports 0x1: expected what nobody has; a has it");
    refused("[a]\nirq=4\n[b]\nirq=4\n", 4,
            "interrupt line 0x4: expected what nobody has; a has it");
    refused("[a]\nirq=24\n", 2, "irq: expected a line below 24, which the machine has");
    refused("[a]\npci=01:00.0\npci=01:00.0\n", 3,
            "PCI function 0x100: expected what nobody has; a has it");
    return done_testing();
}
