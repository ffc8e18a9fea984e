/* The keys of a section, and how each value is read. */
#include "conf_value.h"

#include <string.h>

#include "session_protocol.h"

#define PAGE          4096u
#define PRIORITY_MAX  100u /* above are root's own threads */
#define CPUS          64u
#define STACK_MAX     (1u << 20)
#define MEMORY_MAX    (1ull << 40)
#define SESSION_MAX   (16u << 20)
#define HEARTBEAT_MAX 60000u

bool conf_is_name(const char *text)
{
    size_t length = 0;

    for (; text[length]; length++) {
        char c = text[length];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return length > 0 && length <= CONF_NAME_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word of *text, ended by NUL; NULL: there is none. */
static char *word_take(char **text)
{
    char *word = *text;

    while (is_blank(*word))
        word++;
    if (!*word)
        return NULL;
    char *end = word;
    while (*end && !is_blank(*end))
        end++;
    *text = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Decimal, or hexadecimal with 0x in front; at most max. Where it ends, or NULL. */
static const char *number_parse(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t base = text[0] == '0' && text[1] == 'x' ? 16 : 10, result = 0;
    const char *p = base == 16 ? text + 2 : text;

    if (digit_of(*p) >= (int)base)
        return NULL;
    for (; digit_of(*p) < (int)base; p++) {
        uint64_t digit = (uint64_t)digit_of(*p);
        if (result > (max - digit) / base || digit > max)
            return NULL;
        result = result * base + digit;
    }
    *value = result;
    return p;
}

static bool number_is(const char *text, uint64_t max, uint64_t *value)
{
    const char *end = text ? number_parse(text, max, value) : NULL;

    return end && !*end;
}

/* With a suffix K, M or G. */
static bool size_is(const char *text, uint64_t max, uint64_t *value)
{
    const char *end = text ? number_parse(text, max, value) : NULL;
    unsigned shift = 0;

    if (!end)
        return false;
    if (*end == 'K' || *end == 'M' || *end == 'G')
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
    if ((shift && end[1]) || (!shift && *end) || *value > max >> shift)
        return false;
    *value <<= shift;
    return true;
}

static bool nothing_follows(char **rest)
{
    return !word_take(rest);
}

static const char *program_take(char *value, uint32_t line, struct conf_program *p)
{
    p->program = (struct conf_name){value, line};
    return conf_is_name(value) ? NULL : "the name of a boot module";
}

/* Words, or text in quotes that may have blanks. */
static const char *arguments_take(char *value, uint32_t line, struct conf_program *p)
{
    (void)line;
    p->arguments = 0;
    for (char *c = value; *c;) {
        if (is_blank(*c)) {
            c++;
            continue;
        }
        bool quoted = *c == '"';
        char *start = quoted ? c + 1 : c;
        for (c = start; *c && (quoted ? *c != '"' : !is_blank(*c)); c++) {
        }
        if (p->arguments == CONF_ARGUMENTS || (quoted && !*c))
            return quoted && !*c ? "a quote at the end" : "at most 32 arguments";
        p->argument[p->arguments++] = start;
        if (*c)
            *c++ = 0;
    }
    return NULL;
}

static const char *memory_take(char *value, uint32_t line, struct conf_program *p)
{
    (void)line;
    return size_is(value, MEMORY_MAX, &p->memory) && p->memory >= PAGE && p->memory % PAGE == 0
               ? NULL
               : "a multiple of 4K, as 256K, 1M or 2G";
}

static const char *stack_take(char *value, uint32_t line, struct conf_program *p)
{
    (void)line;
    return size_is(value, STACK_MAX, &p->stack) && p->stack >= PAGE && p->stack % PAGE == 0
               ? NULL
               : "a multiple of 4K, at most 1M";
}

static const char *session_take(char *value, uint32_t line, struct conf_program *p)
{
    (void)line;
    return size_is(value, SESSION_MAX, &p->session) && p->session >= SESSION_BYTES &&
                   p->session % PAGE == 0
               ? NULL
               : "a multiple of 4K from 16K to 16M";
}

static const char *cpu_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    (void)line;
    if (!number_is(value, CPUS - 1, &number))
        return "the number of a CPU";
    p->cpu = (uint32_t)number;
    return NULL;
}

static const char *cpus_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;
    char *word;

    (void)line;
    while ((word = word_take(&value))) {
        if (!number_is(word, CPUS - 1, &number))
            return "numbers of CPUs";
        p->cpus |= 1ull << number;
    }
    return p->cpus ? NULL : "numbers of CPUs";
}

static const char *priority_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    (void)line;
    if (!number_is(value, PRIORITY_MAX, &number) || number == 0)
        return "a number from 1 to 100";
    p->priority = (uint8_t)number;
    return NULL;
}

static const char *share_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    (void)line;
    if (!number_is(value, 100, &number) || number == 0)
        return "a percentage from 1 to 100";
    p->cpu_share = (uint32_t)number;
    return NULL;
}

static const char *heartbeat_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    (void)line;
    if (!number_is(value, HEARTBEAT_MAX, &number))
        return "milliseconds, at most 60000; 0 for none";
    p->heartbeat = (uint32_t)number;
    return NULL;
}

/* The number of the word; count: it is none of them. */
static unsigned word_find(const char *value, const char *const *words, unsigned count)
{
    unsigned i = 0;

    while (i < count && strcmp(value, words[i]) != 0)
        i++;
    return i;
}

static const char *restart_take(char *value, uint32_t line, struct conf_program *p)
{
    static const char *const words[] = {[CONF_RESTART_ALWAYS] = "always",
                                        [CONF_RESTART_FAULT] = "fault",
                                        [CONF_RESTART_NEVER] = "never"};
    unsigned word = word_find(value, words, 3);

    (void)line;
    p->restart = (enum conf_restart)word;
    return word < 3 ? NULL : "always, fault or never";
}

static const char *ends_take(char *value, uint32_t line, struct conf_program *p)
{
    static const char *const words[] = {
        [CONF_ENDS_NO] = "no", [CONF_ENDS_YES] = "yes", [CONF_ENDS_ALL] = "all"};
    unsigned word = word_find(value, words, 3);

    (void)line;
    p->ends = (enum conf_ends)word;
    return word < 3 ? NULL : "yes, no or all";
}

static const char *failure_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    (void)line;
    if (!number_is(value, 255, &number) || number == 0)
        return "a status from 1 to 255";
    p->failure = (uint32_t)number;
    return NULL;
}

static const char *names_take(char *value, uint32_t line, struct conf_list *list)
{
    char *word;

    while ((word = word_take(&value))) {
        if (!conf_is_name(word))
            return "names of letters, digits, '.', '_' and '-'";
        if (list->count == CONF_NAMES)
            return "at most 16 names";
        list->name[list->count++] = (struct conf_name){word, line};
    }
    return NULL;
}

static const char *files_take(char *value, uint32_t line, struct conf_program *p)
{
    return names_take(value, line, &p->files);
}

static const char *uses_take(char *value, uint32_t line, struct conf_program *p)
{
    return names_take(value, line, &p->uses);
}

static const char *offers_take(char *value, uint32_t line, struct conf_program *p)
{
    return names_take(value, line, &p->offers);
}

static const char *resource_add(struct conf_program *p, enum conf_kind kind, uint32_t line,
                                uint64_t base, uint64_t count)
{
    if (p->resources == CONF_RESOURCES)
        return "at most 16 resources";
    p->resource[p->resources++] = (struct conf_resource){kind, line, base, count};
    return NULL;
}

static const char *ports_take(char *value, uint32_t line, struct conf_program *p)
{
    const uint64_t end = 0xfff8; /* those above cannot be opened (ipc/abi/README.md) */
    uint64_t base, count;

    if (!number_is(word_take(&value), end - 1, &base) ||
        !number_is(word_take(&value), end - base, &count) || !count || !nothing_follows(&value))
        return "first port and how many, as 0x3f8 8";
    return resource_add(p, CONF_PORTS, line, base, count);
}

static const char *irq_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t number;

    if (!number_is(word_take(&value), 1023, &number) || !nothing_follows(&value))
        return "the number of an interrupt line";
    return resource_add(p, CONF_IRQ, line, number, 1);
}

/* BB:DD.F, hexadecimal, as lspci prints it. */
static const char *pci_take(char *value, uint32_t line, struct conf_program *p)
{
    const char *v = value;
    bool shape = strlen(v) == 7 && v[2] == ':' && v[5] == '.';
    int digit[5] = {0};

    if (shape) {
        const char place[5] = {v[0], v[1], v[3], v[4], v[6]};
        for (unsigned i = 0; i < 5; i++) {
            digit[i] = digit_of(place[i]);
            shape = shape && digit[i] < 16;
        }
    }
    uint64_t device = (uint64_t)digit[2] * 16 + (uint64_t)digit[3];
    if (!shape || device > 31 || digit[4] > 7)
        return "a PCI function, as 00:1f.2";
    uint64_t number = ((uint64_t)digit[0] * 16 + (uint64_t)digit[1]) << 8 | device << 3;
    return resource_add(p, CONF_PCI, line, number | (uint64_t)digit[4], 1);
}

/* For a guest: one piece, mapped in large pages. */
static const char *ram_take(char *value, uint32_t line, struct conf_program *p)
{
    uint64_t size;

    if (!size_is(value, MEMORY_MAX, &size) || !size || size % (2u << 20))
        return "a multiple of 2M";
    return resource_add(p, CONF_RAM, line, 0, size);
}

const struct conf_key conf_keys[CONF_KEYS] = {
    {"program", program_take, false, "boot module with its ELF file; the section's name"},
    {"arguments", arguments_take, false, "words; text in \" may have blanks; none"},
    {"memory", memory_take, false, "all that it has, its part of the kernel's included; 1M"},
    {"stack", stack_take, false, "of its main thread; 32K"},
    {"cpu", cpu_take, false, "of its main thread; 0"},
    {"cpus", cpus_take, false, "those on which it may have threads; cpu alone"},
    {"priority", priority_take, false, "1 to 100; 32"},
    {"cpu_share", share_take, false,
     "percent of each of its CPUs, at most, of which its main thread has three quarters; no limit"},
    {"heartbeat", heartbeat_take, false, "milliseconds between signs of life; 0, none"},
    {"restart", restart_take, false, "always, fault or never; always"},
    {"ends", ends_take, false, "yes: the run ends with it; all: with the last of these; no"},
    {"failure", failure_take, false,
     "exit status of the run if it ends with it and that failed; 8"},
    {"files", files_take, false, "boot modules that it can read"},
    {"uses", uses_take, false, "services that it can open"},
    {"offers", offers_take, false, "services that it serves"},
    {"session", session_take, false, "memory of each session that it serves; 16K"},
    {"ram", ram_take, false, "RAM for a guest, besides `memory`; none"},
    {"ports", ports_take, true, "I/O ports: the first, and how many"},
    {"irq", irq_take, true, "an interrupt line"},
    {"pci", pci_take, true, "a PCI function"},
};
