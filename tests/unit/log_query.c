/* What a person types at the log, and the lines that records become. */
#include "query.h"

#include <stdlib.h>

#include "tap.h"

static struct query q;

static enum query_kind parse(const char *line)
{
    query_parse(&q, line, strlen(line));
    return q.kind;
}

static void test_show(void)
{
    is_u64(parse("show\n"), QUERY_SHOW, "show");
    ok(q.level == LOG_DEBUG && !q.name[0], "is everything");
    is_u64(parse("  show \t warning\r\n"), QUERY_SHOW, "show LEVEL, with any spaces");
    ok(q.level == LOG_WARNING && !q.name[0], "is up to that level");
    is_u64(parse("show console"), QUERY_SHOW, "show PROGRAM, without an end of line");
    ok(q.level == LOG_DEBUG && strcmp(q.name, "console") == 0, "is all of that program");
    is_u64(parse("show error debug"), QUERY_SHOW, "a program can be called as a level");
    ok(q.level == LOG_ERROR && strcmp(q.name, "debug") == 0, "when a level is in front");
    is_u64(parse("show one two"), QUERY_BAD, "two programs are one too many");
    ok(strstr(q.error, "'one' is no level"), "which it says: %s", q.error);
    is_u64(parse("show error one two"), QUERY_BAD, "so are three words");
    is_u64(parse("show error one two three four five"), QUERY_BAD, "or more");
    ok(strstr(q.error, "at most"), "which it says: %s", q.error);
}

static void test_others(void)
{
    is_u64(parse(""), QUERY_EMPTY, "nothing");
    is_u64(parse(" \n"), QUERY_EMPTY, "an empty line");
    is_u64(parse("help\n"), QUERY_HELP, "help");
    is_u64(parse("level notice\n"), QUERY_LEVEL, "level LEVEL");
    is_u64(q.level, LOG_NOTICE, "is that level");
    is_u64(parse("level\n"), QUERY_BAD, "level without one");
    is_u64(parse("level loud\n"), QUERY_BAD, "with another word");
    is_u64(parse("level error warning\n"), QUERY_BAD, "with two");
    ok(strstr(q.error, "expected one of error, warning, notice or debug"), "says: %s", q.error);
    is_u64(parse("list\n"), QUERY_BAD, "what is no command");
    ok(strstr(q.error, "'list' is no command"), "says: %s", q.error);
    is_u64(query_level("debu"), LOG_LEVELS, "part of a level is none");
    is_str(query_level_name(99), "?", "a level without a name");
}

/* Whatever is typed, to the byte so that the sanitizer sees who reads on. */
static void test_any(void)
{
    uint64_t seed = 1;
    unsigned wrong = 0;

    for (unsigned n = 0; n < 20000; n++) {
        size_t size = n % 300;
        char *line = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            line[i] = n % 2 ? "show level error \n"[(seed >> 40) % 18] : (char)(seed >> 40);
        }
        char *exact = realloc(line, size ? size : 1);
        query_parse(&q, exact, size);
        wrong += q.kind > QUERY_BAD || strlen(q.name) > RECORDS_NAME ||
                 strlen(q.error) >= QUERY_ERROR || (q.kind == QUERY_BAD) != (q.error[0] != 0) ||
                 (q.kind == QUERY_BAD && q.error[strlen(q.error) - 1] != '\n');
        free(exact);
    }
    is_u64(wrong, 0, "any line is understood or refused with a whole line");
}

static void test_wants(void)
{
    struct record one = {.level = LOG_WARNING, .name = "one"};

    (void)parse("show warning one");
    ok(query_wants(&q, &one), "its level and its program");
    one.level = LOG_NOTICE;
    ok(!query_wants(&q, &one), "less urgent");
    (void)parse("show on");
    ok(!query_wants(&q, &one), "the beginning of its name is another one");
    (void)parse("show");
    ok(query_wants(&q, &one), "everything");
}

static void test_line(void)
{
    static char line[QUERY_LINE + 1], text[LOG_TEXT];
    struct record head = {.time = 12034567890u, .level = LOG_ERROR, .size = 4, .name = "one"};

    line[query_line(line, &head, "text", false)] = 0;
    is_str(line, "one: error: text\n", "a record as a line");
    line[query_line(line, &head, "text", true)] = 0;
    is_str(line, "12.034 one: error: text\n", "with its time");
    line[query_line(line, &head, "a\nb\r", false)] = 0;
    is_str(line, "one: error: a b \n", "stays one line");
    memset(text, 'x', sizeof(text));
    memset(head.name, 'n', RECORDS_NAME);
    head.size = LOG_TEXT;
    head.time = UINT64_MAX;
    head.level = 99;
    size_t size = query_line(line, &head, text, true);
    ok(size <= QUERY_LINE && size > LOG_TEXT + RECORDS_NAME && line[size - 1] == '\n',
       "the longest one has room: %u", (unsigned)size);
}

int main(void)
{
    test_show();
    test_others();
    test_any();
    test_wants();
    test_line();
    return done_testing();
}
