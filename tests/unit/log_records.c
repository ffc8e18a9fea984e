/* The log's ring: what is kept, and that a new record pushes out as many old ones as it needs. */
#include "records.h"

#include "tap.h"

static struct records records;

/* Record n has a size and text of its own. */
static uint32_t size_of(uint64_t number)
{
    return (uint32_t)(number * 37 % (LOG_TEXT + 1));
}

static void text_of(uint64_t number, char *text)
{
    for (uint32_t i = 0; i < size_of(number); i++)
        text[i] = (char)('a' + (number + i) % 26);
}

static uint64_t add(uint64_t number)
{
    struct record head = {.number = 99,
                          .time = number * 1000,
                          .level = (uint32_t)(number % 5),
                          .size = size_of(number)};
    char text[LOG_TEXT];

    memset(head.name, 'n', sizeof(head.name));
    text_of(number, text);
    return records_add(&records, &head, text);
}

static bool is_there(uint64_t number)
{
    struct record head;
    char text[LOG_TEXT], want[LOG_TEXT];

    if (!records_get(&records, number, &head, text))
        return false;
    text_of(number, want);
    return head.number == number && head.time == number * 1000 && head.level == number % 5 &&
           head.size == size_of(number) && strlen(head.name) == RECORDS_NAME &&
           memcmp(text, want, head.size) == 0;
}

/* Who reads on and on, slower than others write. */
static void test_next(void)
{
    struct records_at at = {0};
    struct record head;
    char text[LOG_TEXT];
    unsigned wrong = 0, skipped = 0;
    uint64_t last = 0;

    records_open(&records);
    ok(!records_next(&records, &at, &head, text), "none at first: there is no next one");
    for (uint64_t n = 1; n <= 2000; n++) {
        (void)add(n);
        if (n > 500 && n % 2)
            continue; /* he falls behind, until what he has not read yet goes */
        wrong += !records_next(&records, &at, &head, text) || head.number <= last ||
                 head.size != size_of(head.number);
        skipped += head.number > last + 1;
        last = head.number;
    }
    ok(!wrong && skipped, "each one that is there yet, in order");
    while (records_next(&records, &at, &head, text))
        wrong += head.number != ++last;
    ok(!wrong && last == 2000, "to the last one");
    (void)add(2001);
    ok(records_next(&records, &at, &head, text) && head.number == 2001, "and on");
}

int main(void)
{
    struct record head;
    char text[LOG_TEXT];
    unsigned wrong = 0;

    records_open(&records);
    ok(!records_get(&records, 0, &head, text), "none at first: there is no oldest one");
    ok(!records_get(&records, 1, &head, text), "nor a first one");
    is_u64(add(1), 1, "they are numbered from 1 on");
    ok(is_there(1), "it is there, with all that it had");
    ok(!records_get(&records, 2, &head, text), "the next one is not");
    ok(records_get(&records, 0, &head, text) && head.number == 1, "0 is the oldest one");
    for (uint64_t n = 2; n <= 3000; n++) {
        wrong += add(n) != n || !is_there(n);
        wrong += records.end - records.begin > LOG_KEPT;
        wrong += records.first > 1 && records.end - records.begin < LOG_KEPT - 2 * (LOG_TEXT + 64);
    }
    is_u64(wrong, 0, "each new one is there, and no more than fits");
    ok(records.first > 1, "old ones have gone: the oldest is %u", (unsigned)records.first);
    for (uint64_t n = records.first; n <= records.last; n++)
        wrong += !is_there(n);
    is_u64(wrong, 0, "all from the oldest on are there");
    ok(!records_get(&records, records.first - 1, &head, text), "the one before is not");
    ok(records_get(&records, 0, &head, text) && head.number == records.first, "0 is the oldest");
    test_next();
    return done_testing();
}
