#include "query.h"

#include <stdio.h>
#include <string.h>

#define WORDS      4u /* one more than any command has */
#define WORD_BYTES (RECORDS_NAME + 1u)
#define LEVELS     "error, warning, notice or debug"

static const char *const level_names[LOG_LEVELS] = {"error", "warning", "notice", "debug"};

uint32_t query_level(const char *name)
{
    uint32_t level = 0;

    while (level < LOG_LEVELS && strcmp(level_names[level], name) != 0)
        level++;
    return level;
}

const char *query_level_name(uint32_t level)
{
    return level < LOG_LEVELS ? level_names[level] : "?";
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Words of the line, each cut off where it cannot be a name any more; how many, WORDS at most. */
static unsigned words_of(char word[WORDS][WORD_BYTES], const char *line, size_t size)
{
    unsigned words = 0;

    for (size_t i = 0; i < size && words < WORDS; words++) {
        size_t length = 0;
        while (i < size && is_space(line[i]))
            i++;
        if (i == size)
            break;
        for (; i < size && !is_space(line[i]); i++)
            if (length < WORD_BYTES - 1)
                word[words][length++] = line[i];
        word[words][length] = 0;
    }
    return words;
}

/* A level, a name, or both in this order. */
static void show_parse(struct query *q, char word[WORDS][WORD_BYTES], unsigned words)
{
    unsigned next = 1;

    q->kind = QUERY_SHOW;
    q->level = LOG_DEBUG;
    if (next < words && query_level(word[next]) < LOG_LEVELS)
        q->level = query_level(word[next++]);
    if (next < words)
        memcpy(q->name, word[next++], WORD_BYTES);
    if (next == words)
        return;
    q->kind = QUERY_BAD;
    if (words > 3)
        snprintf(q->error, sizeof(q->error), "show: expected a level and a program at most\n");
    else
        snprintf(q->error, sizeof(q->error), "show: '%s' is no level: expected " LEVELS "\n",
                 word[1]);
}

static void level_parse(struct query *q, char word[WORDS][WORD_BYTES], unsigned words)
{
    q->kind = QUERY_LEVEL;
    q->level = words == 2 ? query_level(word[1]) : LOG_LEVELS;
    if (q->level < LOG_LEVELS)
        return;
    q->kind = QUERY_BAD;
    snprintf(q->error, sizeof(q->error), "level: expected one of " LEVELS "\n");
}

void query_parse(struct query *q, const char *line, size_t size)
{
    char word[WORDS][WORD_BYTES];
    unsigned words = words_of(word, line, size);

    *q = (struct query){.kind = QUERY_EMPTY};
    if (!words)
        return;
    if (strcmp(word[0], "show") == 0) {
        show_parse(q, word, words);
    } else if (strcmp(word[0], "level") == 0) {
        level_parse(q, word, words);
    } else if (strcmp(word[0], "help") == 0) {
        q->kind = QUERY_HELP;
    } else {
        q->kind = QUERY_BAD;
        snprintf(q->error, sizeof(q->error), "'%s' is no command: expected show, level or help\n",
                 word[0]);
    }
}

bool query_wants(const struct query *q, const struct record *head)
{
    return head->level <= q->level && (!q->name[0] || strcmp(q->name, head->name) == 0);
}

size_t query_line(char line[QUERY_LINE], const struct record *head, const char *text,
                  bool with_time)
{
    size_t used = 0;

    if (with_time)
        used = (size_t)snprintf(line, QUERY_LINE, "%lu.%03lu ", head->time / 1000000000u,
                                head->time / 1000000u % 1000u);
    used += (size_t)snprintf(line + used, QUERY_LINE - used, "%s: %s: ", head->name,
                             query_level_name(head->level));
    for (uint32_t i = 0; i < head->size && used < QUERY_LINE - 1; i++)
        line[used++] =
            is_space(text[i]) || !text[i] ? ' ' : text[i]; /* a line of its own is a lie */
    line[used++] = '\n';
    return used;
}
