/* The first program's pattern matching, which selects suites. */
#include "glob.h"

#include "tap.h"

struct glob_case {
    const char *pattern, *name;
    bool match;
};

static const struct glob_case cases[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"*", "", true},
    {"*", "anything", true},
    {"**", "x", true},
    {"?", "", false},
    {"?", "x", true},
    {"?", "xy", false},
    {"memory", "memory", true},
    {"memory", "memor", false},
    {"memor", "memory", false},
    {"mem*", "memory", true},
    {"*ory", "memory", true},
    {"*m*", "memory", true},
    {"m?mory", "memory", true},
    {"*?", "x", true},
    {"*?", "", false},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "abcbc", true},
    {"a*b*c", "acb", false},
    {"*ab", "aab", true},
    {"*aab", "aaaab", true},
    {"*a?b", "aaxb", true},
    {"c*s", "cpus", true},
    {"c*s", "cpu", false},
    {"cpus*", "cpus", true},
};

int main(void)
{
    char name[2001], pattern[] = "*a*a*a*a*a*a*a*a*b";

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ok(glob_match(cases[i].pattern, strlen(cases[i].pattern), cases[i].name) == cases[i].match,
           "'%s' %s '%s'", cases[i].pattern, cases[i].match ? "matches" : "does not match",
           cases[i].name);

    ok(glob_match("cpus rest", 4, "cpus"), "a pattern ends at its length, not at a NUL");
    ok(!glob_match("cpus*", 4, "cpus2"), "a star behind the length does not count");

    /* Exponential for a matcher that tries every star again. */
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ok(!glob_match(pattern, strlen(pattern), name), "many stars end in bounded time");
    return done_testing();
}
