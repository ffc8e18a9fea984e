/* The first program's reading of the command line. */
#include "options.h"

#include "tap.h"

static void check_find(void)
{
    const char *line = "/path/loader tests=mem* expect.cpus=2 exact empty=  tests=other";
    struct word word = {NULL, 0};

    ok(option_find(line, "tests", &word) && word_equal(word, "mem*"), "a value up to the space");
    ok(option_find(line, "exact", &word) && word.length == 0, "a bare name");
    ok(option_find(line, "empty", &word) && word.length == 0, "an empty value");
    ok(!option_find(line, "test", &word), "a longer word is another");
    ok(!option_find(line, "tests2", &word), "a shorter word is another");
    ok(!option_find(line, "mem*", &word), "a value is not a name");
    ok(!option_find("", "tests", &word), "an empty line has nothing");
    ok(!option_find("   ", "", &word), "spaces are no words");
    ok(option_find("  a=b", "a", &word) && word_equal(word, "b"), "spaces in front");
    ok(option_find("a=b=c", "a", &word) && word_equal(word, "b=c"), "only the first '=' counts");
    ok(!option_find("=x", "a", &word), "a word without a name is nobody's");
}

static void check_number(void)
{
    uint64_t value = 7;

    ok(option_number("n=0", "n", &value) && value == 0, "zero");
    ok(option_number("x n=6442450944 y", "n", &value) && value == 6442450944u, "more than 32 bits");
    ok(option_number("n=18446744073709551615", "n", &value) && value == UINT64_MAX, "the largest");
    value = 7;
    ok(!option_number("n=18446744073709551616", "n", &value), "one more overflows");
    ok(!option_number("n=99999999999999999999999", "n", &value), "far too large");
    ok(!option_number("n=", "n", &value), "no digits");
    ok(!option_number("n", "n", &value), "no value");
    ok(!option_number("n=12x", "n", &value), "a letter among digits");
    ok(!option_number("n=-1", "n", &value), "a sign");
    ok(!option_number("m=1", "n", &value), "another name");
    is_u64(value, 7, "a failure changes nothing");
}

static void check_words(void)
{
    struct word word = {"abcdef", 3};

    ok(word_equal(word, "abc"), "equal");
    ok(!word_equal(word, "ab"), "text is shorter");
    ok(!word_equal(word, "abcd"), "text is longer");
    ok(!word_equal(word, "abd"), "a letter differs");
    ok(word_equal((struct word){"", 0}, ""), "both empty");
}

int main(void)
{
    check_find();
    check_number();
    check_words();
    return done_testing();
}
